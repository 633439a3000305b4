"""What waits to be written, merged: the last state of each thing wins, history is kept. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.model import Held, Transition
from connwatch.core.ports import SourceMemory, TargetMemory
from connwatch.stores.rows import Row, connection_row, source_row, tally_rows, target_row, transition, transition_row

Key: TypeAlias = tuple[str, str, str]
"""(source, target, connection)"""
Found: TypeAlias = dict[tuple[str, str], tuple[Row, Row]]
"""(source, target) -> (row of the target, row of a connection)"""
HISTORY: Final = 50
"""Lines of history that are kept of one connection, the newest."""


class Last(Struct, frozen=True, gc=False):
    """How a connection was last, and since when it is gone, if it is."""

    held: Held
    gone_at: float | None


class Batch:
    """Rows by their keys. However long the store is down, it holds one for each thing and 50 lines of history each.

    Of connections there are very many at once when all of a large target is new: their rows are made as they are written.
    """

    def __init__(self) -> None:
        self.targets: dict[tuple[str, str], Row] = {}
        self.connections: dict[tuple[str, str], dict[str, Last]] = {}
        self.history: dict[Key, deque[Row]] = {}
        self.sources: dict[str, Row] = {}
        self.tallies: dict[tuple[str, str, str], Row] = {}

    def __len__(self) -> int:
        """How many rows wait; history counts once for each connection."""
        connections = sum(map(len, self.connections.values()))
        return len(self.targets) + connections + len(self.history) + len(self.sources) + len(self.tallies)

    def add(self, memory: TargetMemory | SourceMemory) -> None:
        """Take in what is to be remembered."""
        if isinstance(memory, SourceMemory):
            self.sources[memory.source] = source_row(memory)
            return
        source, target = memory.source, memory.state.target.id
        self.targets[source, target] = target_row(source, memory.state, memory.at if memory.dropped else None)
        if memory.moved:
            lasts = self.connections.setdefault((source, target), {})
            for pair in memory.moved:
                one = pair.after or pair.before
                if one is not None:
                    lasts[one.seen.id] = Last(one, memory.at if pair.after is None else None)
        for change in memory.transitions:
            lines = self.history.setdefault((source, target, change.connection), deque(maxlen=HISTORY))
            lines.append(transition_row(source, target, change))
        for row in tally_rows(source, memory.tallies):
            self.tallies[row[:3]] = row

    def update(self, newer: Batch) -> None:
        """Take in another batch that is newer throughout."""
        self.targets |= newer.targets
        for whose, some in newer.connections.items():
            self.connections.setdefault(whose, {}).update(some)
        self.sources |= newer.sources
        self.tallies |= newer.tallies
        for key, lines in newer.history.items():
            self.history.setdefault(key, deque(maxlen=HISTORY)).extend(lines)

    def connection_rows(self) -> Iterator[Row]:
        """The rows of all connections that wait."""
        for (source, target), some in self.connections.items():
            for last in some.values():
                yield connection_row(source, target, last.held, last.gone_at)

    def find(self, connection: str) -> Found:
        """Each connection of that id that waits."""
        return {
            whose: (self.targets[whose], connection_row(*whose, last.held, last.gone_at))
            for whose, some in self.connections.items()
            if (last := some.get(connection)) is not None
        }

    def changes(self, source: str, connection: str) -> Sequence[Transition]:
        """The lines of history of one connection that wait."""
        return [
            transition(line)
            for key, lines in self.history.items()
            if (key[0], key[2]) == (source, connection)
            for line in lines
        ]

    def forget(self, *, id_: str | None, target: str | None, source: str | None) -> set[Key]:
        """Strike out a connection, or a target with all that it has; None stands for any. Returns the struck connections."""

        def meant(whose: str, where: str, which: str | None) -> bool:
            return source in {None, whose} and target in {None, where} and id_ in {None, which}

        waiting = ((*whose, one) for whose, some in self.connections.items() for one in some)
        struck = {key for key in waiting if meant(*key)}
        for whose, where, one in struck:
            del self.connections[whose, where][one]
        self.history = {key: lines for key, lines in self.history.items() if not meant(*key)}
        self.targets = {key: row for key, row in self.targets.items() if not meant(*key, None)}
        return struck
