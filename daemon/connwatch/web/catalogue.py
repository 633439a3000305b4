"""All connections in one order that stays, whoever comes and goes: what paging goes by, and how one is found.

The order is by source, by a hash of the target's id, and by connection: a position in it names no end user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from connwatch.core.book import Book
from connwatch.core.fleet import Fleet
from connwatch.core.model import Held, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.ports import Clock
from connwatch.web.roster import Roster, tag_of
from connwatch.web.turns import Turns


class Look(NamedTuple):
    """A connection, with all that belongs to it."""

    policy: Policy
    facts: Facts
    state: TargetState
    held: Held


class Position(NamedTuple):
    """A place in the order: that of a connection, whether it is still there or not."""

    source: str
    tag: int
    connection: str


class Page(NamedTuple):
    """Connections in order, and the position of the last one if there are more."""

    looks: Sequence[Look]
    last: Position | None


Filter: TypeAlias = Callable[[Look], bool]
START: Final = Position("", 0, "")


class Catalogue:
    """The connections of a fleet, page by page."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        self._fleet = fleet
        self._clock = clock
        self._rosters: WeakKeyDictionary[Book, Roster] = WeakKeyDictionary()

    async def page(self, wanted: Filter, limit: int, after: Position) -> Page:
        """The next connections that are wanted. One more than the limit is looked for: it tells that there are more."""
        turns = Turns(self._clock)
        found: list[Look] = []
        for source in sorted(self._fleet.books):
            book = self._fleet.books.get(source)
            if book is None or source < after.source:
                continue
            roster = self._rosters.setdefault(book, Roster())
            for tag, target in await roster.targets(book.records, after.tag if source == after.source else 0, turns):
                await turns.look()
                record = book.records.get(target)
                if record is None:
                    continue
                floor = after.connection if (source, tag) == after[:2] else ""
                there = await _wanted(wanted, floor, book, record.state, turns)
                found += nsmallest(limit + 1 - len(found), there, key=_id)
                if len(found) > limit:
                    return Page(found[:limit], _position(found[limit - 1]))
        return Page(found, None)

    async def find(self, source: str, connection: str) -> Look | None:
        """One connection by its id."""
        book = self._fleet.books.get(source)
        if book is None:
            return None
        turns = Turns(self._clock)
        for record in tuple(book.records.values()):
            await turns.look()
            held = record.state.connections.get(connection)
            if held is not None:
                return Look(book.policy, book.facts, record.state, held)
        return None


async def _wanted(wanted: Filter, floor: str, book: Book, state: TargetState, turns: Turns) -> list[Look]:
    """The connections of a target that are wanted and lie above the floor, in no order."""
    looks = []
    for id_, held in state.connections.items():
        await turns.look()
        look = Look(book.policy, book.facts, state, held)
        if id_ > floor and wanted(look):
            looks.append(look)
    return looks


def _position(look: Look) -> Position:
    return Position(look.policy.source, tag_of(look.state.target.id), _id(look))


def _id(look: Look) -> str:
    return look.held.seen.id
