"""Line 1, and 12 with it: all that is done with a page, from the request to the bytes that a scrape will get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import aiohttp
from msgspec import Struct

from connwatch import __version__
from connwatch.app.collector import seldom
from connwatch.app.past import Past
from connwatch.app.unit import Unit
from connwatch.app.writer import Writer
from connwatch.config import Plan, Secrets
from connwatch.core.fleet import Fleet
from connwatch.core.model import Outcome
from connwatch.metrics import Exposition, ProcessRecorder
from connwatch.metrics.connections import Mode
from connwatch.poller import Surroundings
from connwatch.stores import open_store
from tests.bench.alone import alone
from tests.bench.clock import HastyClock
from tests.bench.deals import COMPANIES
from tests.bench.decoding import DECODERS
from tests.bench.figures import Figure, Measured
from tests.bench.loopback import STANDING, Order, Providers, answering
from tests.bench.measure import awaited
from tests.bench.pages import NOW, UUID, identity
from tests.bench.scale import Scale
from tests.bench.scheduling import kept, scheduled
from tests.bench.source import Source, console

AT_ONCE: Final = 50
"""Requests in flight."""
SKIPPED: Final = 2 * 3600.0
"""Seconds after which each target is due once, at an interval of an hour."""
SERIES: Final[tuple[Mode, ...]] = ("none", "all")
"""`metrics.per_connection`: as it is by default, and as it is at its dearest."""


Sweep: TypeAlias = Callable[[], Awaitable[None]]
"""Ask for all pages once."""


class Cost(Struct, frozen=True):
    """What a page takes: seconds, and seconds of CPU. Medians."""

    seconds: float
    cpu: float


class Pace(Struct, frozen=True):
    """Both, in turns."""

    floor: Cost
    subject: Cost


def measure(folder: str, scale: Scale) -> Measured:
    """The daemon as it is by default, and with series for each connection; and line 12, which is a share of this one."""
    usual, every = (alone(paced, folder, scale, series) for series in SERIES)
    agenda = alone(kept, scale.targets)
    figures = [figure for series, pace in zip(SERIES, (usual, every), strict=True) for figure in _told(series, pace)]
    return Measured([*figures, *scheduled(agenda, usual.subject.cpu)])


def _told(series: Mode, pace: Pace) -> Iterator[Figure]:
    said, extra = f"metrics.per_connection: {series}", series != SERIES[0]
    yield Figure(1, 1 / pace.subject.seconds, 1 / pace.floor.seconds, variant=said, extra=extra)
    yield Figure(1, 1 / pace.subject.cpu, 1 / pace.floor.cpu, variant=f"{said}, by a second of CPU", extra=True)


def paced(folder: str, scale: Scale, series: Mode) -> Pace:
    """Floor: GET by aiohttp, 50 at once, and the body decoded as a whole. Subject: a source's unit of the daemon.

    That is its workers, gate, client, settler, tallies, a fleet, a database on the disk, an exposition in which all that
    changed is written, and the log. Both ask the same process for the same pages of 100; between two polls of a
    page one of its connections has changed. An hour between two sweeps is skipped; what time alone changes is left out.
    """
    names = [identity(number, UUID) for number in range(scale.companies)]
    order = Order(folder, COMPANIES, scale.companies, kept=scale.companies)
    with answering(order) as providers, TemporaryDirectory(dir=folder) as home:
        source = Source(Path(home), "nectar", providers.url, names)
        return asyncio.run(_compared(source, providers, names, scale.starts + 2, series))


async def _compared(source: Source, providers: Providers, names: Sequence[str], count: int, series: Mode) -> Pace:
    floors: list[tuple[float, float]] = []
    subjects: list[tuple[float, float]] = []
    async with polling(source.plan(places=AT_ONCE, series=series), names) as poll, reading(providers, names) as read:
        await poll()  # what is new is not what is measured
        for _ in range(count):
            floors.append(await awaited(read))
            subjects.append(await awaited(poll))
    return Pace(floor=_cost(floors, len(names)), subject=_cost(subjects, len(names)))


def _cost(samples: Sequence[tuple[float, float]], pages: int) -> Cost:
    return Cost(*(median(column) / pages for column in zip(*samples, strict=True)))


@asynccontextmanager
async def reading(providers: Providers, names: Sequence[str]) -> AsyncIterator[Sweep]:
    """The floor."""
    decode = DECODERS["nectar"].decode

    async def read_some(session: aiohttp.ClientSession, left: Iterator[str]) -> None:
        for name in left:
            async with session.get(f"{providers.url}{STANDING}/connection/company/{name}?page=1&limit=500") as answer:
                decode(await answer.read())

    async def sweep() -> None:
        left = iter(names)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(read_some(session, left))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        yield sweep


class Counting(ProcessRecorder):
    """The daemon's recorder, which also tells when so many polls are counted."""

    def __init__(self) -> None:
        super().__init__(__version__)
        self._left = 0
        self._done = asyncio.Event()

    async def counted(self, polls: int) -> None:
        """So many more."""
        self._left = polls
        self._done.clear()
        await self._done.wait()

    def polled(self, source: str, provider: str, outcome: Outcome) -> None:
        """A poll ended, and what it brought is stored and counted."""
        super().polled(source, provider, outcome)
        if outcome != "ok":
            raise AssertionError(f"a poll ended with {outcome}")
        self._left -= 1
        if not self._left:
            self._done.set()


@asynccontextmanager
async def polling(plan: Plan, names: Sequence[str]) -> AsyncIterator[Sweep]:
    """The subject: a source at work, wired as in the daemon. A sweep ends when all pages are counted, and all that changed is written."""
    clock, recorder, fleet, secrets = HastyClock(NOW), Counting(), Fleet(), Secrets()
    [source] = plan.sources.values()

    async def sweep() -> None:
        clock.skip(SKIPPED)
        await recorder.counted(len(names))
        while exposition.refresh(clock.now()):
            await clock.sleep(0)

    with console() as out, seldom():
        store = open_store(plan.store, clock=clock, recorder=recorder)
        exposition = Exposition(
            fleet,
            per_connection=plan.per_connection,
            institutions=plan.institutions,
            max_series=plan.max_series,
            vitals=lambda now: (unit.runner.vitals(now),),
            process=recorder.registry,
        )
        writer = Writer(exposition.refresh, clock)
        around = Surroundings(
            fleet=fleet,
            store=store,
            clock=clock,
            recorder=recorder,
            log=out.log,
            settled=writer.stir,
        )
        unit = Unit(source, Past(), around, partial(secrets.current, source))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(unit.run())
                writing = group.create_task(writer.run())
                yield sweep
                unit.stop()
                writing.cancel()
        finally:
            await store.close()
