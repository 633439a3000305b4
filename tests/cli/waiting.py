"""Waits for other processes, which nobody can hurry."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final

from connwatch.clock import SystemClock
from tests.app.household import PATIENCE

LOOK: Final = 0.05
_NEVER_SET: Final = Event()


def once_true(happened: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Look again and again until it is true; a test that waits in vain fails."""
    clock = SystemClock()
    deadline = clock.monotonic() + patience
    while not happened():
        assert clock.monotonic() < deadline, "it never came about"
        _NEVER_SET.wait(LOOK)
