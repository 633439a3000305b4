"""Lines 13 and 14: what a daemon uses that polls at the pace of a million hourly targets, and what scrapers cause upstream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copyfile
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from connwatch.clock import SystemClock
from connwatch.config import Plan
from tests.bench.alone import alone
from tests.bench.daemons import LATER, running
from tests.bench.deals import COMPANIES
from tests.bench.figures import Figure, Measured
from tests.bench.filling import filled
from tests.bench.lag import Lags, lags
from tests.bench.loopback import Order, Providers, answering
from tests.bench.measure import cpu, wall
from tests.bench.scale import Scale
from tests.bench.source import Source

PACE: Final = 278.0
"""Polls a second: a million targets, each once an hour."""
AT_ONCE: Final = 10
"""Requests in flight, as Nectar asks for (providers/nectar.md section 5)."""
SHORTEST: Final = 1.0
"""Seconds that an interval can be."""
SCRAPERS: Final = 10
SCRAPES: Final = 5
"""By each of them."""


class Paced(Struct, frozen=True):
    """A daemon at that pace."""

    pace: float
    """Polls a second, as they came about."""
    cpu: float
    """Seconds of CPU a poll."""
    idle: float
    """Lag p99 of a loop that has nothing to do, in milliseconds."""
    late: float
    """Lag p99 of the daemon's."""


def measure(folder: str, scale: Scale) -> Measured:
    """Each in a process of its own."""
    found = alone(paced, folder, scale)
    asked = alone(scraped, folder, scale, filled(folder, COMPANIES, scale.companies))
    said = f"{found.pace:.0f} polls/s, {found.cpu * 1e6:.0f} µs of CPU each"
    return Measured(
        [
            Figure(13, found.cpu * PACE * 100, part="CPU", variant=said),
            Figure(13, found.late, found.idle, part="lag p99", variant=said),
            Figure(14, asked, variant=f"{SCRAPERS * SCRAPES} scrapes"),
        ]
    )


def paced(folder: str, scale: Scale) -> Paced:
    """A whole daemon whose interval is so short that its targets make 278 polls a second, in windows.

    CPU is the whole process', with its database's thread, and without anybody who watches the loop. Lag is watched in
    windows of its own. The floor is the loop of the same process before the daemon is there and after it has gone.
    """
    order = Order(folder, COMPANIES, scale.companies, kept=scale.companies)
    interval = max(SHORTEST, scale.companies / PACE)
    with answering(order) as providers, TemporaryDirectory(dir=folder) as home:
        source = Source(Path(home), COMPANIES.provider, providers.url, ())
        plan = source.plan(interval=f"{interval * 1e3:.0f}ms", places=AT_ONCE)
        return asyncio.run(_paced(plan, providers, scale, interval))


async def _paced(plan: Plan, providers: Providers, scale: Scale, interval: float) -> Paced:
    idle = [await _watched(scale.window)]
    late, costs, paces = [], [], []
    clock = SystemClock(start=LATER)
    async with running(plan, clock) as daemon:
        await daemon.ready()
        await daemon.polled(2 * scale.companies)  # what is new is not what is measured
        await clock.sleep(interval)
        for _ in range(scale.starts):
            polls, work, start = providers.asked().polls, cpu(), wall()
            await clock.sleep(scale.window)
            work, took = cpu() - work, wall() - start
            polls = providers.asked().polls - polls
            costs.append(work / polls)
            paces.append(polls / took)
            late.append(await _watched(scale.window))
    idle.append(await _watched(scale.window))
    return Paced(
        pace=median(paces),
        cpu=median(costs),
        idle=median(one.p99 for one in idle),
        late=median(one.p99 for one in late),
    )


async def _watched(seconds: float) -> Lags:
    async with lags() as found:
        await SystemClock().sleep(seconds)
    return found


def scraped(folder: str, scale: Scale, file: Path) -> int:
    """Line 14: requests that the providers get while ten scrapers read a daemon whose targets are not due."""
    order = Order(folder, COMPANIES, scale.companies, kept=0)
    with answering(order) as providers, TemporaryDirectory(dir=folder) as home:
        source = Source(Path(home), COMPANIES.provider, providers.url, ())
        copyfile(file, source.store)
        return asyncio.run(_scraped(source.plan(series="all"), providers))


async def _scraped(plan: Plan, providers: Providers) -> int:
    async with running(plan, SystemClock(start=LATER)) as daemon:
        await daemon.ready()
        before = providers.asked()
        for _ in range(SCRAPES):
            await asyncio.gather(*(daemon.scrape() for _ in range(SCRAPERS)))
        after = providers.asked()
    return (after.polls + after.others) - (before.polls + before.others)
