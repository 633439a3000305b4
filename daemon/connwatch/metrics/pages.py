"""The lines of single connections, each in its place: written anew when their connection changes, and no others with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Reversible
from typing import Final

from msgspec import Struct

from connwatch.core.book import Book
from connwatch.core.fleet import Fleet
from connwatch.core.model import Held, TargetState
from connwatch.core.weigh import Vocabulary
from connwatch.metrics.columns import PORTION, Column, Places, numbers
from connwatch.metrics.fading import FADING, Fading
from connwatch.metrics.singles import CHECKED, NAMES, STATUS, Scribe

LOOKED: Final = 1
CHECKED_AGAIN: Final = 6
WRITTEN: Final = 15
"""What it costs to look at a connection, to write when it was checked, and to write all of it: about a microsecond is 1."""
NOWHERE: Final = 2**32 - 1
"""The place of a connection that never had a line."""
_ALL: Final = range(len(NAMES))
_NONE: Final[Mapping[str, Held]] = {}


class Entry(Struct, gc=False):
    """What is known here of a target. `edition` says in which pages it was written so; of others nothing is left."""

    counted: TargetState | None = None
    """None: it is gone."""
    written: TargetState | None = None
    vocabulary: Vocabulary | None = None
    places: bytes = b""
    """Those of its connections, in their order, packed."""
    edition: int = 0


class Pages:
    """The columns of all families of single connections."""

    def __init__(self, fleet: Fleet, wanted: Callable[[Held], bool], edition: int) -> None:
        self._fleet = fleet
        self._wanted = wanted
        self._edition = edition
        self._waiting: list[tuple[str, list[Entry]]] = []
        self._columns = tuple(Column() for _ in _ALL)
        self._places = Places()
        self._fading = Fading()
        self._scribe = Scribe()
        self._now = 0.0
        self._writing = self._write_all()

    def follow(self, source: str, entries: Reversible[Entry]) -> None:
        """These targets of a source are to be written as they were counted."""
        self._waiting.append((source, list(reversed(entries))))

    def work(self, now: float, *, gzip: bool) -> int:
        """Do a bit of what is left. What it cost; 0 if nothing is left."""
        self._now = now
        return next(self._writing) or self._fade() or self._settle(gzip=gzip)

    def written(self, name: str, *, gzip: bool) -> Iterable[bytes]:
        """The lines of one family."""
        return self._columns[NAMES.index(name)].written(gzip=gzip)

    def _settle(self, *, gzip: bool) -> int:
        for column in self._columns:
            if cost := column.settle(gzip=gzip):
                return cost
        return 0

    def _fade(self) -> int:
        """Let go of what was 0 for long enough."""
        place = self._fading.over(self._now)
        if place is None:
            return 0
        column = self._columns[STATUS]
        column.put(place, self._fading.rest(place, column.get(place), self._now))
        return WRITTEN

    def _write_all(self) -> Iterator[int]:
        while True:
            while self._waiting:
                source, entries = self._waiting.pop()
                while entries:
                    entry, book = entries.pop(), self._fleet.books.get(source)
                    if entry.counted is None:
                        yield from self._erase(entry)
                    elif book is not None:
                        yield from self._write(entry, entry.counted, book)
            yield 0

    def _erase(self, entry: Entry) -> Iterator[int]:
        for place in numbers(entry.places) if entry.edition == self._edition else ():
            yield self._clear(place)
        entry.edition = 0
        yield LOOKED

    def _write(self, entry: Entry, state: TargetState, book: Book) -> Iterator[int]:
        before = entry.written if entry.edition == self._edition else None
        held, places = (before.connections, entry.places) if before else (_NONE, b"")
        place_of = dict(zip(held, numbers(places), strict=True))
        anew = (
            before is None or entry.vocabulary is not book.vocabulary or before.target.company != state.target.company
        )
        checked = before is None or before.polled_at != state.polled_at
        kept, cost = numbers(b""), LOOKED
        for id_, one in state.connections.items():
            place = place_of.pop(id_, NOWHERE)
            if anew or held.get(id_) is not one:
                place = self._put(place, book, state, one)
                cost += WRITTEN
            elif checked and one.seen.checked_at is None and place != NOWHERE and self._wanted(one):
                self._columns[CHECKED].put(place, *self._scribe.lines(book, state, one, (CHECKED,)))
                cost += CHECKED_AGAIN
            else:
                cost += LOOKED
            kept.append(place)
            if cost >= PORTION:
                yield cost
                cost = 0
        for place in place_of.values():
            yield self._clear(place)
        entry.written, entry.vocabulary, entry.places = state, book.vocabulary, kept.tobytes()
        entry.edition = self._edition
        yield cost + LOOKED

    def _put(self, place: int, book: Book, state: TargetState, one: Held) -> int:
        """Write a connection. Its place stays its own as long as it lives; one that never had anything to say has none."""
        lines = self._scribe.lines(book, state, one, _ALL) if self._wanted(one) else [b""] * len(_ALL)
        if place == NOWHERE:
            if not lines[STATUS]:
                return NOWHERE
            place = self._places.take()
        until = self._now + max(book.policy.poll_interval, FADING)
        lines[STATUS] = self._fading.follow(place, self._columns[STATUS].get(place), lines[STATUS], until)
        for column, line in zip(self._columns, lines, strict=True):
            column.put(place, line)
        return place

    def _clear(self, place: int) -> int:
        if place != NOWHERE:
            self._fading.forget(place)
            for column in self._columns:
                column.put(place, b"")
            self._places.give_back(place)
        return WRITTEN
