"""A complete store that lives as long as the process: for `memory:`, for one-shot commands, and for tests."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from connwatch.core.model import NEVER, Held, Kept, TargetState, Transition, Verdict
from connwatch.core.policy import Facts
from connwatch.core.ports import Recorder, Remembered, SourceMemory, TargetMemory, Wake, as_it_is
from connwatch.stores.batch import HISTORY, Key

T = TypeVar("T")


class MemoryStore:
    """Keeps every promise of a store but that of surviving. What it gives back is as after a restart all the same."""

    def __init__(self, recorder: Recorder) -> None:
        self._targets: dict[tuple[str, str], tuple[TargetState, float]] = {}
        """With when each one went; NEVER for those that are there. So it is for the connections."""
        self._connections: dict[Key, tuple[Held, float]] = {}
        self._history: dict[Key, deque[Transition]] = {}
        self._sources: dict[str, SourceMemory] = {}
        self._tallies: dict[str, dict[tuple[str, tuple[str, ...]], float]] = {}
        recorder.store_up(True)

    async def load(self) -> Remembered:
        """What is remembered of sources as a whole."""
        tallies = {source: dict(totals) for source, totals in self._tallies.items()}
        return Remembered(sources=dict(self._sources), tallies=tallies)

    async def targets(self, source: str, wake: Wake[T]) -> AsyncIterator[T]:
        """All that aren't gone, at once."""
        kept: dict[str, list[Kept]] = {}
        for (whose, target, _), (one, gone_at) in self._connections.items():
            if whose == source and gone_at == NEVER:
                kept.setdefault(target, []).append(_surviving(one))
        asleep = [
            (replace(state, connections={}, imprints=()), kept.get(target, ()))
            for (whose, target), (state, gone_at) in sorted(self._targets.items(), key=lambda one: one[0])
            if whose == source and gone_at == NEVER
        ]
        yield wake(asleep)

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Remember."""
        for memory in memories:
            if isinstance(memory, SourceMemory):
                facts = Facts(names=memory.facts.names, attended=memory.facts.attended)
                self._sources[memory.source] = replace(memory, facts=facts)
            else:
                self._remember(memory)

    def hurry(self) -> None:
        """Nothing waits here."""

    def _remember(self, memory: TargetMemory) -> None:
        source, target = memory.source, memory.state.target.id
        self._targets[source, target] = memory.state, memory.at if memory.dropped else NEVER
        for pair in memory.moved:
            one = pair.after or pair.before
            if one is not None:
                self._connections[source, target, one.seen.id] = one, memory.at if pair.after is None else NEVER
        for change in memory.transitions:
            self._history.setdefault((source, target, change.connection), deque(maxlen=HISTORY)).append(change)
        if memory.tallies:
            self._tallies.setdefault(source, {}).update(memory.tallies)

    async def find(self, connection: str, source: str | None = None) -> Sequence[tuple[str, TargetState]]:
        """(source, state of its target with that connection only), for each source that holds it or held it."""
        last: dict[str, tuple[float, TargetState]] = {}
        for (whose, target, id_), (held, gone_at) in self._connections.items():
            if id_ == connection and source in {None, whose} and (whose not in last or gone_at > last[whose][0]):
                state, _ = self._targets[whose, target]
                last[whose] = gone_at, as_it_is(state, [_surviving(held)])
        return [(whose, state) for whose, (_, state) in last.items()]

    async def history(self, source: str, connection: str) -> Sequence[Transition]:
        """The changes of one connection, oldest first."""
        mine = (lines for key, lines in self._history.items() if (key[0], key[2]) == (source, connection))
        return sorted((line for lines in mine for line in lines), key=lambda line: line.at)

    async def forget(self, *, connection: str = "", target: str = "", source: str | None = None) -> int:
        """Erase for good."""
        if not connection and not target:
            raise ValueError("neither a connection nor a target to forget")

        def meant(whose: str, where: str, which: str) -> bool:
            return source in {None, whose} and target in {"", where} and connection in {"", which}

        erased = [key for key in self._connections if meant(*key)]
        self._erase(erased)
        if not connection:
            for key in [key for key in self._targets if meant(*key, "")]:
                del self._targets[key]
            for name, memory in self._sources.items():
                if source in {None, name}:
                    self._sources[name] = replace(memory, announced=memory.announced - {target})
        return len(erased)

    async def expire(self, before: float) -> int:
        """Erase what is gone since before that instant."""
        erased = [key for key, (_, gone_at) in self._connections.items() if gone_at < before]
        self._erase(erased)
        for key in [key for key, (_, gone_at) in self._targets.items() if gone_at < before]:
            del self._targets[key]
        return len(erased)

    async def close(self) -> None:
        """Nothing is outstanding."""

    def _erase(self, keys: Sequence[Key]) -> None:
        for key in keys:
            del self._connections[key]
            self._history.pop(key, None)


def _surviving(held: Held) -> Kept:
    """What a restart leaves of it; the rest is judged again."""
    verdict = Verdict(held.verdict.condition, held.verdict.rule)
    return (
        held.seen,
        verdict,
        held.since,
        held.status_since,
        held.first_seen,
        held.missing_since,
        held.learned_at,
    )
