"""Memories to commit, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from connwatch.core.model import Condition, Connection, Held, Moved, Target, TargetState, Transition, Verdict, words
from connwatch.core.ports import SourceMemory, Store, Tallies, TargetMemory, as_they_are
from connwatch.stores import SqlReader

NOW: Final = 1_790_000_000.0


def held(id_: str = "c1", *, condition: Condition = "healthy", status: str = "ok") -> Held:
    """A connection that was just seen for the first time."""
    return Held(
        seen=Connection(id_, words("bank-1", "api", status)),
        verdict=Verdict(condition=condition, rule="table"),
        until=NOW + 3600.0,
        since=NOW,
        status_since=NOW,
        first_seen=NOW,
        fingerprint=4711,
    )


def state(target: str = "t1", *connections: Held) -> TargetState:
    """A target that was just polled for the first time."""
    return TargetState(
        target=Target(id=target, company="acme"),
        first_seen=NOW,
        due=NOW + 900.0,
        connections={one.seen.id: one for one in connections},
        polled_at=NOW,
        outcome="ok",
    )


def appeared(target: str, *connections: Held, source: str = "bank", at: float = NOW) -> TargetMemory:
    """A target with connections that are all new or changed, each with a line of history."""
    return TargetMemory(
        source=source,
        state=state(target, *connections),
        moved=tuple(Moved(None, one) for one in connections),
        transitions=tuple(change(one.seen.id, at, after=one.verdict.condition) for one in connections),
        at=at,
    )


def vanished(target: str, *connections: Held, source: str = "bank", at: float = NOW) -> TargetMemory:
    """A target of which these connections were removed."""
    return TargetMemory(
        source=source,
        state=state(target),
        moved=tuple(Moved(one, None) for one in connections),
        transitions=tuple(change(one.seen.id, at, before=one.verdict.condition) for one in connections),
        at=at,
    )


def dropped(target: str, *connections: Held, source: str = "bank", at: float = NOW) -> TargetMemory:
    """A target that is gone for good, with its connections."""
    memory = vanished(target, *connections, source=source, at=at)
    return replace(memory, state=replace(memory.state, gone=True), dropped=True)


def counted(tallies: Tallies, *, source: str = "bank") -> TargetMemory:
    """Totals that a step raised."""
    return TargetMemory(source=source, state=state(), tallies=tallies, at=NOW)


def change(
    connection: str, at: float, *, before: Condition | None = None, after: Condition | None = None
) -> Transition:
    """A line of history."""
    return Transition(connection=connection, at=at, before=before, after=after, status="ok")


def surviving(connections: Mapping[str, Held]) -> Mapping[str, Held]:
    """What a restart leaves of connections: what the core finds out again is not kept."""
    return {
        id_: replace(
            one,
            verdict=Verdict(condition=one.verdict.condition, rule=one.verdict.rule),
            until=0.0,
            fingerprint=0,
            paused_until=0.0,
        )
        for id_, one in connections.items()
    }


class Recalled(NamedTuple):
    """All that a store tells after a restart."""

    targets: Mapping[str, Mapping[str, TargetState]] = {}
    """Source -> target id -> state; of those that have any."""
    sources: Mapping[str, SourceMemory] = {}
    tallies: Mapping[str, Tallies] = {}


async def recalled(store: Store | SqlReader, names: Sequence[str] = ("bank", "other")) -> Recalled:
    """All that it tells of these sources. It gives targets in order, and each once."""
    targets: dict[str, dict[str, TargetState]] = {}
    for name in names:
        read = [state async for some in store.targets(name, as_they_are) for state in some]
        assert [one.target.id for one in read] == sorted({one.target.id for one in read})
        if read:
            targets[name] = {one.target.id: one for one in read}
    told = await store.load()
    return Recalled(targets, told.sources, told.tallies)


def ids(found: Sequence[tuple[str, TargetState]]) -> Sequence[tuple[str, str, Sequence[str]]]:
    """(source, target, connections) of what was found, in order."""
    return sorted((source, one.target.id, list(one.connections)) for source, one in found)
