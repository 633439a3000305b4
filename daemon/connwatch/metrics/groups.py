"""From the fleet's groups of counts to the tables of the families that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from connwatch.core.groups import Groups, Labels
from connwatch.metrics.family import Counted, Family, Present, Value
from connwatch.metrics.tables import Table

TAKEN: Final = 1
COMBINED: Final = 10
"""What it costs to take over a row, and to put a histogram together: about a microsecond is 1."""


class GroupTables:
    """Keeps those of these tables that are counted level with the groups: with all rows at first, then with those that are touched."""

    def __init__(self, groups: Groups, tables: Iterable[Table]) -> None:
        self.changes: Counter[str] = Counter()
        """How often rows of a group were taken over."""
        self._groups = groups
        self._counted: dict[str, Table] = {}
        self._present: dict[str, tuple[Table, Present]] = {}
        for held in tables:
            match held.family.source:
                case Counted(group=group):
                    self._counted[group] = held
                    held.reflect(groups.rows[group])
                case Present() as source:
                    for part in ("bucket", "live", "sum"):
                        self._present[f"{source.group}_{part}"] = (held, source)
        self._touched: dict[str, set[Labels]] = {}
        self._histograms: set[tuple[str, Labels]] = set()
        """(group of the source, labels)."""
        self._counting = self._count_all()

    def touch(self, rows: Mapping[str, set[Labels]]) -> None:
        """These rows may have changed, by group. The sets are given away."""
        for group, labels in rows.items():
            if group in self._touched:
                self._touched[group] |= labels
            else:
                self._touched[group] = labels

    def count(self) -> int:
        """Take over a bit of what was touched. What it cost; 0 if all is taken over."""
        return next(self._counting)

    def _count_all(self) -> Iterator[int]:
        """All rows that are there at first, touched or not; then, for ever, those that are touched."""
        self._touched.clear()
        for group, rows in tuple(self._groups.rows.items()):
            for labels in tuple(rows):
                yield self._take_over(group, labels)
        while True:
            while self._touched:
                group, some = self._touched.popitem()
                for labels in some:
                    yield self._take_over(group, labels)
            while self._histograms:
                yield self._combine(*self._histograms.pop())
            yield 0

    def _take_over(self, group: str, labels: Labels) -> int:
        self.changes[group] += 1
        if group in self._counted:
            self._counted[group].touch(labels)
        elif group in self._present:
            name, _, part = group.rpartition("_")
            self._histograms.add((name, labels[:-1] if part == "bucket" else labels))
        return TAKEN

    def _combine(self, name: str, labels: Labels) -> int:
        held, source = self._present[f"{name}_bucket"]
        held.put(labels, self._histogram(held.family, source, labels))
        return COMBINED

    def _histogram(self, family: Family, source: Present, labels: Labels) -> Value | None:
        get = self._groups.get
        in_buckets = get(f"{source.group}_bucket")
        counts = [in_buckets.get((*labels, str(index)), 0) for index in range(len(family.bounds))]
        if not any(counts):
            return None
        running = get(f"{source.group}_live").get(labels, 0) if source.sign > 0 else sum(counts)
        return (*counts, running, get(f"{source.group}_sum").get(labels, 0))
