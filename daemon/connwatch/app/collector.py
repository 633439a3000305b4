"""When the garbage collector rests, and how often it looks."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = 10_000
"""Objects more than before, after which it looks at what is new; Python's own habit is 700."""


@contextmanager
def at_rest() -> Iterator[None]:
    """Without the garbage collector, while a fleet is read: it would walk over a million new values again and again, and find nothing."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@contextmanager
def seldom() -> Iterator[None]:
    """With a garbage collector that looks less often: what comes and goes with each poll is hardly ever a cycle, and there is much of it."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
