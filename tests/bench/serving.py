"""Lines 7 and 8: what a scrape of a million series does to everybody else in the daemon, and what gzip costs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
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
from tests.bench.figures import Figure, Growth, Measured, Point
from tests.bench.filling import filled
from tests.bench.lag import lags
from tests.bench.loopback import Order, answering
from tests.bench.reader import Coding, reading
from tests.bench.scale import Scale
from tests.bench.scraping import targets
from tests.bench.source import Source

CODINGS: Final[tuple[Coding, ...]] = ("identity", "gzip")
PARTS: Final = {"identity": "plain", "gzip": "gzip"}
"""How the goals call them."""


class Served(Struct, frozen=True):
    """Milliseconds, by coding: how late the loop was at the worst in a scrape, and how long its reader took. Medians."""

    idle: float
    first: float
    """The first scrape that asks for gzip."""
    late: dict[Coding, float]
    busy: dict[Coding, float]
    """The longest stretch of work of the loop in a scrape, whatever else goes on on the machine."""
    took: dict[Coding, float]


def measure(folder: str, scale: Scale) -> Measured:
    """A daemon of each size, in a process of its own."""
    found = {}
    for size in scale.growth:
        number = targets(folder, COMPANIES, size)
        found[size] = alone(served, folder, number, filled(folder, COMPANIES, number), scale.rounds)
    most = found[scale.most]
    figures = [Figure(7, most.late[coding], most.idle, PARTS[coding]) for coding in CODINGS]
    said = "by the loop's own CPU time between two turns"
    figures += [Figure(7, most.busy[coding], 0.0, PARTS[coding], said, extra=True) for coding in CODINGS]
    figures.append(Figure(7, most.first, most.idle, "gzip", "the first one, for which all is compressed", extra=True))
    figures.append(Figure(8, most.took["gzip"], most.took["identity"]))
    growth = [
        Growth(
            7,
            PARTS[coding],
            "series",
            "ms",
            [Point(size, one.late[coding], one.idle) for size, one in found.items()],
            floor="idle",
        )
        for coding in CODINGS
    ]
    return Measured(figures, growth)


def served(folder: str, number: int, file: Path, count: int) -> Served:
    """A daemon with so many targets, whose connections have series of their own, that is scraped from another process.

    Floor of line 7: the loop when nobody asks for anything, for as long as a scrape takes. Subject: the loop while a reader
    reads all bytes. Both by somebody who wants a turn every millisecond. Floor of line 8: the reader's time for a plain
    body. Subject: its time for a compressed one. Nothing changes meanwhile, and no poll is due.
    """
    order = Order(folder, COMPANIES, number, kept=0)
    with answering(order) as providers, TemporaryDirectory(dir=folder) as home:
        source = Source(Path(home), COMPANIES.provider, providers.url, ())
        copyfile(file, source.store)
        return asyncio.run(_serve(source.plan(series="all"), count))


async def _serve(plan: Plan, count: int) -> Served:
    late: dict[str, list[float]] = defaultdict(list)
    busy: dict[str, list[float]] = defaultdict(list)
    took: dict[str, list[float]] = defaultdict(list)
    clock = SystemClock(start=LATER)
    async with running(plan, clock) as daemon:
        await daemon.ready()
        async with reading(daemon.port) as reader:
            await reader.read("identity")
            async with lags() as first:
                await reader.read("gzip")
            for _ in range(count):
                for coding in CODINGS:
                    async with lags() as found:
                        seconds = await reader.read(coding)
                    late[coding].append(found.most)
                    busy[coding].append(found.busiest)
                    took[coding].append(seconds * 1e3)
                    async with lags() as idle:
                        await clock.sleep(seconds)
                    late["idle"].append(idle.most)
    return Served(
        idle=median(late["idle"]),
        first=first.most,
        late={coding: median(late[coding]) for coding in CODINGS},
        busy={coding: median(busy[coding]) for coding in CODINGS},
        took={coding: median(took[coding]) for coding in CODINGS},
    )
