"""Histograms of the present: their sums move with time, so that at each scrape one line of a row is written, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from connwatch.core.groups import Labels
from connwatch.metrics.columns import PACKED, member, stored
from connwatch.metrics.family import Family, Present, Value
from connwatch.metrics.lines import Format, buckets, encoded, heading_of_part, number, pairs, sample
from connwatch.metrics.tables import Table


class Ready(Struct, gc=False):
    """One row, as far as it doesn't move with time. `packed`: its buckets and its count as gzip members."""

    spans: bytes
    count: bytes
    sum: bytes
    """The line of the sum as far as the sum itself."""
    running: float
    clocks: float
    packed: tuple[bytes, bytes] = (b"", b"")

    def still(self, *, gzip: bool) -> tuple[bytes, bytes]:
        """The lines of the buckets, and that of the count."""
        return self.packed if gzip else (self.spans, self.count)


class PresentTable(Table):
    """A value is the count of each bucket, then how many have a clock that runs, then the sum of those clocks in milliseconds."""

    def __init__(self, family: Family, source: Present) -> None:
        super().__init__(family)
        self._ready: dict[Labels, Ready] = {}
        self._unpacked: dict[Labels, Ready] = {}
        self._sign = source.sign
        self._parts = (heading_of_part(family, "_gcount"), heading_of_part(family, "_gsum"))

    def work(self, *, gzip: bool) -> int:
        if cost := super().work(gzip=gzip):
            return cost
        if not gzip or not self._unpacked:
            return 0
        _, row = self._unpacked.popitem()
        row.packed = member(row.spans), stored(row.count)
        return PACKED

    def _clear(self) -> None:
        super()._clear()
        self._ready.clear()
        self._unpacked.clear()

    def _write(self, labels: Labels, value: Value | None) -> None:
        if not isinstance(value, tuple):
            self._ready.pop(labels, None)
            self._unpacked.pop(labels, None)
            return
        *counts, running, clocks = value
        said, name = pairs(self.family.labels, labels), self.family.name
        self._ready[labels] = self._unpacked[labels] = Ready(
            encoded(buckets(self.family, labels, counts)),
            encoded(sample(f"{name}_gcount", said, sum(counts))),
            encoded(f"{name}_gsum{{{said}}} "),
            running,
            clocks / 1000.0,
        )

    def _body(self, format_: Format, now: float, *, gzip: bool) -> list[bytes]:
        rows = self._ready.values()
        still = [row.still(gzip=gzip) for row in rows]
        sums = [b"%b%b\n" % (row.sum, self._sum(row, now)) for row in rows]
        if gzip:
            sums = [stored(line) for line in sums]
        packed: Callable[[bytes], bytes] = stored if gzip else bytes
        if format_ == "openmetrics":
            lines = (
                line for (spans, count), moving in zip(still, sums, strict=True) for line in (spans, count, moving)
            )
            return [packed(self._headings[format_]), *lines]
        columns: Sequence[Iterable[bytes]] = (*zip(*still, strict=True), sums)
        titles = (self._headings[format_], *self._parts)
        return [line for title, column in zip(titles, columns, strict=True) for line in (packed(title), *column)]

    def _sum(self, row: Ready, now: float) -> bytes:
        return number(max(0.0, self._sign * (row.clocks - row.running * now))).encode()


def table(family: Family) -> Table:
    """An empty table for a family."""
    return PresentTable(family, family.source) if isinstance(family.source, Present) else Table(family)
