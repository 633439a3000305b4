"""Moneyhub's connections: how they are listed, what they say, and what they come down to."""

from __future__ import annotations

from typing import Any

import pytest

from connwatch.core.model import NEVER, Failure
from connwatch.core.wire import MAX_PAGES, Reply, Request
from tests.providers.conversing import NOW, Script, Site, paths, run
from tests.providers.moneyhub_source import ID, LIST, NEW, decoded, held, item, listed, listing, moneyhub, seen, stored

HOUR, DAY = 3600.0, 86_400.0
ENDS = "2026-12-30T08:00:00.000Z"


def test_a_listing_is_one_request() -> None:
    """All connections of a user come at once (section 4.1)."""
    script = Script(stored("connections.json"))
    made = listed(script)
    assert list(made.told) == [raw["id"] for raw in decoded("connections.json")["data"]]
    assert paths(script.requests) == [LIST]


def test_a_user_without_connections() -> None:
    """An empty listing is complete, whatever else its envelope says."""
    assert listed(Script(listing(links={"self": "x", "next": None}, meta={"total": 0}))).told == {}
    assert listed(Script(listing(meta=None, links=None))).told == {}


def test_a_connection_that_is_listed_twice_is_one() -> None:
    """The later statement holds."""
    made = listed(Script(listing(item(), item(status="never"))))
    assert [(one.id, one.status) for one in made.told.values()] == [(ID, "never")]


@pytest.mark.parametrize(
    "link", [f"https://identity.moneyhub.co.uk{LIST}?limit=1&offset=1", f"{LIST}?limit=1&offset=1", "?limit=1&offset=1"]
)
def test_should_there_be_pages_they_are_read(link: str) -> None:
    """No document says so; but a list that says itself that it goes on isn't complete."""
    site = Site(
        {LIST: listing(item("a:1"), links={"next": link}), f"{LIST}?limit=1&offset=1": listing(item("a:2"), links={})}
    )
    assert list(listed(site).told) == ["a:1", "a:2"]


def test_a_link_leads_nowhere_else() -> None:
    """Neither to another host nor to another list: its query alone is followed."""
    script = Script(listing(item("a:1"), links={"next": "https://evil.example.test/users/u-2/secrets?x=1"}), listing())
    listed(script)
    assert paths(script.requests) == [LIST, f"{LIST}?x=1"]


@pytest.mark.parametrize("link", [f"{LIST}?page=2", "/elsewhere", "http://[", "?"])
def test_pages_that_repeat_are_a_loop(link: str) -> None:
    """A list that goes on without anything new is not asked for ever."""
    script = Script(listing(item(), links={"next": link}), forever=True)
    failure = run(moneyhub().list(NEW, NOW), script)
    assert isinstance(failure, Failure)
    assert (failure.outcome, len(script.requests)) == ("loop", 2)


def test_there_are_not_more_pages_than_that() -> None:
    """Even one that brings something new each time has an end."""
    requests: list[Request] = []

    def endless(request: Request) -> Reply:
        requests.append(request)
        return listing(item(f"a:{len(requests)}"), links={"next": f"?page={len(requests)}"})

    failure = run(moneyhub().list(NEW, NOW), endless)
    assert isinstance(failure, Failure)
    assert (failure.outcome, len(requests)) == ("loop", MAX_PAGES)


def test_a_user_who_is_unknown_is_not_found() -> None:
    """It is Moneyhub's answer about that user (contract.md, *Gone*); what it says of the person is not kept."""
    source = moneyhub()
    failure = run(source.list(NEW, NOW), Script(stored("user-unknown.json", 404)), refusal=source.refusal)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code) == ("not_found", "NotFound")
    assert failure.correlation_id == "c0ffee00-5a5f-4d4a-9a43-6d2f0b9e7c11"
    assert "cust" not in repr(failure)


@pytest.mark.parametrize(
    ("status", "error", "reason", "condition"),
    [
        ("ok", None, "", "healthy"),
        ("ok", "sync_error", "", "healthy"),
        ("error", None, "", "degraded"),
        ("error", "", "", "degraded"),
        ("error", "resync", "resync", "action_required"),
        ("error", "sync_error", "sync_error", "degraded"),
        ("error", "sync_partial", "sync_partial", "degraded"),
        ("error", "mfa_required", "mfa_required", "action_required"),
        ("error", "credentials_error", "credentials_error", "action_required"),
        ("never", None, "", "inactive"),
        ("never", "sync_error", "", "inactive"),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_statuses_and_errors(status: str, error: str | None, reason: str, condition: str, *, absent: bool) -> None:
    """product.md, *Conditions*: an error belongs to the status `error`, and may be null or left out."""
    raw = item(status=status, error=error)
    one = held(raw if absent else {**raw, "error": error})
    assert (one.seen.status, one.seen.reason, one.verdict.condition) == (status, reason, condition)
    assert one.seen.words.unknown == ()


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [
        ({"status": "paused"}, ("status", "paused")),
        ({"status": "error", "error": "bank_holiday"}, ("error", "bank_holiday")),
        ({"status": "error", "error": "Bank is on holiday!"}, ("error", "other")),
        ({"type": "experian"}, ("type", "experian")),
        ({"type": None}, ("type", "other")),
        ({"extendedStatus": "asleep"}, ("extended_status", "asleep")),
    ],
)
def test_values_that_nobody_documented(changed: dict[str, Any], unknown: tuple[str, str]) -> None:
    """They are shown, if fit for a label, and counted under a field that the policy knows; the poll goes on."""
    one = held(item(**changed))
    assert one.seen.words.unknown == (unknown,)
    assert unknown[0] in moneyhub().policy("moneyhub", ()).unknown_fields
    assert (one.verdict.condition == "unknown") == (unknown[0] in {"status", "error"})


@pytest.mark.parametrize("kind", ["api", "legacy", "test", "zoopla", "mouseprice", "autotrader"])
def test_kinds(kind: str) -> None:
    """The `type` is what decides the cadence; one that is documented is not unknown."""
    assert (seen(item(type=kind)).kind, seen(item(type=kind)).words.unknown) == (kind, ())


@pytest.mark.parametrize(
    ("id_", "institution"),
    [
        ("1ffe704d39629a929c8e293880fb449a:7b0c4a52-8f6e-4f53-9d0a-1c2b3d4e5f60", "1ffe704d39629a929c8e293880fb449a"),
        ("DEMO:7b0c4a528f6e4f539d0a1c2b3d4e5f60", "DEMO"),
        ("a:b:c", "a"),
        ("7b0c4a52-8f6e-4f53-9d0a-1c2b3d4e5f60", "unknown"),
        (":7b0c4a52", "unknown"),
        ("a b:7b0c4a52", "unknown"),
        ("x" * 65 + ":1", "unknown"),
    ],
)
def test_institutions(id_: str, institution: str) -> None:
    """What stands before the colon. An id without one is no institution, for each connection would be its own."""
    assert seen(item(id_)).institution == institution


def test_the_name_of_an_institution() -> None:
    """Shown as it comes, and absent where there is none."""
    assert seen(item(name="Example Bank (UK)")).words.institution_name == "Example Bank (UK)"
    assert seen(item(name=None)).words.institution_name == ""


@pytest.mark.parametrize(
    ("changed", "traits", "condition"),
    [
        ({"extendedStatus": None}, (), "healthy"),
        ({"extendedStatus": "expired"}, ("expired",), "expired"),
        ({"extendedStatus": "expired", "status": "never"}, ("expired",), "inactive"),
        ({"extendedStatus": "stoppedSyncing"}, ("stopped",), "action_required"),
        ({"singleSyncOnly": True}, ("single_sync",), "healthy"),
        ({"singleSyncOnly": False}, (), "healthy"),
        ({"extendedStatus": "expired", "singleSyncOnly": True}, ("expired", "single_sync"), "expired"),
    ],
)
def test_traits(changed: dict[str, Any], traits: tuple[str, ...], condition: str) -> None:
    """What the extended status and the flag say beside the status (sections 4.2 and 6.1)."""
    one = held(item(**changed))
    assert (one.seen.words.traits, one.verdict.condition) == (traits, condition)


@pytest.mark.parametrize(
    ("consent", "renewal"),
    [
        ({"tppConsent": True}, "reconsent"),
        ({"tppConsent": False}, "reauth"),
        ({}, "unknown"),
        ({"tppConsent": None}, "unknown"),
    ],
)
def test_how_a_consent_is_renewed(consent: dict[str, bool | None], renewal: str) -> None:
    """By its `tppConsent`, where there is an end at all (metrics.md, *Consents*)."""
    ending = seen({**item(expiresAt=ENDS), **consent})
    assert (ending.expires_at, ending.words.renewal) == (1_798_617_600.0, renewal)
    assert seen({**item(), **consent}).words.renewal is None


@pytest.mark.parametrize("end", [{}, {"expiresAt": None}, {"expiresAt": ""}])
def test_no_end_is_not_an_end(end: dict[str, Any]) -> None:
    """Absent and null never count as expired: some banks have no end, and nothing of legacy has (section 6.4)."""
    one = held({**item(), **end})
    assert (one.seen.expires_at, one.verdict.condition, one.verdict.consent) == (None, "healthy", None)


def test_an_end_that_has_passed() -> None:
    """Expired by the time alone, whatever the error shows."""
    one = held(item(status="error", error="credentials_error", expiresAt="2026-11-21T12:00:00Z"))
    assert one.verdict.condition == "expired"


@pytest.mark.parametrize(
    ("kind", "age", "judged", "stale"),
    [
        ("api", DAY - 1, True, False),
        ("api", DAY, True, True),
        ("legacy", 2 * DAY - 1, True, False),
        ("legacy", 2 * DAY, True, True),
        ("zoopla", 35 * DAY - 1, True, False),
        ("zoopla", 35 * DAY, True, True),
        ("mouseprice", 35 * DAY, True, True),
        ("autotrader", 34 * DAY, True, False),
        ("test", 99 * DAY, False, False),
        ("experian", 99 * DAY, False, False),
    ],
)
def test_how_old_data_may_be(kind: str, age: float, *, judged: bool, stale: bool) -> None:
    """metrics.md, *Policies and their defaults*: by kind, and not at all where nothing is promised."""
    updated = "2026-11-01T00:00:00Z"
    at = seen(item(lastUpdated=updated)).data_at
    assert at is not None
    verdict = held(item(type=kind, connectedOn="2026-01-01T00:00:00Z", lastUpdated=updated), at + age).verdict
    assert (verdict.judged, verdict.stale) == (judged, stale)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "never"},
        {"extendedStatus": "expired"},
        {"singleSyncOnly": True},
        {"expiresAt": "2026-11-01T00:00:00Z"},
    ],
)
def test_what_is_not_judged_by_age(changed: dict[str, Any]) -> None:
    """What will not be updated any more can't be stale."""
    verdict = held(item(lastUpdated="2026-01-01T00:00:00Z", **changed)).verdict
    assert (verdict.judged, verdict.stale) == (False, False)


@pytest.mark.parametrize(
    ("status", "age", "condition", "late"),
    [
        ("ok", HOUR - 1, "pending", False),
        ("ok", HOUR, "healthy", True),
        ("error", HOUR - 1, "degraded", False),
        ("error", HOUR, "degraded", True),
    ],
)
def test_a_connection_without_data(status: str, age: float, condition: str, *, late: bool) -> None:
    """Pending for its first hour if nothing else is wrong; then by its status, never updated and stuck (*Settled*)."""
    raw = item(status=status, connectedOn="2026-11-20T00:00:00Z", lastUpdated=None)
    created = seen(raw).created_at
    assert created is not None
    one = held(raw, created + age)
    assert one.seen.data_at is None
    assert (one.verdict.condition, one.verdict.never_updated, one.verdict.stuck) == (condition, late, late)


def test_what_is_never_judged_is_never_due() -> None:
    """A connection that is gone for good has no deadline."""
    assert held(item(status="never", lastUpdated=None)).until == NEVER
