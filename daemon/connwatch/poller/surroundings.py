"""What the runners of all sources share."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from connwatch.core.fleet import Fleet
from connwatch.core.ports import Clock, Recorder, Store


class Surroundings(Struct, frozen=True):
    """Where a source's runner lives."""

    fleet: Fleet
    store: Store
    clock: Clock
    recorder: Recorder
    log: FilteringBoundLogger
    settled: Callable[[], None]
    """Called when the fleet has changed."""
