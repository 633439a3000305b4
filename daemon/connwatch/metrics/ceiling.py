"""Keeps the series about connections below their ceiling: folds at once where it is passed, unfolds after a while where there is room again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from connwatch.metrics.connections import ConnectionSeries
from connwatch.metrics.folding import ALL_FOLDED, NOTHING_FOLDED, Census, Fold, Planning, planning
from connwatch.metrics.tables import Table

UNFOLD_EVERY: Final = 300.0
"""Seconds until folding that may have become needless is looked at again."""
SLACK: Final = 16
"""Folding leaves one in sixteen free, so that the next row doesn't fold again."""
_NEVER: Final = float("-inf")


class Ceiling:
    """Decides on the folding of these tables and connections."""

    def __init__(self, max_series: int, tables: Sequence[Table], connections: ConnectionSeries) -> None:
        self._max = max_series
        self._tables = tables
        self._connections = connections
        self._fold = Fold(connections=False)
        self._decided_at = _NEVER
        self._planning: Planning | None = None

    def fit(self, now: float) -> int:
        """Decide anew, bit by bit, where that is due. Speaks of all that was counted. What it cost; 0 if all stays as it is."""
        if self._planning is None:
            if any(held.moving for held in self._tables) or self._stays(now):
                return 0
            self._planning = self._plan(now)
        try:
            return next(self._planning)
        except StopIteration as end:
            self._planning = None
            self._fold = end.value
        for held in self._tables:
            held.fold(self._fold)
        self._connections.show(self._fold.connections)
        return 1 + self._rows()

    def _stays(self, now: float) -> bool:
        """Whether there is nothing to decide."""
        shown = sum(held.shown for held in self._tables)
        if self._connections.shown:
            shown += self._connections.series
        in_time = now - self._decided_at < UNFOLD_EVERY
        fits = shown <= self._max and (in_time or self._fold == NOTHING_FOLDED)
        return fits or (in_time and self._fold == ALL_FOLDED)

    def _rows(self) -> int:
        return sum(held.series for held in self._tables)

    def _plan(self, now: float) -> Planning:
        rows, first = self._rows(), self._decided_at == _NEVER
        wanted = rows + self._connections.series
        limit = self._max if first and wanted <= self._max else self._max - self._max // SLACK
        self._decided_at = now
        if wanted <= limit:
            return NOTHING_FOLDED
        if rows <= limit:
            return Fold(connections=False)
        return (yield from planning(self._census(), limit))

    def _census(self) -> Census:
        by: dict[str, list[Table]] = {"institution": [], "company": []}
        fixed = 0
        for held in self._tables:
            spot = held.family.folds_by
            if spot is None:
                fixed += held.series
            else:
                by[held.family.labels[spot]].append(held)
        institutions, companies = (chain.from_iterable([one.foldable() for one in held]) for held in by.values())
        return Census(fixed, self._connections.series, institutions, companies)
