"""The smallest of very many values by key, where each target brings at most one value for a key: heaps of targets, not of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.groups import Labels

_SMALL: Final = 8
"""Marks that are gone and not worth tidying up; and one in so many of those that are there."""


class Mark(Struct, order=True, gc=False):
    """A value that a target brings. One that is gone stays in its heap until it comes to the head."""

    at: float
    gone: bool = False


class Pile(Struct, eq=False, gc=False):
    """The marks of one key."""

    key: Labels
    heap: list[Mark] = []
    live: int = 0

    def lowest(self) -> float | None:
        """The smallest value; None if there is none left."""
        while self.heap and self.heap[0].gone:
            heappop(self.heap)
        return self.heap[0].at if self.heap else None

    def put(self, at: float) -> Mark:
        """Add a value."""
        mark = Mark(at)
        if len(self.heap) - self.live > _SMALL + self.live // _SMALL:
            self.heap = [one for one in self.heap if not one.gone]
            heapify(self.heap)
        heappush(self.heap, mark)
        self.live += 1
        return mark

    def take(self, mark: Mark) -> None:
        """Take a value away."""
        mark.gone = True
        self.live -= 1


Marks: TypeAlias = tuple[tuple[Pile, Mark], ...]
"""What a target brings."""


class Lows:
    """The smallest value of each key."""

    def __init__(self) -> None:
        self._piles: dict[Labels, Pile] = {}
        self._changed: set[Pile] = set()
        self._lowest: dict[Labels, float] = {}

    def move(self, marks: Marks, values: Mapping[Labels, float]) -> Marks:
        """Let a target bring these values in place of what it brought. Returns its new marks."""
        kept = {}
        for pile, mark in marks:
            if values.get(pile.key) == mark.at:
                kept[pile.key] = (pile, mark)
            else:
                pile.take(mark)
                self._changed.add(pile)
        return tuple(kept.get(key) or self._put(key, at) for key, at in values.items())

    def drop(self, source: str) -> None:
        """Strike out all keys of a source: the first label is the source's name."""
        gone = {key for key in self._piles if key[0] == source}
        self._changed = {pile for pile in self._changed if pile.key not in gone}
        for key in gone:
            del self._piles[key]
            self._lowest.pop(key, None)

    def items(self) -> Iterable[tuple[Labels, float]]:
        """Each key with its smallest value."""
        for pile in self._changed:
            lowest = pile.lowest()
            if lowest is not None:
                self._lowest[pile.key] = lowest
            elif self._piles.get(pile.key) is pile:
                del self._piles[pile.key]
                self._lowest.pop(pile.key, None)
        self._changed.clear()
        return self._lowest.items()

    def _put(self, key: Labels, at: float) -> tuple[Pile, Mark]:
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = Pile(key)
        self._changed.add(pile)
        return pile, pile.put(at)
