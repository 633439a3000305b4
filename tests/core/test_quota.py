"""The budget: no window holds more than its rate and its burst, whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.quota import FLOOR, Quota, Rule, in_flight, refill, take, throttled
from tests.core.cast import DAY, NOW

rules = st.builds(
    Rule,
    per_minute=st.floats(0.5, 6000.0),
    burst=st.integers(1, 50),
    max_in_flight=st.integers(1, 16),
)
pauses = st.lists(st.tuples(st.floats(0.0, 90.0), st.booleans()), min_size=1, max_size=60)


def starts(rule: Rule, moments: list[tuple[float, bool]]) -> list[float]:
    """When requests start for someone who asks as often as it can between pauses, some of which end throttled."""
    quota, now, found = Quota(at=NOW), NOW, []
    for pause, slow in moments:
        now += pause
        if slow:
            quota = throttled(quota, rule, now)
        for _ in range(rule.burst + 2):
            taken = take(quota, rule, now)
            quota = taken.quota
            if not taken.wait:
                found.append(now)
        now += 0.0
    return found


@settings(deadline=None)
@given(rules, pauses)
def test_no_window_holds_more_than_rate_and_burst(rule: Rule, moments: list[tuple[float, bool]]) -> None:
    """In any window of w minutes at most per_minute * w + burst requests start (contract.md, *Quota*)."""
    found = starts(rule, moments)
    for first in range(len(found)):
        for last in range(first, len(found)):
            allowed = rule.per_minute * (found[last] - found[first]) / 60 + rule.burst
            assert last - first + 1 <= allowed + 1e-6


@given(rules)
def test_a_start_has_nothing_saved_up(rule: Rule) -> None:
    """Ten restarts in a minute bring no request more: each begins with an empty bucket."""
    assert take(Quota(at=NOW), rule, NOW).wait > 0


@given(rules, st.floats(0.0, 3600.0))
def test_the_wait_is_enough(rule: Rule, passed: float) -> None:
    """Whoever waits as long as it was told may ask."""
    quota = Quota(at=NOW)
    taken = take(quota, rule, NOW + passed)
    if taken.wait:
        assert take(taken.quota, rule, NOW + passed + taken.wait * (1 + 1e-6) + 1e-6).wait < 1e-3


@given(rules, st.floats(0.0, 1e6), st.integers(1, 30))
def test_waiting_as_told_comes_to_an_end(rule: Rule, start: float, times: int) -> None:
    """Whoever only ever waits as long as it was told gets through each time: rounding never keeps it at one instant."""
    now = NOW + start
    quota = Quota(at=now)
    for _ in range(times):
        for _ in range(4):
            taken = take(quota, rule, now)
            quota = taken.quota
            if not taken.wait:
                break
            assert now + taken.wait > now
            now += taken.wait
        assert not taken.wait


def test_a_one_shot_command_takes_half() -> None:
    """Half the rate and half the burst beside the daemon, and at least one request (decisions.md 7)."""
    assert Rule(per_minute=120.0, burst=5, max_in_flight=4).halved() == Rule(60.0, 2, 4)
    assert Rule(per_minute=1.0, burst=1, max_in_flight=1).halved() == Rule(0.5, 1, 1)


@given(rules, st.integers(1, 10))
def test_throttling_halves_and_time_heals(rule: Rule, times: int) -> None:
    """Each throttling halves the rate, down to a sixteenth; a tenth of the limit comes back each minute."""
    quota = Quota(at=NOW)
    for _ in range(times):
        quota = throttled(quota, rule, NOW)
    assert quota.factor == max(FLOOR, 0.5**times)
    assert abs(refill(quota, rule, NOW + 60).factor - min(1.0, quota.factor + 0.1)) < 1e-9
    assert refill(quota, rule, NOW + 600).factor == 1.0


@given(rules)
def test_throttling_takes_away_what_was_saved_up(rule: Rule) -> None:
    """A burst right after the provider said that it is too much would be too much."""
    full = refill(Quota(at=NOW), rule, NOW + DAY)
    assert full.tokens == rule.burst
    assert take(throttled(full, rule, NOW + DAY), rule, NOW + DAY).wait > 0


@given(rules, st.floats(0.0, 86_400.0))
def test_a_clock_that_goes_back_brings_nothing(rule: Rule, back: float) -> None:
    """Setting the clock back neither fills nor empties the bucket."""
    quota = refill(Quota(at=NOW), rule, NOW + 30)
    assert refill(quota, rule, quota.at - back) == quota


def test_a_refill_in_steps_is_the_refill_at_once() -> None:
    """However often someone looks, the same amount comes in."""
    rule = Rule(per_minute=60.0, burst=1000, max_in_flight=4)
    slow = throttled(Quota(at=NOW), rule, NOW)
    stepped = slow
    for second in range(1, 601):
        stepped = refill(stepped, rule, NOW + second)
    assert abs(stepped.tokens - refill(slow, rule, NOW + 600).tokens) < 1e-6


def test_places_shrink_with_the_rate_but_one_stays() -> None:
    """A source that throttles gets fewer requests at once, and never none."""
    rule = Rule(per_minute=60.0, burst=1, max_in_flight=4)
    assert [in_flight(Quota(at=NOW, factor=factor), rule) for factor in (1.0, 0.5, 1 / 16)] == [4, 2, 1]
