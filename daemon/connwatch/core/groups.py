"""Rows of counts, kept by adding to them and taking away: group -> label values -> count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[str, Labels]
"""(group, label values)."""


class Groups:
    """A row that falls to zero goes, unless it is pinned: then zero is the truth."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[Labels, int]] = defaultdict(dict)
        self.dirty: set[Row] = set()
        self._pins: dict[Row, int] = {}

    def add(self, group: str, labels: Labels, amount: int) -> tuple[int, int]:
        """Add to a row; (before, after)."""
        rows, row = self.rows[group], (group, labels)
        before = rows.get(labels, 0)
        after = before + amount
        if after or row in self._pins:
            rows[labels] = after
        else:
            rows.pop(labels, None)
        self.dirty.add(row)
        return before, after

    def pin(self, rows: Iterable[Row]) -> None:
        """Show these rows even at zero."""
        for group, labels in rows:
            self._pins[group, labels] = self._pins.get((group, labels), 0) + 1
            self.add(group, labels, 0)

    def unpin(self, rows: Iterable[Row]) -> None:
        """Take one pin back from each of these rows."""
        for group, labels in rows:
            left = self._pins.pop((group, labels)) - 1
            if left:
                self._pins[group, labels] = left
            self.add(group, labels, 0)

    def drop(self, source: str) -> None:
        """Strike out all rows of a source, pinned or not: the first label is the source's name."""
        for group, rows in self.rows.items():
            gone = [labels for labels in rows if labels[0] == source]
            for labels in gone:
                del rows[labels]
            self.dirty.update((group, labels) for labels in gone)
        self._pins = {row: count for row, count in self._pins.items() if row[1][0] != source}

    def get(self, group: str) -> Mapping[Labels, int]:
        """The rows of one group."""
        return self.rows.get(group, {})
