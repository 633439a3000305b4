"""The fleet as bytes. Lines are written when they change and kept; a scrape lists what is there (performance.md of the design, 4 to 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from connwatch.core.fleet import Fleet
from connwatch.core.ports import Vitals
from connwatch.core.weigh import Labels
from connwatch.metrics.chunks import member, pieces
from connwatch.metrics.connections import ConnectionSeries, Key, Mode
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Computed, Counted, Family, PerConnection, Present, Scope, Value, View
from connwatch.metrics.folding import NOTHING_FOLDED, Census, Fold, Foldable, plan
from connwatch.metrics.lines import Format, heading
from connwatch.metrics.tables import Table, table

OPENMETRICS: Final = "application/openmetrics-text"
UNFOLD_EVERY: Final = 300.0
"""Seconds until folding that may have become needless is looked at again."""
NEVER_FOLDED: Final = float("-inf")
SLACK: Final = 16
"""Folding leaves one in sixteen free, so that the next row doesn't fold again."""


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
    ) -> None:
        self._fleet = fleet
        self._ceiling = max_series
        self._vitals = vitals
        self._process = process
        self._families = tuple(
            one for one in FAMILIES if institutions or "institution" not in one.labels or _of_one(one)
        )
        self._tables: dict[str, Table] = {
            one.name: table(one) for one in self._families if one.scope != "process" and not _of_one(one)
        }
        self._counted: dict[str, Table] = {}
        self._present: dict[str, tuple[Table, Present]] = {}
        for held in self._tables.values():
            match held.family.source:
                case Counted(group=group):
                    self._counted[group] = held
                case Present() as source:
                    for part in ("bucket", "live", "sum"):
                        self._present[f"{source.group}_{part}"] = (held, source)
        self._connections = ConnectionSeries(fleet, per_connection)
        self._fold = Fold(connections=False)
        self._folded_at = NEVER_FOLDED
        self._begun = False
        self._compressing = False
        """Someone asks for gzip: what changes is compressed at once, and not while the next scrape waits."""

    def refresh(self, now: float) -> None:
        """Write what has changed in the fleet since the last time; the first time, all of it. Takes the dirty sets away."""
        groups = self._fleet.groups
        rows: Iterable[tuple[str, Labels]] = groups.dirty
        touched: Iterable[Key] = self._fleet.touched
        groups.dirty, self._fleet.touched = set(), set()
        if not self._begun:
            self._begun = True
            rows = [(group, labels) for group, held in groups.rows.items() for labels in held]
            touched = [(source, target) for source, book in self._fleet.books.items() for target in book.records]
        self._count(rows)
        for key in touched:
            self._connections.touch(key, now)
        self._connections.fade_out(now)
        self._fit(now)
        self._connections.settle(gzip=self._compressing)

    def body(self, accept: str, now: float, *, gzip: bool) -> tuple[str, list[bytes]]:
        """(content type, pieces to write one after another). No piece is ever changed again; each is at most 256 KiB long."""
        encode, content_type = choose_encoder(accept)
        format_: Format = "openmetrics" if content_type.startswith(OPENMETRICS) else "text"
        self._compressing |= gzip
        view = View(self._fleet, self._vitals(now), now)
        self._compute("fleet", view)
        self.refresh(now)
        self._compute("live", View(view.fleet, view.vitals, now, folded=self._folded()))
        body = [piece for family in self._families for piece in self._written(family, format_, now, gzip=gzip)]
        rest = encode(self._process)
        body += [member(piece) if gzip else piece for piece in pieces(rest)]
        return content_type, body

    def _written(self, family: Family, format_: Format, now: float, *, gzip: bool) -> Iterable[bytes]:
        if family.name in self._tables:
            return self._tables[family.name].written(format_, now, gzip=gzip)
        if not _of_one(family):
            return ()
        lines = list(self._connections.sheet(family).written(gzip=gzip))
        title = heading(family, format_)
        return [member(title) if gzip else title, *lines] if lines else ()

    def _count(self, rows: Iterable[tuple[str, Labels]]) -> None:
        """Take over the fleet's rows that changed."""
        get = self._fleet.groups.get
        histograms: set[tuple[str, Labels]] = set()
        for group, labels in rows:
            if group in self._counted:
                self._counted[group].put(labels, get(group).get(labels))
            elif group in self._present:
                histograms.add((group, labels[:-1] if group.endswith("_bucket") else labels))
        for group, labels in histograms:
            held, source = self._present[group]
            held.put(labels, self._histogram(held.family, source, labels))

    def _histogram(self, family: Family, source: Present, labels: Labels) -> Value | None:
        get = self._fleet.groups.get
        in_buckets = get(f"{source.group}_bucket")
        counts = [in_buckets.get((*labels, str(index)), 0) for index in range(len(family.bounds))]
        if not any(counts):
            return None
        running = get(f"{source.group}_live").get(labels, 0) if source.sign > 0 else sum(counts)
        return (*counts, running, get(f"{source.group}_sum").get(labels, 0))

    def _compute(self, scope: Scope, view: View) -> None:
        for held in self._tables.values():
            source = held.family.source
            if held.family.scope == scope and isinstance(source, Computed):
                held.replace(dict(source.rows(view)))

    def _fit(self, now: float) -> None:
        """Keep below the ceiling: fold at once where it is passed, unfold after a while where there is room again."""
        tables = [held for held in self._tables.values() if held.family.scope == "fleet"]
        connections = self._connections
        shown = sum(held.shown for held in tables) + (connections.series if connections.shown else 0)
        settled = self._fold == NOTHING_FOLDED or now - self._folded_at < UNFOLD_EVERY
        if shown <= self._ceiling and settled:
            return
        wanted = sum(held.series for held in tables) + connections.series
        first = self._folded_at == NEVER_FOLDED
        limit = self._ceiling if first and wanted <= self._ceiling else self._ceiling - self._ceiling // SLACK
        self._folded_at = now
        self._fold = NOTHING_FOLDED if wanted <= limit else plan(self._census(tables), limit)
        for held in tables:
            held.fold(self._fold)
        connections.show(self._fold.connections, now)

    def _census(self, tables: Iterable[Table]) -> Census:
        by: dict[str, list[Foldable]] = {"institution": [], "company": []}
        fixed = 0
        for held in tables:
            spot = held.family.folds_by
            if spot is None:
                fixed += held.series
            else:
                by[held.family.labels[spot]].extend(held.foldable())
        return Census(fixed, self._connections.series, tuple(by["institution"]), tuple(by["company"]))

    def _folded(self) -> Mapping[str, int]:
        tables = {name: held.folded for name, held in self._tables.items() if held.family.folds_by is not None}
        if self._connections.mode == "none":
            return tables
        return tables | {name: 0 if self._connections.shown else n for name, n in self._connections.counts.items()}


def _of_one(family: Family) -> bool:
    return isinstance(family.source, PerConnection)
