"""What the site is given: everything that it shows, and the one thing that it can set going, a reload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from connwatch.core.fleet import Fleet
from connwatch.core.ports import Clock, Store, Vitals


class Ports(Struct, frozen=True):
    """Ways into the rest of the daemon. The site knows no more of it."""

    fleet: Fleet
    store: Store
    clock: Clock
    refresh: Callable[[float, bool], bool]
    """(now, gzip) -> whether anything is left to be written. Does a short turn's worth of what a scrape would wait for."""
    body: Callable[[str, float, bool], tuple[str, Sequence[bytes]]]
    """(Accept, now, gzip) -> (content type, chunks) of a scrape, of this moment. It is quick if nothing is left to be written."""
    vitals: Callable[[float], Sequence[Vitals]]
    readiness: Callable[[], Sequence[str]]
    """Why the daemon is not ready; empty if it is."""
    reload: Callable[[], Awaitable[Sequence[str]]]
    """Reads the configuration again; the problems, empty if there are none."""
    version: str
    external_url: str = ""
