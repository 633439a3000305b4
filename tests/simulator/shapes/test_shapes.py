"""What each provider's JSON has, over the whole default world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connwatch.simulator.shapes import basiq, moneyhub, nectar
from connwatch.simulator.shapes.private import CANARY
from connwatch.simulator.world.founding import found
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from connwatch.simulator.world.world import World

Items = list[dict[str, Any]]


@pytest.fixture(scope="module")
def world() -> World:
    """Give the default world."""
    return found(1, 2000, NOW)


@pytest.fixture(scope="module")
def of_nectar(world: World) -> Items:
    """Show all connections of Nectar."""
    return [
        nectar.connection(each, world.owner(each.owner), world.institutions[each.institution], NOW)
        for each in world.connections.values()
        if each.provider == "nectar"
    ]


@pytest.fixture(scope="module")
def of_moneyhub(world: World) -> Items:
    """Show all connections of Moneyhub."""
    return [
        moneyhub.connection(each, world.institutions[each.institution], NOW)
        for each in world.connections.values()
        if each.provider == "moneyhub"
    ]


@pytest.fixture(scope="module")
def of_basiq(world: World) -> Items:
    """Show all connections of Basiq."""
    return [basiq.connection(each, NOW) for each in world.connections.values() if each.provider == "basiq"]


def variants(items: Items, field: str) -> set[object]:
    """Collect what a field says, `...` where it is absent; of texts only whether they are empty."""
    found = set()
    for item in items:
        value = item.get(field, ...)
        found.add(bool(value) if isinstance(value, str) else value)
    return found


def test_nectar_shows_every_documented_field(of_nectar: Items) -> None:
    """A full connection has the fields of providers/nectar.md section 3, and nothing else."""
    assert {
        "id", "created", "updated", "status", "statusLastUpdateTime", "statusFirstSeenTime", "statusErrorDetail",
        "datasource", "url", "country", "company", "externalId", "isActive", "accounts", "initialSites",
        "initialDatasourceTypes", "username", "workflowOwnerEmail", "publicCompanyId", "connectionMagicLinkSecret",
        "dataCollectionStartDate", "multiplyByOccupancy",
    } == set().union(*of_nectar)  # fmt: skip


def test_nectar_leaves_out_what_the_older_serializer_did(of_nectar: Items) -> None:
    """Some connections have neither `isActive` nor `externalId`, some are inactive, some times are null."""
    assert variants(of_nectar, "isActive") == {True, False, ...}
    assert variants(of_nectar, "externalId") == {True, None, ...}
    assert variants(of_nectar, "statusLastUpdateTime") == {True, None}
    assert variants(of_nectar, "statusFirstSeenTime") == {True, None}
    assert variants(of_nectar, "username") == {True, None}


def test_nectar_writes_some_times_without_a_zone(of_nectar: Items) -> None:
    """Most times end in Z, some say nothing of a zone."""
    naive = [item for item in of_nectar if not item["created"].endswith("Z")]

    assert 0 < len(naive) < len(of_nectar) / 10


def test_nectar_accounts_show_every_status_or_none(of_nectar: Items) -> None:
    """All twelve account statuses occur, all tracking statuses, and accounts without either."""
    accounts = [account for item in of_nectar for account in item["accounts"]]
    documented = {*nectar.ACCOUNT_STATUSES, "WORKFLOW_NOT_ACCESSIBLE", "COMPANY_INACTIVE"}

    assert len(documented) == 12
    assert {account.get("status") for account in accounts} == {*documented, None}
    assert {account.get("trackingStatus") for account in accounts} == {"ENABLED", "DISABLED", "UNSET", None}
    assert any(not item["accounts"] for item in of_nectar)


def test_nectar_carries_its_traps(of_nectar: Items) -> None:
    """Every connection has a magic-link secret, and errors quote the log-in name."""
    assert all(CANARY in item["connectionMagicLinkSecret"] for item in of_nectar)
    assert any(CANARY in (item["statusErrorDetail"] or "") for item in of_nectar)
    assert all(CANARY in account["accountNumber"] for item in of_nectar for account in item["accounts"])


def test_moneyhub_shows_every_documented_field_and_variant(of_moneyhub: Items) -> None:
    """Optional fields are there, null and absent, as providers/moneyhub.md section 4.2 allows."""
    assert variants(of_moneyhub, "error") == {True, None, ...}
    assert variants(of_moneyhub, "extendedStatus") == {True, ...}
    assert variants(of_moneyhub, "lastUpdated") == {True, ...}
    assert variants(of_moneyhub, "expiresAt") == {True, None, ...}
    assert variants(of_moneyhub, "userConsentedAt") == {True, ...}
    assert variants(of_moneyhub, "tppConsent") == {True, False, ...}
    assert variants(of_moneyhub, "singleSyncOnly") == {True, False, ...}
    assert variants(of_moneyhub, "useMfa") == {True, False, ...}
    assert any(not item["accountIds"] for item in of_moneyhub)


def test_moneyhub_legacy_never_ends(of_moneyhub: Items) -> None:
    """Legacy connections have no expiry, and neither have those of one bank."""
    endless = {item["type"] for item in of_moneyhub if not item.get("expiresAt")}

    assert endless == {"legacy", "api"}
    assert not any(item.get("expiresAt") for item in of_moneyhub if item["type"] == "legacy")


def test_moneyhub_prefix_is_the_institution(world: World, of_moneyhub: Items) -> None:
    """The part of the id before the colon is found in the list of institutions; names alone are not unique."""
    listed = moneyhub.well_known(place for place in world.institutions.values() if place.provider == "moneyhub")
    known = {entry["id"]: entry["type"] for entry in listed}

    assert all(known[item["id"].partition(":")[0]] == item["type"] for item in of_moneyhub)
    assert len({entry["name"] for entry in listed}) < len(listed)


def test_moneyhub_institutions_show_every_standing(world: World) -> None:
    """Each of the four standings occurs for sync and for auth."""
    listed = moneyhub.well_known(place for place in world.institutions.values() if place.provider == "moneyhub")
    words = {"AVAILABLE", "PARTIALLY_AVAILABLE", "TEMPORARILY_UNAVAILABLE", "PERMANENTLY_UNAVAILABLE"}

    assert {entry["status"]["sync"] for entry in listed} == words
    assert {entry["status"]["auth"] for entry in listed} == words


def test_moneyhub_users_come_in_all_variants(world: World) -> None:
    """Optional fields of a user are there, null and absent."""
    users = [moneyhub.user(owner, "client", [], NOW) for owner in world.owners["moneyhub"].values()]

    assert variants(users, "clientUserId") == {True, None, ...}
    assert variants(users, "deletedAt") == {True, None, ...}
    assert variants(users, "clientName") == {True, ...}
    assert {user["userType"] for user in users} == {"live", "test", "demo"}


def test_basiq_shows_every_variant(of_basiq: Items) -> None:
    """Both spellings of the method, three ways to have no expiry, and missing status and last use occur."""
    assert {item["method"] for item in of_basiq} == {"web", "openbanking", "open-banking", "csv", "pdf"}
    assert variants(of_basiq, "expiryDate") == {True, False, None, ...}
    assert variants(of_basiq, "status") == {True, ...}
    assert variants(of_basiq, "lastUsed") == {True, ...}
    assert variants(of_basiq, "mfaEnabled") == {True, False, ...}
    assert {item["institution"]["links"]["self"].split("/")[3] for item in of_basiq} == {"connectors", "institutions"}


def test_basiq_connectors_show_every_status(world: World) -> None:
    """All connector statuses, stages and ways of authorisation occur, and statistics that are missing."""
    listed = basiq.connectors(place for place in world.institutions.values() if place.provider == "basiq")

    assert {entry["status"] for entry in listed} == {
        "operational",
        "degraded-performance",
        "partial-outage",
        "major-outage",
        "under-maintenance",
    }
    assert {entry["stage"] for entry in listed} == {"live", "beta", "alpha"}
    assert {"user", "user-mfa", "user-mfa-intermittent", "token"} <= {
        entry["authorization"]["type"] for entry in listed
    }
    assert any(entry["stats"] is None for entry in listed)


def test_basiq_events_tell_a_week_with_doubles(world: World) -> None:
    """Created, activated and invalidated connections and new users are told; some events come twice."""
    events = basiq.events(reversed(world.journal))

    told = {(event["entity"], event["eventType"]) for event in events}
    assert {("connection", "created"), ("connection", "activated"), ("connection", "invalidated")} <= told
    assert ("user", "created") in told
    assert len({event["id"] for event in events}) < len(events)
    assert [event["createdDate"] for event in events] == sorted((e["createdDate"] for e in events), reverse=True)
    invalidated = [event for event in events if event["eventType"] == "invalidated"]
    assert all(event["data"]["status"] == "invalid-connection" for event in invalidated)
    assert all(CANARY in event["data"]["email"] for event in events if event["entity"] == "user")
