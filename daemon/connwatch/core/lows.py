"""The smallest of very many values by key, where each target brings at most one value for a key: heaps of targets, not of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.groups import Labels
from connwatch.core.model import NEVER

_SPARE: Final = 8
"""Marks that are gone and may stay: so many, and one more for each so many that are there."""


class Mark(Struct, order=True, gc=False):
    """A value that a target brings. One that grows, or is gone, stays where it is in its heap until it comes to the head."""

    at: float
    """What it was when it was put where it is in its heap."""
    value: float
    """What it is now, never less; `NEVER`: it is gone."""


class Pile(Struct, eq=False, gc=False):
    """The marks of one key."""

    key: Labels
    heap: list[Mark] = []
    live: int = 0

    def lowest(self) -> float | None:
        """The smallest value; None if there is none left."""
        heap = self.heap
        while heap and (head := heap[0]).at != head.value:
            if head.value == NEVER:
                heappop(heap)
            else:
                head.at = head.value
                heapreplace(heap, head)
        return heap[0].at if heap else None

    def put(self, at: float) -> Mark:
        """Add a value."""
        mark = Mark(at, at)
        if len(self.heap) - self.live > _SPARE + self.live // _SPARE:
            self.heap = [one for one in self.heap if one.value < NEVER]
            heapify(self.heap)
        heappush(self.heap, mark)
        self.live += 1
        return mark

    def take(self, mark: Mark) -> None:
        """Take a value away."""
        mark.value = NEVER
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
            value = values.get(pile.key)
            if value is not None and value >= mark.at:
                kept[pile.key] = (pile, mark)
                if value != mark.value:
                    mark.value = value
                    self._changed.add(pile)
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
