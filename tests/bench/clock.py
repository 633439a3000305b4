"""Real time that can be set forward: an hour passes at once, and all who wait for something in it are woken."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from connwatch.clock import SystemClock
from connwatch.core.ports import Signal


class HastyClock(SystemClock):
    """The daemon's own clock, and hours that are skipped."""

    def __init__(self, start: float) -> None:
        super().__init__(start=start)
        self._waits: dict[asyncio.Timeout, float] = {}

    def skip(self, seconds: float) -> None:
        """Let that much time have passed."""
        self._start += seconds
        for deadline, until in self._waits.items():
            if not deadline.expired():
                deadline.reschedule(self._on_loop(until))

    async def sleep_until(self, at: float) -> None:
        """Wait until that instant."""
        await self.wait(asyncio.Event(), at)

    async def wait(self, signal: Signal, until: float) -> None:
        """Wait for the signal, or for that instant, whichever comes first."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._on_loop(until)) as deadline:
                self._waits[deadline] = until
                try:
                    await signal.wait()
                finally:
                    del self._waits[deadline]

    def _on_loop(self, at: float) -> float | None:
        return None if at == float("inf") else asyncio.get_running_loop().time() + max(0.0, at - self.now())
