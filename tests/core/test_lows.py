"""The smallest of many values, however they move."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.groups import Labels
from connwatch.core.lows import Lows, Marks

KEY: Labels = ("k",)
OTHER: Labels = ("other",)
values = st.dictionaries(st.sampled_from([KEY, OTHER]), st.sampled_from([1.0, 2.0, 3.0]))


@given(st.lists(st.tuples(st.sampled_from("abc"), values, st.booleans()), max_size=30))
def test_it_is_always_the_smallest_that_somebody_brings(moves: list[tuple[str, Mapping[Labels, float], bool]]) -> None:
    """Whoever brings what in place of what, and whenever one looks."""
    lows = Lows()
    marks: dict[str, Marks] = {}
    brought: dict[str, Mapping[Labels, float]] = {}
    for target, offered, looks in moves:
        marks[target] = lows.move(marks.get(target, ()), offered)
        brought[target] = offered
        if looks:
            assert dict(lows.items()) == _smallest(brought)
    assert dict(lows.items()) == _smallest(brought)


def _smallest(brought: Mapping[str, Mapping[Labels, float]]) -> Mapping[Labels, float]:
    keys = {key for offered in brought.values() for key in offered}
    return {key: min(offered[key] for offered in brought.values() if key in offered) for key in keys}


def test_a_heap_does_not_grow_with_the_moves() -> None:
    """A target's value moves often: what it was takes no room."""
    lows = Lows()
    marks: Marks = ()
    for value in range(10_000):
        marks = lows.move(marks, {KEY: float(value % 97)})
    ((pile, _),) = marks
    assert len(pile.heap) < 20
    assert dict(lows.items()) == {KEY: float(9_999 % 97)}


def test_a_value_that_grows_stays_where_it_is() -> None:
    """Data gets younger with each poll: nothing is left behind in the heap for it."""
    lows = Lows()
    marks = [lows.move((), {KEY: float(target)}) for target in range(100)]
    for turn in range(1, 10):
        marks = [lows.move(mine, {KEY: 1000.0 * turn + target}) for target, mine in enumerate(marks)]
    ((pile, _),) = marks[0]
    assert len(pile.heap) == 100
    assert dict(lows.items()) == {KEY: 9000.0}
