"""What the system tells the process: SIGTERM and SIGINT to stop, SIGHUP to read the configuration again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def signals(*, stop: asyncio.Event, reload: asyncio.Event) -> Iterator[None]:
    """Set these events when told to; meanwhile no such signal kills."""
    loop = asyncio.get_running_loop()
    events = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in events:
            loop.remove_signal_handler(number)
