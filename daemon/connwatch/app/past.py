"""What is known of a source before it starts: from the store, or from its predecessor in a reload."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from msgspec import Struct

from connwatch.config import Plan
from connwatch.core.model import TargetState
from connwatch.core.policy import Policy
from connwatch.core.ports import Clock, SourceMemory, Store, Tallies
from connwatch.core.step import awaken


class Past(Struct, frozen=True):
    """One source's past."""

    states: Sequence[TargetState] = ()
    judged_by: Policy | None = None
    """By which policy they are judged already."""
    memory: SourceMemory | None = None
    tallies: Tallies = {}
    reading: Hashable = None
    """How its connections were read: `Provider.reading`. A store doesn't know it: None."""


async def pasts(store: Store, plan: Plan, clock: Clock) -> dict[str, Past]:
    """What the store knows, by source; of those that are configured, judged as of now."""
    policies = {name: source.policy for name, source in plan.sources.items()}

    def wake(state: TargetState, memory: SourceMemory) -> TargetState:
        policy = policies.get(memory.source)
        return state if policy is None else awaken(state, policy, memory.facts, clock.now())

    remembered = await store.load(wake)
    names = remembered.targets.keys() | remembered.sources.keys() | remembered.tallies.keys()
    return {
        name: Past(
            states=tuple(remembered.targets.get(name, {}).values()),
            judged_by=policies.get(name),
            memory=remembered.sources.get(name),
            tallies=remembered.tallies.get(name, {}),
        )
        for name in names
    }
