"""What is known of a source before it starts: from the store, or from its predecessor in a reload."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.model import TargetState
from connwatch.core.ports import Asleep, Remembered, SourceMemory, Store, Stored, Tallies, Wake

T = TypeVar("T")


class Past(Struct, frozen=True):
    """One source's past."""

    states: Sequence[TargetState] = ()
    """Its targets, as a predecessor left them."""
    stored: Stored | None = None
    """Or its targets as the store keeps them."""
    memory: SourceMemory | None = None
    tallies: Tallies = {}
    reading: Hashable = None
    """How its connections were read: `Provider.reading`. A store doesn't know it: None."""


class Archive:
    """What a store knew of sources when the daemon started."""

    def __init__(self, store: Store, remembered: Remembered) -> None:
        self._store = store
        self._remembered = remembered

    def past(self, source: str) -> Past:
        """A source's past. Its targets are still to be read."""

        def stored(wake: Wake[T]) -> AsyncIterator[T]:
            return self._store.targets(source, wake)

        return Past(
            stored=stored,
            memory=self._remembered.sources.get(source),
            tallies=self._remembered.tallies.get(source, {}),
        )

    async def past_in_full(self, source: str) -> Past:
        """A source's past, all of which was read. Raises StoreUnusable."""
        portions: deque[Sequence[Asleep]] = deque([some async for some in self._store.targets(source, tuple)])

        async def stored(wake: Wake[T]) -> AsyncIterator[T]:
            while portions:
                yield wake(portions.popleft())

        return replace(self.past(source), stored=stored)
