"""When the garbage collector rests, how often it looks, and what it passes over."""

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


@contextmanager
def passing_over() -> Iterator[None]:
    """With a garbage collector that passes over all there is now: a fleet stays, and each walk over a large one holds everybody up."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def clear_out() -> None:
    """Collect what is garbage by now, wherever it is; what is left is passed over from then on."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
