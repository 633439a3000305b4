"""Counters that outlive a restart: promised to the store first, shown after."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.condition import CONDITIONS, REPAIRABLE
from connwatch.core.model import Condition, Step, Transition
from connwatch.core.tally import REPAIR_BOUNDS, SUM, Tally
from tests.core.cast import DAY, HOUR, NOW, POLICY, target

changes = st.builds(
    Transition,
    connection=st.just("c"),
    at=st.just(NOW),
    before=st.sampled_from([None, *CONDITIONS]),
    after=st.sampled_from([None, *CONDITIONS]),
    lasted=st.none() | st.floats(0.0, 100 * DAY),
)
steps = st.builds(
    Step,
    state=st.just(target()),
    transitions=st.lists(changes, max_size=4).map(tuple),
    unknown=st.lists(st.tuples(st.sampled_from(["status", "kind"]), st.text(max_size=3)), max_size=3).map(tuple),
)


def of(*transitions: Transition) -> Step:
    """A step with this history."""
    return Step(target(), transitions=transitions)


def changed(before: Condition | None, after: Condition | None, lasted: float | None = None) -> Transition:
    """A change of condition."""
    return Transition("c", NOW, before, after, lasted=lasted)


@given(st.lists(steps, max_size=5))
def test_what_is_shown_is_what_was_promised(lived: list[Step]) -> None:
    """At no time is more shown than the store was told; after each step, exactly that."""
    tally = Tally(POLICY, {})
    stored = dict(tally.shown)
    for one in lived:
        stored |= tally.promise(one)
        assert all(total <= stored[key] for key, total in tally.shown.items())
        tally.count(one)
        assert tally.shown == stored


@given(st.lists(steps, max_size=5), st.integers(0, 5))
def test_a_restart_counts_on(lived: list[Step], until: int) -> None:
    """Restarting anywhere in between makes no difference to the totals."""
    through = Tally(POLICY, {})
    for one in lived:
        through.promise(one)
        through.count(one)
    first = Tally(POLICY, {})
    for one in lived[:until]:
        first.promise(one)
        first.count(one)
    second = Tally(POLICY, first.shown)
    for one in lived[until:]:
        second.promise(one)
        second.count(one)
    assert second.shown == through.shown


def test_every_counter_starts_at_zero() -> None:
    """So that its first rise is one (decisions.md 19)."""
    shown = Tally(POLICY, {}).shown
    assert set(shown.values()) == {0.0}
    assert {labels for name, labels in shown if name == "transitions"} == {
        (before, after) for before in CONDITIONS for after in CONDITIONS if before != after
    }
    assert {labels for name, labels in shown if name == "unknown"} == {("status",), ("kind",)}
    assert {labels[0] for name, labels in shown if name == "repair"} == REPAIRABLE


def test_appearing_and_vanishing_are_no_transitions() -> None:
    """A change of condition has two ends."""
    tally = Tally(POLICY, {})
    step = of(changed(None, "healthy"), changed("action_required", None, 60.0), changed("degraded", "degraded"))
    assert tally.promise(step) == {}


def test_a_repair_falls_into_its_bucket() -> None:
    """A bound belongs to its bucket, as Prometheus counts it."""
    for lasted, bound in ((0.0, 300.0), (300.0, 300.0), (300.1, HOUR), (DAY, DAY), (99 * DAY, float("inf"))):
        raised = Tally(POLICY, {}).promise(of(changed("degraded", "healthy", lasted)))
        bucket = str(REPAIR_BOUNDS.index(bound))
        assert raised == {
            ("transitions", ("degraded", "healthy")): 1.0,
            ("repair", ("degraded", bucket)): 1.0,
            ("repair", ("degraded", SUM)): lasted,
        }


def test_undocumented_values_are_counted_by_their_field() -> None:
    """Not by the value: that would be a series for each."""
    step = Step(target(), unknown=(("status", "odd"), ("status", "odder"), ("kind", "new")))
    assert Tally(POLICY, {}).promise(step) == {("unknown", ("status",)): 2.0, ("unknown", ("kind",)): 1.0}
