"""Lines 4, 5 and 6: the body of a scrape. Beside them: institutions by the thousand, and more series than the ceiling allows."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from statistics import median
from typing import Final

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from connwatch.app.collector import clear_out
from connwatch.core.ports import Vitals
from connwatch.metrics import Exposition, ProcessRecorder
from tests.bench.alone import alone
from tests.bench.deals import COMPANIES, USERS, Deal
from tests.bench.figures import Figure, Growth, Measured, Point
from tests.bench.fleet import Grown
from tests.bench.measure import Turn, cpu, keep_memory, rounds
from tests.bench.pages import NOW, Shelf
from tests.bench.scale import Scale

TEXT: Final = "text/plain;version=0.0.4"
CHANGED: Final = 100
"""One target in so many changes between two scrapes."""
PAUSE: Final = 15.0
"""Seconds between two scrapes."""
RECONSIDERED: Final = 301.0
"""Seconds after which folding is looked at again."""
SAMPLES: Final = (0.01, 0.04)
"""Connections by which it is learned how many series a target makes, as shares of the series that are wanted."""
NO_CEILING: Final = 1_000_000_000


class Scraped(Struct, frozen=True):
    """What the scrapes of one fleet took: medians, in milliseconds of CPU."""

    series: int
    whole: float
    """A scrape that has to write whatever changed."""
    memcpy: float
    ready: float
    """A scrape after the daemon wrote what changed when it was settled, as it always does."""
    refresh: float
    """And that took so long."""
    reconsidered: float
    """The longest turn of writing in which the ceiling is looked at anew."""
    against: tuple[float, float] | None = None
    """A whole scrape, and prometheus-client's, in one run."""


def measure(folder: str, scale: Scale) -> Measured:
    """Each fleet in a process of its own."""
    *_, small, large = scale.growth
    fleets = {
        deal: [alone(scraped, folder, scale, deal, size, compare=size == small) for size in scale.growth]
        for deal in (COMPANIES, USERS)
    }
    many = Deal("nectar", 100, scale.institutions)
    crowd = alone(scraped, folder, scale, many, large)
    capped = alone(scraped, folder, scale, COMPANIES, large, ceiling=scale.ceiling)
    under = f"{COMPANIES.said}, {large:,} series, ceiling {scale.ceiling:,}"
    figures: list[Figure] = []
    for deal, (*_, fewer, most) in fleets.items():
        figures += [*_told(4, fewer, deal.said), *_told(5, most, deal.said)]
        if fewer.against is not None:
            figures.append(Figure(6, *fewer.against, variant=_series(fewer, deal.said)))
    figures += [*_told(5, crowd, many.said, extra=True), *_told(4, capped, under, extra=True)]
    said = f"{under}: longest turn when it is looked at anew"
    figures.append(Figure(7, capped.reconsidered, 0.0, "plain", said, extra=True))
    return Measured(figures, [_growth(deal, found) for deal, found in fleets.items()])


def _told(line: int, one: Scraped, said: str, *, extra: bool = False) -> Iterator[Figure]:
    said = _series(one, said)
    yield Figure(line, one.whole, one.memcpy, variant=said, extra=extra)
    settled = f"{said}; what changed settled before, in {one.refresh:.1f} ms"
    yield Figure(line, one.ready, one.memcpy, variant=settled, extra=True)


def _series(one: Scraped, said: str) -> str:
    return f"{said}: {one.series:,} series"


def _growth(deal: Deal, found: Iterable[Scraped]) -> Growth:
    points = [Point(one.series, one.whole, one.memcpy) for one in found]
    return Growth(4, deal.said, "series", "ms", points, floor="memcpy")


def scraped(
    folder: str, scale: Scale, deal: Deal, size: int, *, compare: bool = False, ceiling: int = NO_CEILING
) -> Scraped:
    """A fleet with so many series, each connection's own included (`metrics.per_connection: all`).

    Between two scrapes one target in a hundred is polled, and one of its connections has changed. Subject: the body of the
    exposition, all pieces of it joined into one. Floors: a copy of the same bytes; and prometheus-client's text of the same
    samples, which it is given as families that need only be written.
    """
    keep_memory()
    scene = Scene(deal.shelf(folder, targets(folder, deal, size)), ceiling)
    whole = rounds({"scrape": scene.scrape, "memcpy": scene.memcpy}, scale.rounds, prepare=scene.change)
    ready = rounds({"scrape": scene.scrape}, scale.rounds, prepare=scene.settle)
    latest = (
        rounds({"scrape": scene.scrape, "latest": scene.latest()}, scale.starts, prepare=scene.change)
        if compare
        else {}
    )
    return Scraped(
        series=scene.series,
        whole=whole["scrape"] * 1e3,
        memcpy=whole["memcpy"] * 1e3,
        ready=ready["scrape"] * 1e3,
        refresh=median(scene.refreshes) * 1e3,
        reconsidered=scene.reconsider() * 1e3,
        against=(latest["scrape"] * 1e3, latest["latest"] * 1e3) if compare else None,
    )


def targets(folder: str, deal: Deal, size: int) -> int:
    """How many targets make so many series at least: each makes about as many, and some series are there anyway."""
    few, more = (ceil((size * share + 1) / deal.each) + step for step, share in enumerate(SAMPLES))
    at_few, at_more = (Scene(deal.shelf(folder, number)).series for number in (few, more))
    return max(1, few + ceil(1.01 * (size - at_few) / (at_more - at_few) * (more - few)))


class Scene:
    """A fleet, its exposition, and time that passes between two scrapes."""

    def __init__(self, shelf: Shelf, ceiling: int = NO_CEILING) -> None:
        self.refreshes: list[float] = []
        """Seconds that it took to write what had changed, at once."""
        self._grown = Grown(shelf)
        self._now, self._turn = NOW, 0
        self._exposition = Exposition(
            self._grown.fleet,
            per_connection="all",
            institutions=True,
            max_series=ceiling,
            vitals=lambda now: (Vitals("main", shelf.provider, True, 0.0, 300.0, 1.0, 900.0, now),),
            process=ProcessRecorder("bench").registry,
        )
        self._body = self._whole()
        clear_out()  # as the daemon does once all is there
        self.series = _samples(self._body)

    def change(self, _number: int) -> None:
        """Poll one target in a hundred."""
        self._turn += 1
        self._now += PAUSE
        size = len(self._grown.shelf)
        for number in range(self._turn % min(CHANGED, size), size, CHANGED):
            self._grown.change(number, self._turn, self._now)

    def settle(self, number: int) -> None:
        """The same, and write what changed, as the daemon does when a poll is settled."""
        self.change(number)
        self.refreshes.append(sum(self._turns()))

    def reconsider(self) -> float:
        """Seconds of the longest turn of writing after so long a time that the ceiling is looked at again."""
        self.change(0)
        self._now += RECONSIDERED
        return max(self._turns())

    def _turns(self) -> Sequence[float]:
        """Write whatever changed; seconds of each turn."""
        gc.collect()
        turns, left = [], True
        while left:
            start = cpu()
            left = self._exposition.refresh(self._now)
            turns.append(cpu() - start)
        return turns

    def scrape(self, _number: int) -> bytes:
        """All that is done for a scrape but sending it."""
        return self._whole()

    def memcpy(self, _number: int) -> bytes:
        """A copy of a body."""
        return bytes(memoryview(self._body))

    def latest(self) -> Turn:
        """prometheus-client's text of the same samples. Raises ValueError if they aren't the same."""
        registry = CollectorRegistry()
        body = self._whole()
        registry.register(Parsed(body.decode()))
        ours, theirs = _samples(body), _samples(generate_latest(registry))
        if ours != theirs:
            raise ValueError(f"prometheus-client makes {theirs} series of {ours}")
        return lambda _number: generate_latest(registry)

    def _whole(self) -> bytes:
        return b"".join(self._exposition.body(TEXT, self._now, gzip=False)[1])


def _samples(body: bytes) -> int:
    return sum(not line.startswith(b"#") for line in body.splitlines())


class Parsed(Collector):
    """The families of a text, ready to be written anew."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._families
