"""The rows of a family as they are shown: folded, written when they change, kept until they change again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from connwatch.core.weigh import Labels
from connwatch.metrics.chunks import Sheet, member, pieces
from connwatch.metrics.family import Family, Merge, Present, Value
from connwatch.metrics.folding import NOTHING_FOLDED, Fold, Foldable
from connwatch.metrics.lines import Format, buckets, encoded, heading, heading_of_part, number, pairs, sample


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
        self._fold = NOTHING_FOLDED
        self._others: dict[Labels, dict[Labels, Value]] = {}
        self._stale: set[Labels] = set()
        self._sheet = Sheet()
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
        return sum(map(len, self._others.values())) * self.series_per_row

    @property
    def shown(self) -> int:
        """Series as they are shown."""
        return self.series - self.folded + len(self._others) * self.series_per_row

    def foldable(self) -> Iterator[Foldable]:
        """Each row with the name that it can be folded by."""
        spot = self.family.folds_by
        if spot is None:
            return
        blanked, series = self.family.blanked, self.series_per_row
        for labels in self.rows:
            rest = tuple(label for at, label in enumerate(labels) if at not in blanked)
            yield (labels[0], labels[spot]), (self.family.name, rest), series

    def put(self, labels: Labels, value: Value | None) -> None:
        """Set a row; None takes it away."""
        if self.rows.get(labels) == value:
            return
        if value is None:
            del self.rows[labels]
        else:
            self.rows[labels] = value
        self._show(labels, value)

    def replace(self, rows: Mapping[Labels, Value]) -> None:
        """Set all rows."""
        for labels in self.rows.keys() - rows.keys():
            self.put(labels, None)
        for labels, value in rows.items():
            self.put(labels, value)

    def fold(self, fold: Fold) -> None:
        """Show the rows as this folding wants them."""
        if self.family.folds_by is None or fold == self._fold:
            return
        self._fold = fold
        self._clear()
        for labels, value in self.rows.items():
            self._show(labels, value)

    def written(self, format_: Format, now: float, *, gzip: bool) -> Iterable[bytes]:
        """The family as it stands in a body; nothing if it has no rows."""
        self._settle()
        if not self.rows:
            return []
        return self._body(format_, now, gzip=gzip)

    def _body(self, format_: Format, _now: float, *, gzip: bool) -> Iterable[bytes]:
        return [_packed(self._headings[format_], gzip=gzip), *self._sheet.written(gzip=gzip)]

    def _clear(self) -> None:
        self._others.clear()
        self._stale.clear()
        self._sheet = Sheet()

    def _write(self, labels: Labels, value: Value | None) -> None:
        self._sheet.put(labels, b"" if value is None else encoded(written(self.family, labels, value)))

    def _show(self, labels: Labels, value: Value | None) -> None:
        into = self._fold.target(self.family, labels)
        if into is labels:
            self._write(labels, value)
            return
        others = self._others.setdefault(into, {})
        if value is None:
            del others[labels]
        else:
            others[labels] = value
        self._stale.add(into)

    def _settle(self) -> None:
        for into in self._stale:
            others = self._others[into]
            self._write(into, _MERGED[self.family.merge](others.values()) if others else None)
            if not others:
                del self._others[into]
        self._stale.clear()


class PresentTable(Table):
    """A histogram of the present. Its sum moves with time: that line alone is written at each scrape.

    A value is the count of each bucket, then how many have a clock that runs, then the sum of those clocks in milliseconds.
    """

    def __init__(self, family: Family, source: Present) -> None:
        super().__init__(family)
        self._sign = source.sign
        self._ready: dict[Labels, tuple[bytes, bytes, bytes, float, float]] = {}
        self._parts = (heading_of_part(family, "_gcount"), heading_of_part(family, "_gsum"))

    def _clear(self) -> None:
        super()._clear()
        self._ready.clear()

    def _write(self, labels: Labels, value: Value | None) -> None:
        if not isinstance(value, tuple):
            self._ready.pop(labels, None)
            return
        *counts, running, clocks = value
        said, name = pairs(self.family.labels, labels), self.family.name
        self._ready[labels] = (
            encoded(buckets(self.family, labels, counts)),
            encoded(sample(f"{name}_gcount", said, sum(counts))),
            encoded(f"{name}_gsum{{{said}}} "),
            running,
            clocks / 1000.0,
        )

    def _body(self, format_: Format, now: float, *, gzip: bool) -> Iterable[bytes]:
        ready = [
            (spans, count, b"%b%b\n" % (start, self._sum(running, clocks, now)))
            for spans, count, start, running, clocks in self._ready.values()
        ]
        if format_ == "openmetrics":
            parts = [self._headings[format_], *(line for row in ready for line in row)]
        else:
            columns = zip(*ready, strict=True)
            parts = [
                line
                for title, column in zip((self._headings[format_], *self._parts), columns, strict=True)
                for line in (title, *column)
            ]
        return [_packed(piece, gzip=gzip) for piece in pieces(b"".join(parts))]

    def _sum(self, running: float, clocks: float, now: float) -> bytes:
        return number(max(0.0, self._sign * (clocks - running * now))).encode()


def table(family: Family) -> Table:
    """An empty table for a family."""
    return PresentTable(family, family.source) if isinstance(family.source, Present) else Table(family)


def written(family: Family, labels: Labels, value: Value) -> str:
    """The lines of one row."""
    said = pairs(family.labels, labels)
    if not isinstance(value, tuple):
        return sample(family.name, said, value)
    *counts, total = value
    *_, count = accumulate(counts)
    name = family.name
    return buckets(family, labels, counts) + sample(f"{name}_count", said, count) + sample(f"{name}_sum", said, total)


def _packed(text: bytes, *, gzip: bool) -> bytes:
    return member(text) if gzip else text
