"""The targets of a source in an order that stays, by a hash of their ids, without ever sorting a million of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import takewhile
from typing import Final, TypeAlias

from connwatch.core.book import Record
from connwatch.web.turns import Turns

Shelves: TypeAlias = Sequence[list[str]]

_TAG_BITS: Final = 64
_SHELF_BITS: Final = 10


class Roster:
    """Target ids on shelves, by the first bits of their tags.

    An arrival costs an entry on its shelf; a shelf is put in order when it is read, and what has left is thrown out then.
    """

    def __init__(self) -> None:
        self._shelves: Shelves = _empty()
        self._newest: Record | None = None

    async def targets(self, records: dict[str, Record], first: int, turns: Turns) -> Iterator[tuple[int, str]]:
        """Tags and ids in order, from this tag on; read as the iterator is."""
        await self._take_in(records, turns)
        return _read(self._shelves[_shelf(first) :], records, first)

    async def _take_in(self, records: dict[str, Record], turns: Turns) -> None:
        """Shelve those that came since the last look: a mapping keeps its newest at the end.

        If the newest that is known has left, there is no telling, and all are shelved anew. What two readers at once
        shelve twice is read once.
        """
        known, newest = self._newest, next(reversed(records.values()), None)
        if known is not None and records.get(known.state.target.id) is known:
            shelves = self._shelves
            arrived = [id_ for id_, _ in takewhile(lambda pair: pair[1] is not known, reversed(records.items()))]
        else:
            shelves, arrived = _empty(), list(records)
        for id_ in arrived:
            await turns.look()
            shelves[_shelf(tag_of(id_))].append(id_)
        self._shelves, self._newest = shelves, newest


def tag_of(id_: str) -> int:
    """The hash of a target's id that says where it stands. It tells nothing of the id."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=_TAG_BITS // 8).digest(), "big")


def _read(shelves: Shelves, records: dict[str, Record], first: int) -> Iterator[tuple[int, str]]:
    for shelf in shelves:
        shelf[:] = {id_ for id_ in shelf if id_ in records}
        yield from (pair for pair in sorted((tag_of(id_), id_) for id_ in shelf) if pair[0] >= first)


def _empty() -> Shelves:
    return [[] for _ in range(1 << _SHELF_BITS)]


def _shelf(tag: int) -> int:
    return tag >> (_TAG_BITS - _SHELF_BITS)
