"""What one connection adds to which rows."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.groups import Amounts
from connwatch.core.model import Accounts, Held, Moved
from connwatch.core.step import step
from connwatch.core.weigh import OTHER, UNKNOWN_WORDS, Scales, Vocabulary, zeros
from tests.core.cast import DAY, HOUR, NO_FACTS, NOW, POLICY, Item, polled, target

PREFIX = ("bank", "basiq")
OF_COMPANY = (*PREFIX, "acme")


def held(item: Item) -> Held:
    """A connection as it is remembered after its first listing."""
    return step(target(), polled(item), POLICY, NO_FACTS, NOW).state.connections[item.id]


def weighed(one: Held) -> Amounts:
    """Its rows by group."""
    return Scales(POLICY).shift("acme", (Moved(None, one),))


def test_a_healthy_connection() -> None:
    """Counted once by company, once by institution, judged, with the age of its data; and nothing else."""
    assert weighed(held(Item("a", data_at=NOW - 60))) == {
        "connections": {(*OF_COMPANY, "ok", "", "healthy"): 1},
        "institutions": {(*PREFIX, "bank-a", "healthy"): 1},
        "institution_names": {(*PREFIX, "bank-a", "Bank-A"): 1},
        "kinds": {(*OF_COMPANY, "web"): 1},
        "judged": {(*OF_COMPANY, "web"): 1},
        "age_bucket": {(*PREFIX, "web", "0"): 1},
        "age_sum": {(*PREFIX, "web"): round((NOW - 60) * 1000)},
    }


def test_each_mark_is_a_row() -> None:
    """Stale, never updated, stuck, paused and held, each where it holds."""
    assert weighed(held(Item("a", data_at=NOW - 40 * HOUR)))["stale"] == {(*OF_COMPANY, "web"): 1}
    assert weighed(held(Item("a", data_at=None)))["never_updated"] == {(*OF_COMPANY, "web"): 1}
    assert weighed(held(Item("a", status="wait")))["stuck"] == {(*OF_COMPANY, "wait"): 1}
    pair = polled(Item("a"), Item("b", status="wait", created_at=NOW))
    paused = step(target(), pair, POLICY, NO_FACTS, NOW).state.connections["b"]
    assert weighed(paused)["paused"] == {OF_COMPANY: 1}
    assert weighed(replace(paused, missing_since=NOW))["vanished"] == {PREFIX: 1}


def test_a_consent_is_counted_by_how_it_is_renewed() -> None:
    """One that has ended is in the first bucket, and has no part in the sum."""
    live = weighed(held(Item("a", expires_at=NOW + DAY, renewal="reauth")))
    assert live["consent_bucket"] == {(*OF_COMPANY, "reauth", "1"): 1}
    assert live["consent_live"] == {(*OF_COMPANY, "reauth"): 1}
    assert live["consent_sum"] == {(*OF_COMPANY, "reauth"): round((NOW + DAY) * 1000)}
    over = weighed(held(Item("a", expires_at=NOW - 1)))
    assert over["consent_bucket"] == {(*OF_COMPANY, "unknown", "0"): 1}
    assert over.keys().isdisjoint({"consent_live", "consent_sum"})


def test_accounts_weigh_as_many_as_they_are() -> None:
    """By status and tracking."""
    one = held(Item("a"))
    accounts = (Accounts("ONBOARDED", "ENABLED", 3), Accounts("ONBOARDED", "unset", 1))
    with_accounts = replace(one, seen=replace(one.seen, accounts=accounts))
    assert weighed(with_accounts)["accounts"] == {
        (*OF_COMPANY, "ONBOARDED", "ENABLED"): 3,
        (*OF_COMPANY, "ONBOARDED", "unset"): 1,
    }


@given(st.lists(st.sampled_from(["ok", "bad", "site", "web", OTHER, *[f"odd{number}" for number in range(40)]])))
def test_words_are_bounded_and_stay(words: list[str]) -> None:
    """Documented words always; twenty others at the most; and what a word became, it stays."""
    vocabulary = Vocabulary(POLICY)
    became: dict[str, str] = {}
    for raw in words:
        shown = vocabulary.word(raw)
        assert became.setdefault(raw, shown) == shown
        assert shown in {raw, OTHER}
        assert shown == raw or raw.startswith("odd")
    admitted = {shown for raw, shown in became.items() if raw.startswith("odd")} - {OTHER}
    assert len(admitted) == min(UNKNOWN_WORDS, sum(raw.startswith("odd") for raw in became))


def test_the_zero_rows_of_a_company() -> None:
    """Every documented pair, every start-up clock, and the pause where there is one."""
    rows = Counter(group for group, _ in zeros(POLICY))
    assert rows == {"connections": len(POLICY.table), "stuck": len(POLICY.stuck_after), "paused": 1}
    unpaused = replace(POLICY, pause=None, stuck_after={"wait": 1.0, "never_updated": 1.0})
    assert Counter(group for group, _ in zeros(unpaused)) == {"connections": len(POLICY.table), "stuck": 1}
