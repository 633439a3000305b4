"""What time does to a connection, at the very instant, and when it does so next."""

from __future__ import annotations

from math import nextafter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.clocks import AGE_BOUNDS, CONSENT_BOUNDS, KEPT, Ladder, judge, pauses
from connwatch.core.model import NEVER, Connection, Verdict
from connwatch.core.policy import Facts
from tests.core.cast import DAY, HOUR, NO_FACTS, NOW, POLICY, Item, read

times = st.one_of(st.none(), st.floats(NOW - 200 * DAY, NOW + 200 * DAY))
connections = st.builds(
    Item,
    id=st.just("c"),
    status=st.sampled_from(["ok", "wait", "bad", "over", "strange"]),
    kind=st.sampled_from(["web", "slow", "csv"]),
    created_at=times,
    data_at=times,
    expires_at=times,
    traits=st.sampled_from([(), ("expired",), ("single_sync",), ("inactive",), ("stopped",)]),
)


def judged(one: Connection, now: float = NOW, muted_until: float | None = None) -> tuple[Verdict, float]:
    """Judge by the policy of the cast."""
    return judge(one, POLICY, NO_FACTS, now, muted_until=muted_until, paused_until=0.0)


@pytest.mark.parametrize(
    ("item", "at", "mark"),
    [
        (Item("c", data_at=NOW), NOW + 36 * HOUR, "stale"),
        (Item("c", status="bad", data_at=None, created_at=NOW), NOW + HOUR, "never_updated"),
        (Item("c", status="wait", created_at=NOW), NOW + 900, "stuck"),
        (Item("c", status="wait", created_at=NOW - DAY, status_since=NOW), NOW + 900, "stuck"),
        (Item("c", expires_at=NOW + 10 * DAY), NOW + 3 * DAY, "expiring"),
    ],
)
def test_a_mark_comes_at_its_instant(item: Item, at: float, mark: str) -> None:
    """Just before its limit a connection is not yet late, at the limit it is."""
    one = read(item)
    assert not getattr(judged(one, at - 0.001)[0], mark)
    assert getattr(judged(one, at)[0], mark)


@pytest.mark.parametrize(
    "item",
    [
        Item("c", status="over", data_at=NOW - 90 * DAY),
        Item("c", expires_at=NOW - 1, data_at=NOW - 90 * DAY),
        Item("c", status="wait", data_at=NOW - 90 * DAY),
        Item("c", traits=("single_sync",), data_at=NOW - 90 * DAY),
        Item("c", kind="csv", data_at=NOW - 90 * DAY),
    ],
)
def test_what_is_not_judged_is_never_stale(item: Item) -> None:
    """Inactive, expired, starting, one-time and unscheduled connections have no age to be blamed for."""
    verdict, _ = judged(read(item))
    assert (verdict.judged, verdict.stale, verdict.never_updated, verdict.age) == (False, False, False, None)


def test_a_consent_that_is_over_by_the_provider_s_word_has_no_time_left() -> None:
    """Expired is expired, whatever end it was given once: it isn't expiring, and its rest is nothing."""
    verdict, until = judged(read(Item("c", traits=("expired",), expires_at=NOW + DAY)))
    assert (verdict.condition, verdict.consent, verdict.expiring) == ("expired", 0, False)
    assert until == NOW + DAY


def test_a_consent_that_is_over_is_not_about_to_end() -> None:
    """Not even where the provider says what no document tells, and the connection isn't simply expired."""
    verdict, until = judged(read(Item("c", status="strange", data_at=None, expires_at=NOW)))
    assert (verdict.condition, verdict.consent, verdict.expiring, until) == ("unknown", 0, False, NEVER)


@given(st.floats(-2.1e9, 2.1e9), st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=4, unique=True), st.integers(0, 3))
@example(6064.5293720955015, [86400.0], 0)
def test_a_rung_is_reached_at_its_instant(start: float, bounds: list[float], number: int) -> None:
    """Not before it and not after it, whatever these numbers are rounded to."""
    ladder = Ladder((*sorted(bounds), NEVER), tuple(range(len(bounds) + 1)))
    index = number % len(bounds)
    at = start + ladder.bounds[index]
    reached, until = ladder.at(at, start)
    assert reached > index
    assert until > at
    below, until = ladder.at(nextafter(at, -NEVER), start)
    assert below <= index
    assert until <= at


def test_connections_that_need_their_user_are_not_judged() -> None:
    """An institution that can't be refreshed without the user has no staleness (providers/basiq.md section 7)."""
    one = read(Item("c", data_at=NOW - 90 * DAY))
    facts = Facts(attended=frozenset({("bank-a", "web")}))
    assert not judge(one, POLICY, facts, NOW, muted_until=None, paused_until=0.0)[0].judged


def test_muted_connections_are_neither_stale_nor_stuck_nor_expiring() -> None:
    """The operator's word silences every clock, until it ends."""
    one = read(Item("c", status="wait", created_at=NOW - DAY, expires_at=NOW + DAY))
    verdict, until = judged(one, muted_until=NOW + 5)
    assert verdict == Verdict("muted", "muted")
    assert until == NOW + 5


def test_a_paused_connection_is_not_stuck_before_its_pause_is_over() -> None:
    """The six minutes are the provider's own: nobody is stuck in them, however small the grace."""
    impatient = replace(POLICY, stuck_after={"wait": 1.0})
    one = read(Item("c", status="wait", created_at=NOW))
    for now, stuck in ((NOW + 359, False), (NOW + 360, True)):
        verdict, until = judge(one, impatient, NO_FACTS, now, muted_until=None, paused_until=NOW + 360)
        assert (verdict.stuck, verdict.paused) == (stuck, not stuck)
        assert (until == NOW + 360) is not stuck
    working = replace(POLICY, stuck_after={}, settling={})
    assert judge(one, working, NO_FACTS, NOW, muted_until=None, paused_until=NOW + 360)[1] == NOW + 360


def test_one_that_never_had_data_is_stuck_after_the_shorter_grace() -> None:
    """`never_updated` runs from creation, beside the grace of the status (metrics.md, *Settled in detail*)."""
    both = replace(POLICY, stuck_after={"wait": 900.0, "never_updated": 300.0})
    fresh = Item("c", status="wait", created_at=NOW, status_since=NOW + 60, data_at=None)
    for policy, item, at in (
        (both, fresh, NOW + 300),
        (both, replace(fresh, data_at=NOW), NOW + 960),
        (replace(both, stuck_after={"wait": 900.0, "never_updated": 3000.0}), fresh, NOW + 960),
        (both, replace(fresh, status="ok"), NOW + 300),
    ):
        verdicts = [
            judge(read(item), policy, NO_FACTS, now, muted_until=None, paused_until=0.0)[0].stuck
            for now in (at - 1, at)
        ]
        assert verdicts == [False, True]


@given(connections, st.floats(NOW - 300 * DAY, NOW + 300 * DAY))
def test_nothing_changes_before_the_deadline(item: Item, now: float) -> None:
    """A verdict holds until its deadline: counts are right between polls without looking again."""
    one = read(item)
    verdict, until = judged(one, now)
    assert until > now
    last = min(until, now + 400 * DAY)
    for share in (0.0, 0.5, 0.999):
        at = now + (last - now) * share
        if at < until:
            assert judged(one, at)[0] == verdict


@given(connections, st.floats(NOW - 300 * DAY, NOW + 300 * DAY))
def test_deadlines_end(item: Item, now: float) -> None:
    """Going from deadline to deadline comes to an end: no connection keeps the clock busy for ever."""
    one = read(item)
    for _ in range(len(CONSENT_BOUNDS) + len(AGE_BOUNDS) + 8):
        _, now = judged(one, now)
        if now == NEVER:
            return
    pytest.fail("the deadlines don't end")


@given(st.floats(-100 * DAY, 100 * DAY))
def test_buckets_hold_what_they_say(rest: float) -> None:
    """The rest of a consent and the age of data stand in the smallest bucket that holds them."""
    verdict, _ = judged(read(Item("c", expires_at=NOW + rest, data_at=NOW - abs(rest))))
    assert verdict.consent is not None
    assert max(0.0, rest) <= CONSENT_BOUNDS[verdict.consent] + 1e-6
    assert verdict.consent == 0 or rest > CONSENT_BOUNDS[verdict.consent - 1] - 1e-6
    if verdict.age is not None:
        assert abs(rest) <= AGE_BOUNDS[verdict.age] + 1e-6


def test_verdicts_are_shared() -> None:
    """Alike verdicts are one object: a million connections cost a million pointers."""
    first, second = (judged(read(Item(name)))[0] for name in "ab")
    assert first is second


class TestPauses:
    """The six-minute pause of decisions.md 3."""

    def of(self, *items: Item) -> dict[str, float]:
        """The pauses among these connections of one user."""
        return dict(pauses([read(item) for item in items], POLICY.pause))

    def test_the_newer_of_a_pair_is_paused(self) -> None:
        """A new connection is paused while its user has another one to the same institution."""
        assert self.of(Item("old"), Item("new", status="wait", created_at=NOW)) == {"new": NOW + 360}

    def test_of_two_starting_ones_only_the_newer_is_paused(self) -> None:
        """The first of them is in progress: it isn't paused by the one that came later."""
        items = (Item("b", status="wait", created_at=NOW - 10), Item("a", status="wait", created_at=NOW))
        assert self.of(*items) == {"a": NOW + 360}

    @pytest.mark.parametrize(
        "other",
        [
            Item("old", institution="bank-b"),
            Item("old", kind="slow"),
            Item("old", status="over"),
        ],
    )
    def test_no_pause_without_a_peer(self, other: Item) -> None:
        """Another institution, another kind, or a deleted connection pauses nobody."""
        assert self.of(other, Item("new", status="wait", created_at=NOW)) == {}

    def test_one_that_has_started_is_not_paused(self) -> None:
        """Once it works, the pause is past, whatever the time."""
        assert self.of(Item("old"), Item("new", created_at=NOW)) == {}


def test_a_policy_made_of_another_judges_by_its_own_terms() -> None:
    """What was worked out by the one says nothing of the other, which differs in what it was worked out from."""
    one, lenient = read(Item("a", data_at=NOW - 2 * DAY)), replace(POLICY, stale_after={"web": 3 * DAY})
    verdicts = [judge(one, by, NO_FACTS, NOW, muted_until=None, paused_until=0.0)[0] for by in (POLICY, lenient)]
    assert [verdict.stale for verdict in verdicts] == [True, False]


def test_terms_are_kept_of_so_many_cases_only() -> None:
    """A provider that makes up a status for each connection doesn't fill the memory with them."""
    policy = replace(POLICY)
    for number in range(KEPT + 10):
        judge(read(Item("a", status=f"s{number}")), policy, NO_FACTS, NOW, muted_until=None, paused_until=0.0)
    assert 0 < len(policy.terms) <= KEPT
