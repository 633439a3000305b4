"""The rows of a family as they are shown: folded, written when they change, kept until they change again.

A row that is put is noted; it is written by and by, a little at each `work`, and at last by whoever wants to see all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import accumulate
from operator import itemgetter
from typing import Final, cast

from connwatch.core.groups import Labels
from connwatch.metrics.columns import Column, Places, member
from connwatch.metrics.family import Computed, Family, Merge, Value, View
from connwatch.metrics.folding import NOTHING_FOLDED, Fold, Foldable
from connwatch.metrics.lines import Format, buckets, encoded, heading, pairs, sample

SHOWN: Final = 2
WRITTEN: Final = 3
"""What it costs to find out where a row is shown, and to write a line: about a microsecond is 1."""


def _sum(values: Collection[Value]) -> Value:
    numbers = [value for value in values if not isinstance(value, tuple)]
    histograms = [value for value in values if isinstance(value, tuple)]
    return tuple(map(sum, zip(*histograms, strict=True))) if histograms else sum(numbers)


_MERGED: Final[Mapping[Merge, Callable[[Collection[Value]], Value]]] = {
    "sum": _sum,
    "min": lambda values: min(value for value in values if not isinstance(value, tuple)),
    "one": lambda _: 1.0,
}


class Table:
    """The rows of one family. `series` counts what they make before any folding."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.rows: dict[Labels, Value] = {}
        self._cause: object = None
        self._fold = NOTHING_FOLDED
        self._others: dict[Labels, set[Labels]] = {}
        """What is shown for others, and for which."""
        self._hidden = 0
        self._moving: list[Labels] = []
        self._stale: dict[Labels, None] = {}
        """What is to be written, after what is being written."""
        self._writing: Iterator[Labels] = iter(())
        self._column = Column()
        self._places = Places()
        self._place_of: dict[Labels, int] = {}
        self._headings: dict[Format, bytes] = {
            "text": heading(family, "text"),
            "openmetrics": heading(family, "openmetrics"),
        }

    @property
    def series_per_row(self) -> int:
        """Lines that one row makes."""
        return len(self.family.bounds) + 2 if self.family.bounds else 1

    @property
    def series(self) -> int:
        """What all rows make, unfolded."""
        return len(self.rows) * self.series_per_row

    @property
    def folded(self) -> int:
        """Series that are shown in another row's stead."""
        return self._hidden * self.series_per_row

    @property
    def shown(self) -> int:
        """Series as they are shown."""
        return self.series - self.folded + len(self._others) * self.series_per_row

    @property
    def moving(self) -> bool:
        """Whether rows are on their way to where the folding wants them: until then, what is shown is not settled."""
        return bool(self._moving)

    def foldable(self) -> Iterator[Foldable]:
        """Each row that is there when it is first asked, with the name that it can be folded by."""
        spot = self.family.folds_by
        if spot is None:
            return
        name, series = self.family.name, self.series_per_row
        rest = itemgetter(*(at for at in range(len(self.family.labels)) if at not in self.family.blanked))
        for labels in tuple(self.rows):
            yield (labels[0], labels[spot]), (name, rest(labels)), series

    def put(self, labels: Labels, value: Value | None) -> None:
        """Set a row; None takes it away."""
        if self.rows.get(labels) == value:
            return
        if value is None:
            del self.rows[labels]
        else:
            self.rows[labels] = value
        self._show(labels)

    def reflect(self, rows: dict[Labels, int]) -> None:
        """Show rows that somebody else keeps and changes, instead of a copy that would weigh as much. Nothing may be put then."""
        self.rows = cast("dict[Labels, Value]", rows)

    def touch(self, labels: Labels) -> None:
        """A row that somebody else keeps has changed."""
        self._show(labels)

    def follow(self, view: View) -> None:
        """Set all rows to what they are in this view, if they are asked for."""
        source = self.family.source
        if not isinstance(source, Computed):
            return
        cause = source.follows_from(view) if source.follows_from else None
        if cause is None or cause != self._cause:
            self._cause = cause
            self.replace(dict(source.rows(view)))

    def replace(self, rows: Mapping[Labels, Value]) -> None:
        """Set all rows."""
        known = self.rows
        if rows == known:
            return
        for labels in known.keys() - rows.keys():
            self.put(labels, None)
        for labels, value in rows.items():
            if known.get(labels) != value:
                self.put(labels, value)

    def fold(self, fold: Fold) -> None:
        """Show the rows as this folding wants them."""
        if self.family.folds_by is None or fold == self._fold:
            return
        self._fold = fold
        self._clear()
        self._moving = list(self.rows)

    def work(self, *, gzip: bool) -> int:
        """Do a bit of what is left. What it cost; 0 if nothing is left."""
        if self._moving:
            self._show(self._moving.pop())
            return SHOWN
        into = next(self._writing, None)
        if into is not None:
            self._write(into, self._value(into))
            return WRITTEN * self.series_per_row
        if self._stale:
            self._writing, self._stale = iter(self._stale), {}
            return SHOWN
        return self._column.settle(gzip=gzip)

    def written(self, format_: Format, now: float, *, gzip: bool) -> list[bytes]:
        """The family as it stands in a body; nothing if it has no rows. Does what is left."""
        while self.work(gzip=gzip):
            continue
        return self._body(format_, now, gzip=gzip) if self.rows else []

    def _body(self, format_: Format, _now: float, *, gzip: bool) -> list[bytes]:
        title = self._headings[format_]
        return [member(title) if gzip else title, *self._column.written(gzip=gzip)]

    def _clear(self) -> None:
        self._others.clear()
        self._hidden = 0
        self._stale.clear()
        self._writing = iter(())
        self._column = Column()
        self._places = Places()
        self._place_of.clear()

    def _write(self, labels: Labels, value: Value | None) -> None:
        if value is not None:
            place = self._place_of.get(labels)
            if place is None:
                place = self._place_of[labels] = self._places.take()
            self._column.put(place, encoded(written(self.family, labels, value)))
        elif labels in self._place_of:
            place = self._place_of.pop(labels)
            self._column.put(place, b"")
            self._places.give_back(place)

    def _show(self, labels: Labels) -> None:
        """Note that a row is to be written, and those that it is shown in."""
        into = self._fold.target(self.family, labels)
        self._stale[into] = None
        if into is labels:
            return
        others = self._others.setdefault(into, set())
        self._hidden -= len(others)
        (others.add if labels in self.rows else others.discard)(labels)
        self._hidden += len(others)
        if not others:
            del self._others[into]

    def _value(self, labels: Labels) -> Value | None:
        others = self._others.get(labels)
        if others is None:
            return None if self._fold.target(self.family, labels) is not labels else self.rows.get(labels)
        values = [self.rows[one] for one in others if one in self.rows]  # one that is gone may not be taken over yet
        return _MERGED[self.family.merge](values) if values else None


def written(family: Family, labels: Labels, value: Value) -> str:
    """The lines of one row."""
    said = pairs(family.labels, labels)
    if not isinstance(value, tuple):
        return sample(family.name, said, value)
    *counts, total = value
    *_, count = accumulate(counts)
    name = family.name
    return buckets(family, labels, counts) + sample(f"{name}_count", said, count) + sample(f"{name}_sum", said, total)
