"""What is known of a source before it starts: from the store, or from its predecessor in a reload."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.model import Kept, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.ports import Clock, Remembered, SourceMemory, SourcePlan, Store, Tallies
from connwatch.core.step import awaken

SLICE: Final = 2000
"""Connections of a predecessor that are taken over at once, before others get their turn."""


class Past(Struct, frozen=True):
    """One source's past."""

    states: Sequence[TargetState] = ()
    """Its targets, as a predecessor left them."""
    stored: AsyncIterator[Sequence[TargetState]] | None = None
    """Or its targets as the store gives them, once."""
    judged_by: Policy | None = None
    """By which policy they are judged already."""
    memory: SourceMemory | None = None
    tallies: Tallies = {}
    reading: Hashable = None
    """How its connections were read: `Provider.reading`. A store doesn't know it: None."""


class Archive:
    """What a store knew of sources when the daemon started."""

    def __init__(self, store: Store, remembered: Remembered, clock: Clock) -> None:
        self._store = store
        self._remembered = remembered
        self._clock = clock

    def past(self, source: SourcePlan) -> Past:
        """A source's past. Its targets are still to be read, and are judged as of then."""
        memory = self._remembered.sources.get(source.name)
        policy, facts = source.policy, memory.facts if memory else Facts()

        def wake(state: TargetState, connections: Sequence[Kept]) -> TargetState:
            return awaken(state, connections, policy, facts, self._clock.now())

        return Past(
            stored=self._store.targets(source.name, wake),
            judged_by=policy,
            memory=memory,
            tallies=self._remembered.tallies.get(source.name, {}),
        )

    async def past_in_full(self, source: SourcePlan) -> Past:
        """A source's past with all its targets. Raises StoreUnusable."""
        past = self.past(source)
        return replace(past, stored=None, states=tuple([state async for some in portions(past) for state in some]))


async def portions(past: Past) -> AsyncIterator[Sequence[TargetState]]:
    """A past, in portions that are soon dealt with: each counts as its connections, and one more for each target.

    What was handed out is not held any longer: the old and the new are never there as a whole.
    """
    stored, left = past.stored, deque(past.states)
    del past
    if stored is not None:
        async for some in stored:
            yield some
            del some
    while left:
        portion: list[TargetState] = []
        size = 0
        while left and size < SLICE:
            portion.append(left.popleft())
            size += 1 + len(portion[-1].connections)
        yield portion
        del portion
