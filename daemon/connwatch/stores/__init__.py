"""Where what was learned survives. Law of this folder: the only one that speaks SQL; it decides nothing, and loses nothing.

What `commit` has returned from is there after any death of the process. While the disk refuses, it is kept in memory, said
so, and written as soon as it can be. One process writes a database; any number may read beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from connwatch.core.model import Note
from connwatch.core.ports import Clock, Recorder, Store
from connwatch.stores.faults import StoreError, StoreLocked, StoreTooNew, StoreUnusable
from connwatch.stores.memory import MemoryStore
from connwatch.stores.sql import SqlReader, SqlStore
from connwatch.stores.sqlite import SqliteFile, SqliteReading

MEMORY: Final = "memory:"
_SQLITE: Final = "sqlite:///"


def open_store(
    url: str, *, clock: Clock, recorder: Recorder, tell: Callable[[Note], None] = lambda _note: None
) -> Store:
    """The store of a daemon, brought to the newest schema. `tell` is told when it fails and when it recovers.

    Raises StoreLocked, StoreTooNew, and StoreUnusable.
    """
    if url == MEMORY:
        return MemoryStore(recorder)
    return SqlStore(SqliteFile(_path(url)), clock=clock, recorder=recorder, tell=tell)


def open_for_reading(url: str) -> SqlReader:
    """A look into the store of a daemon that may be running. Changes nothing.

    Raises StoreTooNew, and StoreUnusable; so do the looks themselves.
    """
    if url == MEMORY:
        raise StoreUnusable(
            "memory: is seen by its own process only. Ask the daemon over HTTP: GET /api/v1/connections."
        )
    return SqlReader(SqliteReading(_path(url)))


def _path(url: str) -> Path:
    """`sqlite:///relative` or `sqlite:////absolute`."""
    path = url.removeprefix(_SQLITE)
    if path in {url, "", ":memory:"}:
        raise StoreUnusable(
            f"{url}: is no store. Known are sqlite:////absolute/path, sqlite:///relative/path and {MEMORY}"
        )
    return Path(path).absolute()


__all__ = [
    "SqlReader",
    "StoreError",
    "StoreLocked",
    "StoreTooNew",
    "StoreUnusable",
    "open_for_reading",
    "open_store",
]
