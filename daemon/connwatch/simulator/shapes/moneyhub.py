"""Moneyhub's JSON (providers/moneyhub.md sections 3, 4 and 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connwatch.simulator.shapes import private, stamps
from connwatch.simulator.world.chance import Dice, trait
from connwatch.simulator.world.model import TERM, Connection, Institution, Owner, data_at

if TYPE_CHECKING:
    from collections.abc import Iterable


def user(owner: Owner, client_id: str, connection_ids: list[str], now: float) -> dict[str, Any]:
    """Show a user, in one of the ways in which the optional fields are there, null or absent."""
    item: dict[str, Any] = {
        "userId": owner.id,
        "clientId": client_id,
        "createdAt": stamps.millis(owner.created),
        "updatedAt": stamps.millis(owner.created),
        "lastAccessed": stamps.millis(now - owner.grain % 86400),
        "scopes": "user:create",
        "managedBy": "user" if trait(owner.grain, "managed by user", 5) else "client",
        "userType": ("live", "live", "live", "test", "demo")[owner.grain % 5],
        "connectionIds": connection_ids,
    }
    if not trait(owner.grain, "no client user id", 3):
        item["clientUserId"] = None if trait(owner.grain, "null client user id", 4) else private.customer(owner.grain)
    if trait(owner.grain, "client name", 2):
        item["clientName"] = "Simulated Client"
    if owner.deleted is not None:
        item["deletedAt"] = stamps.millis(owner.deleted)
    elif trait(owner.grain, "null deletion", 2):
        item["deletedAt"] = None
    return item


def connection(each: Connection, place: Institution, now: float) -> dict[str, Any]:
    """Show a connection, in one of the ways in which the optional fields are there, null or absent."""
    updated, state = data_at(each, now), each.state
    item: dict[str, Any] = {
        "id": each.id,
        "name": place.name,
        "type": each.kind,
        "connectedOn": stamps.millis(each.created),
        "accountIds": [] if updated is None else [Dice(each.grain, "account").uuid()],
        "status": state.status,
    }
    if state.reason or trait(each.grain, "null error", 2):
        item["error"] = state.reason or None
    if state.extended:
        item["extendedStatus"] = state.extended
    if updated is not None:
        item["lastUpdated"] = stamps.millis(updated)
    if each.expires is not None:
        item["expiresAt"] = stamps.millis(each.expires)
        item["userConsentedAt"] = stamps.millis(each.expires - TERM.get(each.kind, TERM["api"]))
    elif trait(each.grain, "null expiry", 4):
        item["expiresAt"] = None
    if not trait(each.grain, "no tpp consent", 3):
        item["tppConsent"] = trait(each.grain, "tpp consent", 2)
    if not trait(each.grain, "no single sync", 2):
        item["singleSyncOnly"] = trait(each.grain, "single sync", 20)
    if each.kind == "legacy" and not trait(each.grain, "no mfa", 3):
        item["useMfa"] = trait(each.grain, "mfa", 2)
    return item


def well_known(places: Iterable[Institution]) -> list[dict[str, Any]]:
    """Show institutions with what the provider says of them: a bare array."""
    return [
        {
            "id": place.id,
            "name": place.name,
            "type": place.kinds[0],
            "country": place.country,
            "bankRef": place.name.lower().replace(" ", "-"),
            "parentRef": place.name.lower().replace(" ", "-"),
            "isBeta": place.stage != "live",
            "iconUrl": f"https://icons.example.test/{place.id}",
            "accountTypes": [{"name": "cash", "beta": False}, {"name": "card", "beta": True}],
            "userTypes": ["personal", "business"],
            "payments": ["domestic"] if place.kinds[0] == "api" else [],
            "status": {"sync": place.standing, "auth": place.auth_standing},
            **({"daysInitialConsent": 90} if place.kinds[0] == "api" else {}),
        }
        for place in places
    ]
