"""Keeps the series about connections below their ceiling: folds at once where it is passed, unfolds after a while where there is room again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connwatch.metrics.connections import ConnectionSeries
from connwatch.metrics.folding import ALL_FOLDED, NOTHING_FOLDED, Census, Fold, Foldable, plan
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

    def fit(self, now: float) -> int:
        """Decide anew where that is due. Speaks of all that was counted. What it cost; 0 if all stays as it is."""
        if any(held.moving for held in self._tables):
            return 0
        connections = self._connections
        shown = sum(held.shown for held in self._tables) + (connections.series if connections.shown else 0)
        in_time = now - self._decided_at < UNFOLD_EVERY
        fits = shown <= self._max and (in_time or self._fold == NOTHING_FOLDED)
        if fits or (in_time and self._fold == ALL_FOLDED):
            return 0
        rows = sum(held.series for held in self._tables)
        wanted = rows + connections.series
        first = self._decided_at == _NEVER
        limit = self._max if first and wanted <= self._max else self._max - self._max // SLACK
        self._decided_at = now
        if wanted <= limit:
            self._fold = NOTHING_FOLDED
        elif rows <= limit:
            self._fold = Fold(connections=False)
        else:
            self._fold = plan(self._census(), limit)
        for held in self._tables:
            held.fold(self._fold)
        connections.show(self._fold.connections)
        return 1 + rows

    def _census(self) -> Census:
        by: dict[str, list[Foldable]] = {"institution": [], "company": []}
        fixed = 0
        for held in self._tables:
            spot = held.family.folds_by
            if spot is None:
                fixed += held.series
            else:
                by[held.family.labels[spot]].extend(held.foldable())
        return Census(fixed, self._connections.series, tuple(by["institution"]), tuple(by["company"]))
