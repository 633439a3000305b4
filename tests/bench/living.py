"""Lines 9 and 10: a whole daemon that starts with a million connections: how long that takes, and how much memory it has then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connwatch.config import Plan
from connwatch.metrics.connections import Mode
from tests.bench.alone import alone
from tests.bench.clock import HastyClock
from tests.bench.daemons import LATER, running
from tests.bench.deals import COMPANIES, USERS, Deal
from tests.bench.fetching import fetched
from tests.bench.figures import Figure, Growth, Measured, Point
from tests.bench.filling import filled
from tests.bench.loopback import Order, Providers, answering
from tests.bench.measure import cpu, resident, wall
from tests.bench.pages import KINDS, identity
from tests.bench.scale import Scale
from tests.bench.source import Source

HOURS: Final = 2 * 3600.0
"""Seconds after which each target is due once, at an interval of an hour."""
PAUSE: Final = 0.2


class Other(NamedTuple):
    """A fleet whose memory is told beside. `share` of the connections: a million polls would take too long."""

    deal: Deal
    series: Mode = "none"
    share: int = 1
    sweep: bool = True


OTHERS: Final = (
    Other(COMPANIES, "all"),
    Other(Deal("moneyhub", 10)),
    Other(USERS, sweep=False),
    Other(USERS, share=5),
)


class Lived(Struct, frozen=True):
    """One daemon's life."""

    seconds: float
    """From its start, which opens the store, until it tells systemd that it serves: all is judged and counted (decisions.md 33)."""
    cpu: float
    """Of these."""
    ready: float
    """Seconds until `/-/ready` says so: its source was discovered, too."""
    shown: float
    """Seconds until a scrape is answered: all was written, too."""
    loaded: float
    """Bytes of memory a connection then, beyond what it had before it began."""
    swept: float | None = None
    """And after every target was polled once more, if it was."""


def measure(folder: str, scale: Scale) -> Measured:
    """Restarts and floors in turns, each in a process of its own; memory in the last restart of each size."""
    starts = {size: list(_starts(folder, size // COMPANIES.each, scale.starts)) for size in scale.growth}
    restarts, weights = [], []
    for size, found in starts.items():
        restarts.append(Point(size, median(life.seconds for _, life in found), median(floor for floor, _ in found)))
        weights.append(Point(size, (found[-1][1].swept or 0.0) * size / 1e6))
    lives, floor = [life for _, life in starts[scale.most]], restarts[-1].floor
    busy = median(life.cpu for life in lives)
    beyond = {
        "until `/-/ready`, which waits for a discovery": median(life.ready for life in lives),
        "until a scrape is answered": median(life.shown for life in lives),
    }
    figures = [
        Figure(10, restarts[-1].figure, floor, variant=f"{COMPANIES.said}: {busy:.1f} s of CPU"),
        *(
            Figure(10, seconds, floor, variant=f"{COMPANIES.said}: {what}", extra=True)
            for what, seconds in beyond.items()
        ),
        *_weighed(COMPANIES.said, starts[scale.most][-1][1]),
    ]
    figures += [figure for other in OTHERS for figure in _other(folder, scale.most, other)]
    return Measured(
        figures,
        [
            Growth(9, f"{COMPANIES.said}, after a sweep", "connections", "MB", weights),
            Growth(10, COMPANIES.said, "connections", "s", restarts, floor="fetchmany"),
        ],
    )


def _other(folder: str, most: int, other: Other) -> Iterator[Figure]:
    size = most // other.share
    targets = size // other.deal.each
    file = filled(folder, other.deal, targets)
    life = alone(lived, folder, other.deal, targets, file, series=other.series, sweep=other.sweep)
    said = f"{size:,} connections, {other.deal.said}, metrics.per_connection: {other.series}"
    return _weighed(said, life, extra=True)


def _weighed(said: str, life: Lived, *, extra: bool = False) -> Iterator[Figure]:
    """The goal is for what is loaded. Beside it: after a sweep, when all was read anew, and each has a fingerprint."""
    yield Figure(9, life.loaded, variant=f"{said}: loaded", extra=extra)
    if life.swept is not None:
        yield Figure(9, life.swept, variant=f"{said}: after a sweep", extra=True)


def _starts(folder: str, targets: int, count: int) -> Iterator[tuple[float, Lived]]:
    file, rows = filled(folder, COMPANIES, targets), targets * (COMPANIES.each + 1)
    for number in range(count):
        yield alone(fetched, file, rows), alone(lived, folder, COMPANIES, targets, file, sweep=number == count - 1)


def lived(folder: str, deal: Deal, targets: int, file: Path, *, series: Mode = "none", sweep: bool = False) -> Lived:
    """The subject of both lines: the daemon starts with a copy of the database, and its providers answer on the loopback.

    Memory is what the process has beyond what it had before the daemon was made, after one more scrape, a compressed one.
    """
    names = (identity(number, KINDS[deal.provider].digits) for number in range(targets))
    order = Order(folder, deal, targets, kept=0)
    with answering(order) as providers, TemporaryDirectory(dir=folder) as home:
        source = Source(Path(home), deal.provider, providers.url, names)
        copyfile(file, source.store)
        return asyncio.run(_live(source.plan(series=series), providers, targets, deal.each, sweep=sweep))


async def _live(plan: Plan, providers: Providers, targets: int, each: int, *, sweep: bool) -> Lived:
    clock = HastyClock(LATER)
    before, start, busy = resident(), wall(), cpu()
    async with running(plan, clock) as daemon:
        await daemon.loaded()
        seconds, busy = wall() - start, cpu() - busy
        await daemon.ready()
        ready = wall() - start
        await daemon.shown()
        shown = wall() - start
        await daemon.scrape()
        life = Lived(seconds, busy, ready, shown, (resident() - before) / targets / each)
        if not sweep:
            return life
        asked, polls = providers.asked().polls, await daemon.polls()
        clock.skip(HOURS)
        while providers.asked().polls < asked + targets:
            await clock.sleep(PAUSE)
        await daemon.polled(polls + targets)
        await daemon.scrape()
        return replace(life, swept=(resident() - before) / targets / each)
