"""What waits to be written, merged: the last state of each thing wins, history is kept. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from connwatch.core.model import Transition
from connwatch.core.ports import SourceMemory, TargetMemory
from connwatch.stores.rows import Row, connection_row, source_row, tally_rows, target_row, transition, transition_row

Key: TypeAlias = tuple[str, str, str]
"""(source, target, connection)"""
Found: TypeAlias = dict[tuple[str, str], tuple[Row, Row]]
"""(source, target) -> (row of the target, row of a connection)"""
HISTORY: Final = 50
"""Lines of history that are kept of one connection, the newest."""


class Batch:
    """Rows by their keys. However long the store is down, it holds one row for each thing and 50 lines of history each."""

    def __init__(self) -> None:
        self.targets: dict[tuple[str, str], Row] = {}
        self.connections: dict[Key, Row] = {}
        self.history: dict[Key, deque[Row]] = {}
        self.sources: dict[str, Row] = {}
        self.tallies: dict[tuple[str, str, str], Row] = {}

    def __len__(self) -> int:
        """How many rows wait; history counts once for each connection."""
        kinds = (self.targets, self.connections, self.history, self.sources, self.tallies)
        return sum(len(kind) for kind in kinds)

    def add(self, memory: TargetMemory | SourceMemory) -> None:
        """Take in what is to be remembered."""
        if isinstance(memory, SourceMemory):
            self.sources[memory.source] = source_row(memory)
            return
        source, target = memory.source, memory.state.target.id
        self.targets[source, target] = target_row(source, memory.state, memory.at if memory.dropped else None)
        for pair in memory.moved:
            one = pair.after or pair.before
            if one is not None:
                gone_at = memory.at if pair.after is None else None
                self.connections[source, target, one.seen.id] = connection_row(source, target, one, gone_at)
        for change in memory.transitions:
            lines = self.history.setdefault((source, target, change.connection), deque(maxlen=HISTORY))
            lines.append(transition_row(source, target, change))
        for row in tally_rows(source, memory.tallies):
            self.tallies[row[:3]] = row

    def update(self, newer: Batch) -> None:
        """Take in another batch that is newer throughout."""
        self.targets |= newer.targets
        self.connections |= newer.connections
        self.sources |= newer.sources
        self.tallies |= newer.tallies
        for key, lines in newer.history.items():
            self.history.setdefault(key, deque(maxlen=HISTORY)).extend(lines)

    def find(self, connection: str) -> Found:
        """Each connection of that id that waits."""
        mine = ((key[:2], row) for key, row in self.connections.items() if key[2] == connection)
        return {key: (self.targets[key], row) for key, row in mine}

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

        struck = {key for key in self.connections if meant(*key)}
        self.connections = {key: row for key, row in self.connections.items() if key not in struck}
        self.history = {key: lines for key, lines in self.history.items() if not meant(*key)}
        self.targets = {key: row for key, row in self.targets.items() if not meant(*key, None)}
        return struck
