"""How late the event loop is: somebody who wants a turn every millisecond, and notes when it comes."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from connwatch.clock import SystemClock
from tests.bench.measure import busy, wall

TICK: Final = 0.001
P99: Final = 0.99


class Lags:
    """By how many milliseconds turns came too late, and how many of these the loop itself was at work."""

    def __init__(self) -> None:
        self._late = array("d")
        self._busy = array("d")

    def note(self, late: float, at_work: float) -> None:
        """One turn, in seconds."""
        self._late.append(late * 1e3)
        self._busy.append(at_work * 1e3)

    @property
    def most(self) -> float:
        """The worst."""
        return max(self._late, default=0.0)

    @property
    def busiest(self) -> float:
        """The longest work between two turns: the same, but for what other processes do on the machine."""
        return max(self._busy, default=0.0)

    @property
    def p99(self) -> float:
        """Ninety-nine in a hundred turns were not later."""
        return sorted(self._late)[int(len(self._late) * P99)] if self._late else 0.0


@asynccontextmanager
async def lags() -> AsyncIterator[Lags]:
    """Watch the loop for as long as the context lasts; to its end, however late that is."""
    found, clock = Lags(), SystemClock()

    async def tick() -> None:
        while True:
            start, work = wall(), busy()
            try:
                await clock.sleep(TICK)
            finally:
                found.note(wall() - start - TICK, busy() - work)

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        await clock.sleep(2 * TICK)
        yield found
        ticking.cancel()
