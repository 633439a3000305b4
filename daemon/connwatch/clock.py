"""The only place that asks what time it is, and the only one that waits."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from connwatch.core.ports import Signal


class SystemClock:
    """Real time, or a scaled one: `scale` seconds of ours pass in one real second, from `start` on (decisions.md 31)."""

    def __init__(self, *, scale: float = 1.0, start: float | None = None) -> None:
        self._scale = scale
        self._real = time.time()
        self._start = self._real if start is None else start

    def now(self) -> float:
        """Unix seconds."""
        if self._scale == 1.0:
            return time.time() - self._real + self._start
        return (time.time() - self._real) * self._scale + self._start

    def monotonic(self) -> float:
        """Seconds that never go back, to measure durations by."""
        return time.monotonic() * self._scale

    async def sleep(self, seconds: float) -> None:
        """Wait; let others run, if there is nothing to wait for."""
        await asyncio.sleep(max(0.0, seconds) / self._scale)

    async def sleep_until(self, at: float) -> None:
        """Wait until that instant by `now`, in steps, so that a clock that was set is followed."""
        while (left := at - self.now()) > 0:
            await self.sleep(min(left, 60.0))

    async def wait(self, signal: Signal, until: float) -> None:
        """Wait for the signal, or for that instant by `now`, whichever comes first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as deadline:
                if until != float("inf"):
                    deadline.reschedule(asyncio.get_running_loop().time() + max(0.0, until - self.now()) / self._scale)
                await signal.wait()
