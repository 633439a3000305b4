"""When a target is asked next: its slot, urgency, the pause, backoff."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.model import Failure
from connwatch.core.poll import Failed
from connwatch.core.schedule import PAUSE_SPREAD, backoff, first_due, hinted_due, next_due, pace, slot_after, spread
from connwatch.core.step import step
from tests.core.cast import DAY, HOUR, INTERVAL, NO_FACTS, NOW, POLICY, Item, polled, target

ids = st.text(min_size=1, max_size=20)
instants = st.floats(NOW - DAY, NOW + 300 * DAY)


def asked(*items: Item, at: float = NOW, name: str = "user-1", spare: bool = False) -> float:
    """When a target with these connections is due after a poll."""
    return step(target(name), polled(*items, at=at), POLICY, NO_FACTS, at, spare=spare).state.due


class TestSlots:
    """Each target has its own slot in the interval."""

    @given(ids, instants, st.sampled_from([1.0, 60.0, 900.0, 1800.0]))
    def test_a_slot_is_within_an_interval(self, name: str, at: float, interval: float) -> None:
        """From any instant, the next slot is less than an interval away."""
        assert at < slot_after(at, interval, spread(name)) <= at + interval + 1e-3

    @given(ids, instants)
    def test_slots_stay_where_they_are(self, name: str, at: float) -> None:
        """The slot of a target is the same over restarts: it follows from its id and the interval alone."""
        first = slot_after(at, INTERVAL, spread(name))
        assert abs(slot_after(first + 1.0, INTERVAL, spread(name)) - first - INTERVAL) < 1e-3

    @given(ids, instants)
    def test_a_poll_is_followed_within_five_quarters_of_an_interval(self, name: str, at: float) -> None:
        """Neither at once again, nor so late that the target would be late."""
        wait = asked(Item("a"), at=at, name=name) - at
        assert INTERVAL * 0.25 <= wait <= INTERVAL * 1.25 + 1e-3

    def test_slots_are_spread(self) -> None:
        """A thousand targets don't come in a bunch: no tenth of the interval has twice its share."""
        tenths = [int(spread(f"user-{number}") * 10) for number in range(1000)]
        assert max(tenths.count(tenth) for tenth in range(10)) < 200


class TestUrgency:
    """Starting, sick and changed targets are asked more often, where the quota has room."""

    def test_starting_targets_are_asked_four_times_as_often(self) -> None:
        """Something new wants to be known soon."""
        starting = Item("a", status="wait", created_at=NOW)
        assert asked(starting, spare=True) - NOW <= INTERVAL * 0.25 * 1.25 + 1e-3
        assert asked(starting, spare=False) == asked(Item("a"), spare=False)

    def test_changed_targets_are_asked_twice_as_often_for_an_interval(self) -> None:
        """Where something has just happened, more may follow."""
        state = step(target(), polled(Item("a", status="bad"), at=NOW - 2 * DAY), POLICY, NO_FACTS, NOW - 2 * DAY).state
        healed = step(state, polled(Item("a")), POLICY, NO_FACTS, NOW).state
        assert pace(healed, POLICY, NOW + INTERVAL - 1) == 0.5
        assert pace(healed, POLICY, NOW + INTERVAL) == 1.0

    def test_urgency_has_a_floor(self) -> None:
        """Nobody is asked more than about once a minute for being urgent, unless the interval is shorter anyway."""
        starting = Item("a", status="wait", created_at=NOW)
        for interval, least in ((120.0, 15.0), (20.0, 5.0)):
            policy = replace(POLICY, poll_interval=interval)
            state = step(target(), polled(starting), policy, NO_FACTS, NOW).state
            waits, now = [], NOW
            for _ in range(50):
                due = next_due(state, policy, now, spare=True)
                waits.append(due - now)
                now = due
            assert min(waits) >= least
            assert sum(waits) / 50 >= min(60.0, interval) - 1

    def test_newly_sick_targets_are_asked_twice_as_often_for_a_day(self) -> None:
        """A repair is seen soon; an old illness is asked for like anything else."""
        sick = Item("a", status="bad")
        state = step(target(), polled(sick), POLICY, NO_FACTS, NOW).state
        assert next_due(state, POLICY, NOW + 60, spare=True) - NOW - 60 <= INTERVAL * 0.5 * 1.25 + 1e-3
        later = NOW + 2 * DAY
        assert next_due(state, POLICY, later, spare=True) == next_due(state, POLICY, later, spare=False)


class TestPause:
    """A paused pair is never asked before its pause is over."""

    @given(st.floats(0.0, 359.0), st.sampled_from(["poll", "start", "hint"]), st.booleans())
    def test_nobody_asks_in_a_pause(self, passed: float, who: str, spare: bool) -> None:
        """Polls, restarts and hints all wait for the end of the pause, and then come within two seconds."""
        pair = (Item("old"), Item("new", status="wait", created_at=NOW))
        now = NOW + passed
        state = step(target(), polled(*pair, at=now), POLICY, NO_FACTS, now, spare=spare).state
        due = {
            "poll": lambda: state.due,
            "start": lambda: first_due(state, POLICY, now),
            "hint": lambda: hinted_due(state, POLICY, now),
        }[who]()
        assert NOW + 360 <= due <= NOW + 360 + PAUSE_SPREAD

    def test_the_last_of_several_pauses_counts(self) -> None:
        """Two pairs, two pauses: their user is asked when both are over."""
        items = (
            Item("a"),
            Item("b", status="wait", created_at=NOW - 100),
            Item("c", institution="bank-b"),
            Item("d", institution="bank-b", status="wait", created_at=NOW - 10),
        )
        assert NOW + 350 <= asked(*items) <= NOW + 350 + PAUSE_SPREAD


class TestBackoff:
    """Failing targets are asked ever more seldom."""

    @given(st.integers(1, 200), st.floats(1.0, DAY))
    def test_backoff_grows_and_ends(self, failures: int, interval: float) -> None:
        """From a quarter of the interval (a second at least), never shrinking, to four intervals."""
        wait = backoff(failures, interval)
        assert max(1.0, interval / 4) <= wait <= max(1.0, 4 * interval)
        assert wait <= backoff(failures + 1, interval)

    def test_a_success_ends_it(self) -> None:
        """After a success a target is back in its slot."""
        state = step(target(), Failed(Failure("timeout"), NOW), POLICY, NO_FACTS, NOW).state
        assert INTERVAL / 4 <= state.due - NOW <= INTERVAL / 4 * 1.1
        healed = step(state, polled(Item("a")), POLICY, NO_FACTS, NOW).state
        assert (healed.failures, healed.due) == (0, asked(Item("a")))


class TestStart:
    """After a restart."""

    def test_never_polled_and_late_targets_are_due_at_once(self) -> None:
        """What is not known, or not known any more, is asked first."""
        state = step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW).state
        assert first_due(target(), POLICY, NOW) == NOW
        assert first_due(state, POLICY, NOW + INTERVAL + 1) == NOW + INTERVAL + 1

    def test_fresh_targets_keep_their_slot(self) -> None:
        """A restart moves no poll of what is fresh."""
        state = step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW).state
        assert first_due(state, POLICY, NOW + 60) == state.due

    def test_a_company_that_is_gone_is_asked_seldom(self) -> None:
        """Once a discovery interval; once a day where the poll interval is longer than an hour."""
        gone = Failed(Failure("not_found"), NOW)
        seldom = replace(POLICY, poll_interval=2 * HOUR)
        assert step(target(), gone, POLICY, NO_FACTS, NOW).state.due - NOW <= POLICY.discovery_interval * 1.25 + 1e-3
        assert step(target(), gone, seldom, NO_FACTS, NOW).state.due - NOW >= DAY / 4


def test_a_hint_brings_a_target_forward_but_not_twice() -> None:
    """A hint is debounced: right after a poll there is nothing new to see."""
    state = step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW).state
    assert hinted_due(state, POLICY, NOW + 1) == NOW + 60
    assert hinted_due(state, POLICY, NOW + 100) == NOW + 100
