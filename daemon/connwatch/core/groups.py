"""Rows of counts, kept by adding to them and taking away: group -> label values -> count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[str, Labels]
"""(group, label values)."""
Amounts: TypeAlias = Mapping[str, Mapping[Labels, int]]
"""Group -> label values -> by how much the row changes."""


class Groups:
    """A row that falls to zero goes, unless zero is the truth: `true_at_zero` is asked then, and keeps no list of rows."""

    def __init__(self, true_at_zero: Callable[[Row], bool]) -> None:
        self.rows: defaultdict[str, dict[Labels, int]] = defaultdict(dict)
        self.dirty: defaultdict[str, set[Labels]] = defaultdict(set)
        """What changed since someone last took this away, by group."""
        self._true_at_zero = true_at_zero

    def add(self, changes: Amounts) -> list[Row]:
        """Add to rows. Returns those that came from zero or went there."""
        crossed = []
        for group, amounts in changes.items():
            rows, dirty = self.rows[group], self.dirty[group]
            for labels, amount in amounts.items():
                if not amount:
                    continue
                before = rows.get(labels, 0)
                after = before + amount
                if after or self._true_at_zero((group, labels)):
                    rows[labels] = after
                else:
                    del rows[labels]
                dirty.add(labels)
                if not before or not after:
                    crossed.append((group, labels))
        return crossed

    def review(self, rows: Iterable[Row]) -> None:
        """The truth about zero became another one for these rows: have them, or no longer, where they are zero."""
        for row in rows:
            group, labels = row
            some = self.rows[group]
            if some.get(labels):
                continue
            if self._true_at_zero(row):
                some[labels] = 0
            else:
                some.pop(labels, None)
            self.dirty[group].add(labels)

    def drop(self, source: str) -> None:
        """Strike out all rows of a source, zero or not: the first label is the source's name."""
        for group, rows in self.rows.items():
            gone = [labels for labels in rows if labels[0] == source]
            for labels in gone:
                del rows[labels]
            self.dirty[group].update(gone)

    def get(self, group: str) -> Mapping[Labels, int]:
        """The rows of one group."""
        return self.rows.get(group, {})
