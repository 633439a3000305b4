"""Pages and lists, and how they come apart when rows move between two requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from connwatch.simulator.faults import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

OVERLAP = 5
"""So many rows of the page before come again."""


def moved(rows: Sequence[T], fate: frozenset[Effect], turn: int) -> list[T]:
    """Give the rows in the order that they have at this request."""
    if Effect.EMPTY in fate:
        return []
    if Effect.ROTATED in fate and rows:
        cut = turn % len(rows)
        return [*rows[cut:], *rows[:cut]]
    return list(rows)


def window(rows: Sequence[T], start: int, size: int, fate: frozenset[Effect]) -> Sequence[T]:
    """Cut a page out of the rows."""
    if Effect.LOOPING in fate:
        start = 0
    elif Effect.REPEATED in fate:
        start = max(0, start - OVERLAP)
    return rows[start : start + size]


def unpaged(rows: Sequence[T], fate: frozenset[Effect], turn: int) -> list[T]:
    """Give all rows of a list that has no pages."""
    whole = moved(rows, fate, turn)
    return whole + whole[:OVERLAP] if Effect.REPEATED in fate else whole
