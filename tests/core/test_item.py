"""One connection as the API and `explain` show it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.item import account, item, rfc3339
from connwatch.core.model import Accounts, TargetState, Transition
from connwatch.core.policy import Facts
from connwatch.core.step import step
from tests.core.cast import DAY, HOUR, NO_FACTS, NOW, POLICY, Item, polled, target

FIELDS = [
    "id",
    "source",
    "provider",
    "company",
    "institution",
    "institution_name",
    "kind",
    "status",
    "reason",
    "condition",
    "actor",
    "stale",
    "stuck",
    "paused",
    "created_at",
    "status_since",
    "checked_at",
    "data_at",
    "expires_at",
    "first_seen_at",
    "next_poll_at",
]


def state(*items: Item) -> TargetState:
    """A target after its first listing."""
    return step(target(), polled(*items), POLICY, NO_FACTS, NOW).state


def shown(one: Item) -> dict[str, Any]:
    """The item of the API."""
    known = state(one)
    return item(POLICY, NO_FACTS, known, known.connections[one.id])


def explained(one: Item, *history: Transition) -> dict[str, Any]:
    """What `explain` tells."""
    known = state(one)
    return account(POLICY, NO_FACTS, known, known.connections[one.id], history)


def test_an_item_has_the_fields_of_the_contract_in_their_order() -> None:
    """contract.md, *API items*."""
    assert list(shown(Item("a"))) == FIELDS


def test_an_item_says_what_is_known() -> None:
    """Raw words, what they come down to, who acts, and when."""
    one = shown(Item("a", status="bad", reason="site", created_at=0.5, data_at=NOW - 40 * HOUR))
    assert one["id"] == "a"
    assert (one["source"], one["provider"], one["company"]) == ("bank", "basiq", "acme")
    assert (one["institution"], one["institution_name"], one["kind"]) == ("bank-a", "Bank-A", "web")
    assert (one["status"], one["reason"], one["condition"], one["actor"]) == ("bad", "site", "degraded", "institution")
    assert (one["stale"], one["stuck"], one["paused"]) == (True, False, False)
    assert one["data_at"] == rfc3339(NOW - 40 * HOUR)
    assert (one["created_at"], one["first_seen_at"]) == ("1970-01-01T00:00:00Z", rfc3339(NOW))
    assert one["next_poll_at"] == rfc3339(state(Item("a")).due)


def test_what_is_not_known_is_null() -> None:
    """Missing is never zero, and never an invented time."""
    one = shown(Item("a", reason=None, created_at=None, data_at=None, institution=""))
    assert [one[name] for name in ("created_at", "data_at", "checked_at", "expires_at", "institution_name")] == [
        None
    ] * 5
    assert one["reason"] == ""


def test_no_end_user_is_named() -> None:
    """Clients see no more of a person than the connection's id carries."""
    assert "user-1" not in repr(shown(Item("a")))
    assert "user-1" not in repr(explained(Item("a")))


def test_an_account_explains_the_rule_and_the_clocks() -> None:
    """Which rule decided, why, since when, and what time will change next."""
    one = explained(Item("a", expires_at=NOW + DAY, renewal="reauth", traits=("stopped",)))
    assert (one["rule"], one["why"]) == ("stopped", "the provider gave up syncing")
    assert (one["expiring"], one["judged_for_staleness"], one["never_updated"]) == (True, True, False)
    assert one["stale_at"] == rfc3339(NOW - 60 + 36 * HOUR)
    assert one["condition_since"] == rfc3339(NOW)
    assert (one["renewal"], one["traits"]) == ("reauth", ["stopped"])
    assert one["next_change_at"] == rfc3339(NOW - 60 + HOUR)
    assert (one["polled_at"], one["poll_outcome"], one["poll_failures"]) == (rfc3339(NOW), "ok", 0)
    assert (one["paused_until"], one["missing_since"], one["undocumented"]) == (None, None, [])


def test_what_is_not_judged_has_no_time_to_go_stale() -> None:
    """A limit that doesn't apply is not shown."""
    assert explained(Item("a", status="over"))["stale_at"] is None
    assert explained(Item("a", kind="csv"))["stale_at"] is None


def test_a_pause_is_explained_while_it_lasts() -> None:
    """Until when the newer of a pair is paused."""
    known = state(Item("a"), Item("b", status="wait", created_at=NOW))
    assert account(POLICY, NO_FACTS, known, known.connections["b"], ())["paused_until"] == rfc3339(NOW + 360)
    assert account(POLICY, NO_FACTS, known, known.connections["a"], ())["paused_until"] is None


def test_undocumented_fields_are_named_and_values_are_not_repeated() -> None:
    """Which field it was; the value itself stands where it belongs."""
    assert explained(Item("a", status="odd"))["undocumented"] == ["status"]


def test_accounts_and_history_are_listed() -> None:
    """How many accounts of which kind; which changes, in their order."""
    known = state(Item("a"))
    held = known.connections["a"]
    held = replace(held, seen=replace(held.seen, accounts=(Accounts("ONBOARDED", "unset", 2),)))
    change = Transition("a", NOW, "healthy", "degraded", status="bad", reason="site", lasted=5.0)
    one = account(POLICY, NO_FACTS, known, held, (change,))
    assert one["accounts"] == [{"status": "ONBOARDED", "tracking": "unset", "count": 2}]
    assert one["history"] == [
        {"at": rfc3339(NOW), "before": "healthy", "after": "degraded", "status": "bad", "reason": "site"}
    ]


@given(st.none() | st.floats())
def test_any_instant_is_a_time_or_null(at: float | None) -> None:
    """No instant, however far, breaks an answer; what is in the calendar is in UTC."""
    text = rfc3339(at)
    assert text is None or datetime.fromisoformat(text).tzinfo == UTC


@pytest.mark.parametrize(("at", "text"), [(1.9, "1970-01-01T00:00:01Z"), (253_402_300_799.0, None), (0.0, None)])
def test_times_are_whole_seconds_in_utc(at: float, text: str | None) -> None:
    """RFC 3339, as the contract says; nothing where there is no such time."""
    assert rfc3339(at) == text


def test_an_institution_is_named_as_the_provider_s_own_list_names_it() -> None:
    """Else as its listing did, else not at all (decisions.md 24)."""
    known = step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW).state
    named = Facts(names={"bank-a": "The Bank of A"})
    assert item(POLICY, named, known, known.connections["a"])["institution_name"] == "The Bank of A"
    assert item(POLICY, NO_FACTS, known, known.connections["a"])["institution_name"] == "Bank-A"
