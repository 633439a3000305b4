"""Nectar's JSON (providers/nectar.md sections 2 to 4)."""

from __future__ import annotations

from typing import Any

from connwatch.simulator.shapes import private, stamps
from connwatch.simulator.world.chance import Dice, trait
from connwatch.simulator.world.model import DAY, Connection, Institution, Nature, Owner, data_at

ACCOUNT_STATUSES = (
    "DETECTED",
    "ONBOARDED",
    "PULL_COMPLETED",
    "PULL_COMPLETED",
    "PULL_COMPLETED",
    "NO_DOCUMENTS_FOUND",
    "PDF_DOWNLOAD_FAILED",
    "ACCOUNT_NOT_FOUND",
    "OTHER_ERROR",
    "OLD_ACCOUNT",
    "DUPLICATE",
    "CUSTOMER_NOT_TRACKED",
)
"""What the accounts of a connection that runs may show; the others have the two that follow from the connection."""
TRACKING = ("ENABLED", "ENABLED", "UNSET", "DISABLED")
SERVICES = ("ELECTRICITY", "GAS", "WATER", "DISTRICT", "WASTE", "FUEL", "MISC", "REFRIGERANT", "SOLAR", "TELECOM")


def company(owner: Owner) -> dict[str, Any]:
    """Show a company: addresses of its sites and e-mail addresses of its users included."""
    dice = Dice(owner.grain, "sites")
    return {
        "id": owner.id,
        "name": owner.name,
        "externalId": private.customer(owner.grain) if trait(owner.grain, "external id", 2) else None,
        "sites": [
            {
                "id": dice.uuid(),
                "name": f"Site {number}",
                "dataCollectionStopDate": None,
                "externalId": None,
                "address": private.address(dice.word()),
                "path": ["All", f"Site {number}"],
                "occupancyPercent": "100.00",
            }
            for number in (1, 2)
        ],
        "users": [private.email(owner.grain)],
        "isDemandEnabled": False,
        "dataCollectionStartDate": stamps.day(owner.created),
        "isImpliedMeteringEnabled": False,
        "impliedMeteringFraction": "0.00",
        "isBasicIdentifierMappingEnabled": False,
        "isLowAccuracyModeEnabled": False,
    }


def connection(each: Connection, owner: Owner, place: Institution, now: float) -> dict[str, Any]:
    """Show a connection, with its magic-link secret and its owner's log-in name."""
    stamp = stamps.naive if trait(each.grain, "naive times", 25) else stamps.seconds
    checked = data_at(each, now)
    if checked is None and trait(each.grain, "unchecked has a time", 2):
        checked = each.created
    dice = Dice(each.grain, "nectar")
    url = f"https://portal-{each.grain % 97}.example.test"
    item: dict[str, Any] = {
        "id": each.id,
        "created": stamp(each.created),
        "updated": stamp(max(each.since, checked or each.created)),
        "publicCompanyId": f"pub-{private.CANARY}-{owner.grain:016x}",
        "connectionMagicLinkSecret": private.secret(each.grain),
        "status": each.state.status,
        "statusLastUpdateTime": None if checked is None else stamp(checked),
        "statusFirstSeenTime": None if trait(each.grain, "no first time", 40) else stamp(each.since),
        "statusErrorDetail": _error_detail(each),
        "externalId": private.customer(each.grain) if trait(each.grain, "external id", 3) else None,
        "datasource": {"name": place.name, "url": None if trait(each.grain, "no url", 10) else url},
        "accounts": [_account(each, number, now) for number in range(each.grain % 4)],
        "company": {"id": owner.id, "name": owner.name, "externalId": None},
        "url": url,
        "country": place.country,
        "initialSites": [dice.uuid()],
        "initialDatasourceTypes": [dice.pick(SERVICES)],
        "username": None if trait(each.grain, "no username", 12) else private.username(each.grain),
        "workflowOwnerEmail": private.email(each.grain),
        "dataCollectionStartDate": stamps.day(each.created - 365 * DAY),
        "multiplyByOccupancy": False,
        "isActive": not trait(each.grain, "inactive", 60),
    }
    if trait(each.grain, "older serializer", 6):
        del item["externalId"], item["isActive"]
    return item


def account_status(each: Connection, number: int) -> str | None:
    """Say what the status of a connection's account with this number is, or None where accounts don't show one."""
    if trait(each.grain, "accounts without status", 2):
        return None
    if each.state.nature is Nature.OVER:
        return "COMPANY_INACTIVE"
    if each.state.nature is Nature.USER:
        return "WORKFLOW_NOT_ACCESSIBLE"
    return Dice(each.grain, "account", number).pick(ACCOUNT_STATUSES)


def account_tracking(each: Connection, number: int) -> str | None:
    """Say what an account's tracking status is, or None where it isn't shown."""
    return None if trait(each.grain + number, "no tracking", 20) else TRACKING[(each.grain + number) % len(TRACKING)]


def _account(each: Connection, number: int, now: float) -> dict[str, Any]:
    dice = Dice(each.grain, "account ids", number)
    status, tracking = account_status(each, number), account_tracking(each, number)
    item: dict[str, Any] = {
        "id": dice.uuid(),
        "accountNumber": private.account_number(dice.word()),
        "meters": [dice.uuid()],
        "isTracked": tracking != "DISABLED",
        "isDuplicated": "true" if status == "DUPLICATE" else "false",
        "dataCollectionStartDate": None,
        "isCollectingInvoiceData": True,
        "isCollectingSmartMeterData": False,
        "datasourceTypes": [dice.pick(SERVICES)],
        "lastServiceDate": stamps.day(each.since) if status == "OLD_ACCOUNT" else None,
    }
    if tracking is not None:
        item["trackingStatus"] = tracking
    if status is not None:
        checked = data_at(each, now)
        item |= {
            "status": status,
            "statusLastUpdateTime": None if checked is None else stamps.seconds(checked),
            "statusFirstSeenTime": stamps.seconds(each.since),
            "statusErrorDetail": None,
        }
    return item


def _error_detail(each: Connection) -> str | None:
    """Portals like to quote who tried to log in."""
    if each.state.nature not in {Nature.USER, Nature.SITE}:
        return None
    return f"The portal did not accept {private.username(each.grain)}"
