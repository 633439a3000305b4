"""One series for each connection, where the configuration wants them: counted, and written where the ceiling lets them be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Final, Literal, TypeAlias

from connwatch.core.fleet import Fleet
from connwatch.core.model import Held, TargetState
from connwatch.metrics.columns import PORTION
from connwatch.metrics.family import Family
from connwatch.metrics.pages import Entry, Pages
from connwatch.metrics.singles import NAMES, VALUES

Mode: TypeAlias = Literal["none", "unhealthy", "all"]

LOOKED: Final = 2
"""What it costs to look at a connection: about a microsecond is 1."""
_WANTED: Final[Mapping[Mode, Callable[[Held], bool]]] = {
    "none": lambda _one: False,
    "unhealthy": lambda one: one.verdict.condition != "healthy" or one.verdict.stale or one.verdict.expiring,
    "all": lambda _one: True,
}
_NONE: Final[Mapping[str, Held]] = {}


class ConnectionSeries:
    """The per-connection families. The ceiling switches them on and off: while they are off, series are only counted."""

    def __init__(self, fleet: Fleet, mode: Mode) -> None:
        self.mode: Final[Mode] = mode
        self._fleet = fleet
        self._wanted = _WANTED[mode]
        self._touched: set[tuple[str, str]] = set()
        self._entries: dict[str, dict[str, Entry]] = {}
        self._counts = [0] * len(NAMES)
        self._counting = self._count_all()
        self._pages: Pages | None = None
        self._editions = count(1)

    @property
    def shown(self) -> bool:
        """Whether the series are shown."""
        return self._pages is not None

    @property
    def counts(self) -> Mapping[str, int]:
        """Series by family, shown or not; what fades is not in it."""
        return dict(zip(NAMES, self._counts, strict=True))

    @property
    def series(self) -> int:
        """What all of them make, shown or not."""
        return sum(self._counts)

    def show(self, shown: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """Switch the series on or off."""
        if shown == self.shown:
            return
        if not shown:
            self._pages = None
            return
        self._pages = Pages(self._fleet, self._wanted, next(self._editions))
        for source, entries in self._entries.items():
            self._pages.follow(source, entries.values())

    def touch(self, keys: set[tuple[str, str]]) -> None:
        """Something in these targets (source, target) may have changed. The set is given away."""
        if self.mode == "none":
            return
        if self._touched:
            self._touched |= keys
        else:
            self._touched = keys

    def count(self) -> int:
        """Count a bit of what was touched. What it cost; 0 if all is counted."""
        return next(self._counting)

    def write(self, now: float, *, gzip: bool) -> int:
        """Write a bit of what was counted. What it cost; 0 if nothing is left."""
        return self._pages.work(now, gzip=gzip) if self._pages else 0

    def written(self, family: Family, *, gzip: bool) -> Iterable[bytes]:
        """The lines of one family."""
        return self._pages.written(family.name, gzip=gzip) if self._pages else ()

    def _count_all(self) -> Iterator[int]:
        """Everybody who is there at first, touched or not; then, for ever, whoever is touched."""
        self._touched = set()
        for source, book in tuple(self._fleet.books.items()) if self.mode != "none" else ():
            for target in tuple(book.records):
                yield from self._count(source, target)
        while True:
            while self._touched:
                yield from self._count(*self._touched.pop())
            yield 0

    def _count(self, source: str, target: str) -> Iterator[int]:
        """Take a target over as it is at this instant. If it changes while others have their turn, it is touched again."""
        book = self._fleet.books.get(source)
        record = book.records.get(target) if book else None
        entries = self._entries.setdefault(source, {})
        entry = entries.get(target) or Entry()
        before, after = entry.counted, record.state if record else None
        gone, come = (state.connections if state else _NONE for state in (before, after))
        listed_since = (before is None or before.polled_at is None) != (after is None or after.polled_at is None)
        cost = LOOKED
        for id_, one in come.items():
            was = gone.get(id_)
            if was is not one or listed_since:
                self._add(was, before, -1)
                self._add(one, after, 1)
            cost += LOOKED
            if cost >= PORTION:
                yield cost
                cost = 0
        for id_ in gone.keys() - come.keys():
            self._add(gone[id_], before, -1)
            yield LOOKED
        entry.counted = after
        if after is not None:
            entries[target] = entry
        else:
            entries.pop(target, None)
        if self._pages:
            self._pages.follow(source, (entry,))
        yield cost + LOOKED

    def _add(self, one: Held | None, state: TargetState | None, amount: int) -> None:
        if one is None or state is None or not self._wanted(one):
            return
        for family, value in enumerate(VALUES):
            if value(one, state) is not None:
                self._counts[family] += amount
