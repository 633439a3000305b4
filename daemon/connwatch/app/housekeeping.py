"""What is done once an hour: erase what has been gone for long, and give back memory that nobody uses."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

from structlog.typing import FilteringBoundLogger

from connwatch.core.ports import Clock, Store

EVERY: Final = 3600.0


async def keep_house(store: Store, clock: Clock, log: FilteringBoundLogger, *, retention: Callable[[], float]) -> None:
    """Keep house for ever. `retention` in seconds, as configured by then."""
    while True:
        erased = await store.expire(clock.now() - retention())
        if erased:
            log.info("expired_connections_erased", connections=erased)
        await asyncio.to_thread(give_back)
        await clock.sleep(EVERY)


def give_back() -> bool:
    """Have the C library return to the system what it holds and nobody uses. Whether it knows how to: glibc does.

    Bodies come and go among values that stay for days. Left alone, a process ends up with the most that it ever needed
    at once, and with that again wherever the free parts are too small.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True
