"""Keeps the exposition written, in turns, so that little of it is left to a scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connwatch.core.ports import Clock


class Writer:
    """Writes whenever it is stirred. `refresh` does a turn's worth, and says whether anything is left."""

    def __init__(self, refresh: Callable[[float], bool], clock: Clock) -> None:
        self._refresh = refresh
        self._clock = clock
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Something may have changed."""
        self._stirred.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._refresh(self._clock.now()):
                await self._clock.sleep(0)
