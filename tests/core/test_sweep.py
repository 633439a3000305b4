"""How complete the picture is, against a plain count over all targets."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connwatch.core.sweep import LATE_AFTER, LOST_AFTER, Sweep
from tests.core.cast import NOW

INTERVAL = 100.0
ids = st.sampled_from("abcdefgh")


class SweepAsCounted(RuleBasedStateMachine):
    """Whatever happens, the kept counts are those that a look at every target would give."""

    def __init__(self) -> None:
        super().__init__()
        self.sweep = Sweep(INTERVAL)
        self.now = NOW
        self.targets: dict[str, tuple[float | None, bool]] = {}

    @rule(seconds=st.floats(0.1, 500.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(name=ids, gone=st.booleans(), delay=st.one_of(st.floats(0.0, 30.0), st.floats(0.0, 1000.0)))
    def poll(self, name: str, gone: bool, delay: float) -> None:
        """A target answered, or is remembered by the store; polls that overlap may end out of order."""
        self.targets[name] = (self.now - delay, gone)
        self.place(name)

    @rule(name=ids)
    def fail(self, name: str) -> None:
        """A poll failed, or a new target was found: nothing new is known."""
        self.targets.setdefault(name, (None, False))
        self.place(name)

    @precondition(lambda self: bool(self.targets))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """A target is gone for good."""
        target = data.draw(st.sampled_from(sorted(self.targets)))
        del self.targets[target]
        self.sweep.remove(target)

    def place(self, target: str) -> None:
        """Tell the sweep what is known of a target."""
        polled_at, gone = self.targets[target]
        self.sweep.place(target, first_seen=self.now, polled_at=polled_at, gone=gone)

    @invariant()
    def counted(self) -> None:
        """The counts are those of a plain look."""
        self.sweep.advance(self.now)
        expected = {"fresh": 0, "late": 0, "lost": 0, "new": 0, "gone": 0}
        for polled_at, gone in self.targets.values():
            if gone:
                expected["gone"] += 1
            elif polled_at is None:
                expected["new"] += 1
            elif polled_at > self.now - LATE_AFTER * INTERVAL:
                expected["fresh"] += 1
            else:
                expected["late" if polled_at > self.now - LOST_AFTER * INTERVAL else "lost"] += 1
        assert self.sweep.counts() == expected


TestSweepAsCounted = SweepAsCounted.TestCase
TestSweepAsCounted.settings = settings(deadline=None, max_examples=40)


def test_the_sweep_is_complete_since_the_oldest_poll() -> None:
    """Since then every target was polled completely at least once."""
    sweep = Sweep(INTERVAL)
    for target, at in (("a", NOW), ("b", NOW + 10)):
        sweep.place(target, first_seen=NOW, polled_at=at, gone=False)
    sweep.advance(NOW + 20)
    assert sweep.complete_since(NOW + 20) == NOW
    sweep.place("a", first_seen=NOW, polled_at=NOW + 30, gone=False)
    assert sweep.complete_since(NOW + 30) == NOW + 10


def test_before_the_first_sweep_there_is_none() -> None:
    """Unknown is absent."""
    sweep = Sweep(INTERVAL)
    sweep.place("a", first_seen=NOW, polled_at=NOW, gone=False)
    sweep.place("b", first_seen=NOW, polled_at=None, gone=False)
    sweep.advance(NOW)
    assert sweep.complete_since(NOW) is None


def test_targets_younger_than_an_interval_are_passed_over() -> None:
    """A user who just came doesn't make the picture incomplete; one that never answers does."""
    sweep = Sweep(INTERVAL)
    sweep.place("a", first_seen=NOW, polled_at=NOW + 50, gone=False)
    sweep.advance(NOW + 50)
    sweep.place("b", first_seen=NOW + 40, polled_at=None, gone=False)
    assert sweep.complete_since(NOW + 60) == NOW + 50
    assert sweep.complete_since(NOW + 40 + INTERVAL) == NOW + 40


class Compared(float):
    """An instant that counts how often it was compared."""

    times = 0

    def __lt__(self, other: object) -> bool:
        Compared.times += 1
        return float(self) < float(other)  # type: ignore[arg-type]  # instants only

    def __gt__(self, other: object) -> bool:
        Compared.times += 1
        return float(self) > float(other)  # type: ignore[arg-type]  # instants only


def test_a_store_may_remember_targets_in_any_order() -> None:
    """Taking in ten times as many after a restart costs little more than ten times as much, the latest first or not."""
    sweep, costs = Sweep(INTERVAL), list[int]()
    for many in (300, 3000):
        Compared.times = 0
        for number in range(many):
            sweep.place(f"{many} {number}", first_seen=NOW, polled_at=Compared(NOW - number / 1000), gone=False)
        costs.append(Compared.times)
    assert costs[1] < 25 * costs[0]


def test_coverage_of_nobody_is_unknown() -> None:
    """No targets, no share."""
    assert Sweep(INTERVAL).coverage() is None
