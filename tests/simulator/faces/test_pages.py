"""Pages that hold, and pages that come apart."""

from __future__ import annotations

from connwatch.simulator.faces.pages import moved, unpaged, window
from connwatch.simulator.faults import Effect

ROWS = list(range(20))
CALM: frozenset[Effect] = frozenset()


def test_a_calm_list_is_cut_as_asked() -> None:
    """Without faults nothing moves."""
    assert moved(ROWS, CALM, 7) == ROWS
    assert window(ROWS, 5, 10, CALM) == ROWS[5:15]
    assert unpaged(ROWS, CALM, 7) == ROWS


def test_a_moved_list_still_has_every_row() -> None:
    """Rows change places, and none is lost in the whole."""
    turned = moved(ROWS, frozenset({Effect.ROTATED}), 7)

    assert turned != ROWS
    assert sorted(turned) == ROWS


def test_repeated_pages_overlap() -> None:
    """A later page begins with rows of the one before, the first one is as it was."""
    again = frozenset({Effect.REPEATED})

    assert window(ROWS, 10, 5, again) == ROWS[5:10]
    assert window(ROWS, 0, 5, again) == ROWS[:5]
    assert unpaged(ROWS, again, 0) == ROWS + ROWS[:5]


def test_an_empty_list_stands_for_any() -> None:
    """The fault of an empty answer hides all rows."""
    assert moved(ROWS, frozenset({Effect.EMPTY}), 7) == []
