"""The fleet as bytes. Lines are written when they change and kept; a scrape lists what is there (performance.md of the design, 4 to 8).

What changed is written in turns, each of them short. A body is made only when nothing is left: it is one moment of the
fleet, however many turns that took.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from connwatch.core.fleet import Fleet
from connwatch.core.ports import Vitals
from connwatch.metrics.ceiling import Ceiling
from connwatch.metrics.columns import member
from connwatch.metrics.connections import ConnectionSeries, Mode
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Computed, Family, PerConnection, View
from connwatch.metrics.groups import GroupTables
from connwatch.metrics.lines import Format, heading
from connwatch.metrics.present import table
from connwatch.metrics.tables import Table

OPENMETRICS: Final = "application/openmetrics-text"
TURN: Final = 1000
"""Work that is done in one turn: about a microsecond is 1."""
EVERY: Final = 1.0
"""Seconds after which rows that are asked for are asked for again, so that little of that is left to a scrape."""


class Exposition:
    """All families, ready to be scraped. `process` holds those that prometheus-client keeps."""

    def __init__(
        self,
        fleet: Fleet,
        *,
        per_connection: Mode,
        institutions: bool,
        max_series: int,
        vitals: Callable[[float], Sequence[Vitals]],
        process: CollectorRegistry,
        turn: int = TURN,
    ) -> None:
        self._turn = turn
        self._fleet = fleet
        self._vitals = vitals
        self._process = process
        self._families = tuple(
            one for one in FAMILIES if institutions or "institution" not in one.labels or _of_one(one)
        )
        self._tables: dict[str, Table] = {
            one.name: table(one) for one in self._families if one.scope != "process" and not _of_one(one)
        }
        below = [held for held in self._tables.values() if held.family.scope == "fleet"]
        self._groups = GroupTables(fleet.groups, below)
        self._connections = ConnectionSeries(fleet, per_connection)
        self._ceiling = Ceiling(max_series, below, self._connections)
        self._asked_at = float("-inf")
        self._asking: list[Table] = []
        self._gzip = False
        """Someone asks for gzip: what changes is compressed at once, and not while the next scrape waits."""

    def refresh(self, now: float, *, gzip: bool = False) -> bool:
        """Do a turn's worth of writing what changed in the fleet since the last time; the first time, all of it.

        Takes the dirty sets away. Returns whether anything is left to be done.
        """
        self._gzip |= gzip
        groups = self._fleet.groups
        rows, groups.dirty = groups.dirty, defaultdict(set)
        keys, self._fleet.touched = self._fleet.touched, set()
        self._groups.touch(rows)
        self._connections.touch(keys)
        if now - self._asked_at >= EVERY:
            self._ask(now)
        left = self._turn
        for stage in self._stages(now):
            while cost := stage():
                left -= cost
                if left <= 0:
                    return True
        return False

    def body(self, accept: str, now: float, *, gzip: bool) -> tuple[str, list[bytes]]:
        """(content type, pieces to write one after another) of this moment. No piece is ever changed again.

        Does at once whatever was left to be done: if that must not take long, `refresh` until nothing is.
        """
        encode, content_type = choose_encoder(accept)
        format_: Format = "openmetrics" if content_type.startswith(OPENMETRICS) else "text"
        self._ask(now)
        while self.refresh(now, gzip=gzip):
            continue
        live = View(self._fleet, self._vitals(now), now, folded=self._folded())
        for held in self._asked("live"):
            held.follow(live)
        body: list[bytes] = []
        for family in self._families:
            body.extend(self._written(family, format_, now, gzip=gzip))
        rest = encode(self._process)
        body.append(member(rest) if gzip else rest)
        return content_type, body

    def _stages(self, now: float) -> Iterator[Callable[[], int]]:
        """What is to be done, in this order: each does a bit and says what that cost; 0 if there is nothing left."""
        yield self._groups.count
        yield lambda: self._ask_one(now)
        yield self._connections.count
        yield lambda: self._ceiling.fit(now)
        for held in self._tables.values():
            yield lambda held=held: held.work(gzip=self._gzip)  # type: ignore[misc]
        yield lambda: self._connections.write(now, gzip=self._gzip)

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._asking = self._asked("fleet")

    def _ask_one(self, now: float) -> int:
        if not self._asking:
            return 0
        held = self._asking.pop()
        held.follow(View(self._fleet, (), now, changes=self._groups.changes))
        return 1 + len(held.rows)

    def _asked(self, scope: str) -> list[Table]:
        return [
            held
            for held in self._tables.values()
            if held.family.scope == scope and isinstance(held.family.source, Computed)
        ]

    def _written(self, family: Family, format_: Format, now: float, *, gzip: bool) -> list[bytes]:
        if family.name in self._tables:
            return self._tables[family.name].written(format_, now, gzip=gzip)
        lines = list(self._connections.written(family, gzip=gzip)) if _of_one(family) else []
        title = heading(family, format_)
        return [member(title) if gzip else title, *lines] if lines else []

    def _folded(self) -> Mapping[str, int]:
        tables = {name: held.folded for name, held in self._tables.items() if held.family.folds_by is not None}
        if self._connections.mode == "none":
            return tables
        return tables | {name: 0 if self._connections.shown else n for name, n in self._connections.counts.items()}


def _of_one(family: Family) -> bool:
    return isinstance(family.source, PerConnection)
