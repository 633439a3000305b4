"""One complete look at all sources, into memory: `once`, and the discovery that `plan` needs. Runs at half the quota, beside a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from connwatch import __version__
from connwatch.app.live import PATIENCE
from connwatch.app.past import Past
from connwatch.app.unit import Unit
from connwatch.config import Plan, Secrets
from connwatch.core.fleet import Fleet
from connwatch.core.item import item, rfc3339
from connwatch.core.ports import Clock, SourceMemory, Vitals
from connwatch.metrics import Exposition, ProcessRecorder
from connwatch.poller import Surroundings
from connwatch.stores import open_store

LOOK: Final = 0.2
"""Seconds between two looks at how far a sweep is."""


class Progress(Struct, frozen=True):
    """How far a sweep is: targets asked, targets known, and sources that are not discovered yet; those given up aside."""

    asked: int
    known: int
    undiscovered: int

    @property
    def complete(self) -> bool:
        """Whether every source was discovered and every target asked."""
        return not self.undiscovered and self.asked == self.known


class Sweep:
    """A sweep of all sources into memory. What came of it can be asked for once `run` has returned."""

    def __init__(
        self, plan: Plan, clock: Clock, log: FilteringBoundLogger, memories: Mapping[str, SourceMemory]
    ) -> None:
        self.fleet = Fleet()
        self._plan = plan
        self._clock = clock
        self._log = log
        self._memories = memories
        self._recorder = ProcessRecorder(__version__)
        self._units: list[Unit] = []

    async def run(self, tell: Callable[[Progress], None]) -> None:
        """Ask every target once. `tell` hears how far it is."""
        store = open_store("memory:", clock=self._clock, recorder=self._recorder)
        secrets = Secrets()
        around = Surroundings(
            fleet=self.fleet,
            store=store,
            clock=self._clock,
            recorder=self._recorder,
            log=self._log,
            settled=lambda: None,
        )
        self._units = [
            Unit(
                one,
                Past(memory=self._memories.get(one.name)),
                around,
                partial(secrets.current, one),
                rule=one.quota.halved(),
            )
            for one in self._plan.sources.values()
        ]
        async with asyncio.TaskGroup() as group:
            for unit in self._units:
                self._recorder.watch(unit.plan.name, unit.plan.provider.name)
                group.create_task(unit.run(), name=f"source {unit.plan.name}")
            while not (progress := self._progress()).complete:
                tell(progress)
                await self._clock.sleep(LOOK)
            tell(progress)
            for unit in self._units:
                unit.stop()
        await store.close()

    def _progress(self) -> Progress:
        units = [unit for unit in self._units if not self._given_up(unit)]
        states = [record.state for unit in units for record in unit.runner.book.records.values()]
        return Progress(
            asked=sum(state.outcome is not None for state in states),
            known=len(states),
            undiscovered=sum(not unit.runner.surveyed for unit in units),
        )

    def _given_up(self, unit: Unit) -> bool:
        """Whether a source is closed for so long that nobody would wait for it before a terminal."""
        return unit.opens_at > self._clock.now() + PATIENCE

    def failures(self) -> Sequence[str]:
        """What could not be read, a line each."""
        found = [
            f"{unit.plan.name}: {errand} failed: {failure.outcome}"
            for unit in self._units
            for errand, failure in unit.runner.errands.failing.items()
        ]
        found += [
            f"{unit.plan.name}: given up: no request before {rfc3339(unit.opens_at)}"
            for unit in self._units
            if self._given_up(unit)
        ]
        for name, book in self.fleet.books.items():
            outcomes = [record.state.outcome for record in book.records.values()]
            for outcome in sorted({one for one in outcomes if one not in {None, "ok", "not_found"}}, key=str):
                found.append(f"{name}: {outcomes.count(outcome)} of {len(outcomes)} targets failed: {outcome}")
        return found

    def items(self) -> Iterator[dict[str, object]]:
        """All connections, as the API lists them."""
        for book in self.fleet.books.values():
            for record in book.records.values():
                for held in record.state.connections.values():
                    yield item(book.policy, book.facts, record.state, held)

    def exposition(self) -> bytes:
        """All metrics, as a scrape would get them."""
        now = self._clock.now()
        self.fleet.due(now)
        exposition = Exposition(
            self.fleet,
            per_connection=self._plan.per_connection,
            institutions=self._plan.institutions,
            max_series=self._plan.max_series,
            vitals=self._vitals,
            process=self._recorder.registry,
        )
        _, chunks = exposition.body("text/plain", now, gzip=False)
        return b"".join(chunks)

    def _vitals(self, now: float) -> Sequence[Vitals]:
        return [unit.runner.vitals(now) for unit in self._units]
