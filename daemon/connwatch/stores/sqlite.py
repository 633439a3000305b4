"""SQLite: the file, who may write it, and how a connection to it is set up.

WAL with `synchronous NORMAL`: what was committed survives the death of the process at any instant; a power cut can take the
last moments, and never more. What is erased is overwritten, not only let go of.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EEXIST
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from connwatch.stores.faults import StoreTooNew, StoreUnusable
from connwatch.stores.lock import FileLock
from connwatch.stores.migrations import HEAD, REVISIONS, upgrade

_FAULTS: Final = (DBAPIError, sqlite3.Error, OSError)
"""All that a disk or a lock can do to a statement."""
PATIENCE: Final = 0.5
"""Seconds to wait for a lock that somebody else has on the database."""
_LOOKING: Final = {"begin": "BEGIN"}
_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -16384",
    "PRAGMA journal_size_limit = 67108864",
)


class SqliteReading:
    """A database opened to read, beside whoever writes it. Changes nothing and migrates nothing.

    Raises StoreTooNew, and StoreUnusable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise StoreUnusable(
                f"{path}: there is no such file. `connwatch run` makes it: has it run yet, with this config?"
            )
        if _revision(path) != HEAD:
            raise StoreUnusable(f"{path}: its schema is older than this version. `connwatch run` brings it up to date.")
        self._engine = _engine(path, "ro").execution_options(**_LOOKING)

    @contextmanager
    def view(self) -> Iterator[Connection]:
        """One consistent view. Raises StoreUnusable."""
        with _translated(self._path), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


class SqliteFile:
    """A database that this process alone writes, made if there is none, and brought to the newest schema.

    Raises StoreLocked, StoreTooNew, and StoreUnusable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(exist_ok=True)
            self._lock = FileLock(path)
        except OSError as fault:
            raise _unwritable(path, fault) from fault
        try:
            self._engine = self._open()
        except BaseException:
            self._lock.release()
            raise
        self._identity = _identity(path)

    def _open(self) -> Engine:
        try:
            _make(self._path)
        except OSError as fault:
            raise _unwritable(self._path, fault) from fault
        revision = _revision(self._path)
        engine = _engine(self._path, "rw", *_SETTINGS)
        try:
            with engine.begin() as connection:
                if revision != HEAD:
                    upgrade(connection)
        except _FAULTS as fault:
            engine.dispose()
            raise _unwritable(self._path, fault) from fault
        return engine

    @contextmanager
    def view(self) -> Iterator[Connection]:
        """One consistent view, whoever may be writing. Raises StoreUnusable."""
        with _translated(self._path), self._engine.execution_options(**_LOOKING).begin() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All that is done within is committed together, or not at all. Raises StoreUnusable."""
        with _translated(self._path):
            if _identity(self._path) != self._identity:
                self._restore()
            with self._engine.begin() as connection:
                yield connection

    def flatten(self) -> None:
        """Empty the write-ahead log into the file, so that nothing that was erased is left in it. Raises StoreUnusable."""
        with _translated(self._path):
            self._outside("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file, and let the next one in."""
        self._engine.dispose()
        self._lock.release()

    def _restore(self) -> None:
        """The file was taken away. Who has it open still has all that was committed: write it out where it belongs.

        Raises OSError if something else has taken its place.
        """
        if os.path.lexists(self._path):
            raise FileExistsError(EEXIST, "something else has taken the place of the database", str(self._path))
        copy = self._path.with_name(f"{self._path.name}.rescue")
        copy.unlink(missing_ok=True)
        _make(copy)
        self._outside("VACUUM INTO ?", str(copy))
        self._engine.dispose()
        for suffix in ("-wal", "-shm"):  # of the old file: they must not be taken for the new one's
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        copy.rename(self._path)
        self._identity = _identity(self._path)

    def _outside(self, statement: str, *values: str) -> None:
        """Carry out what SQLite does outside of transactions only."""
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute(statement, values)
        finally:
            connection.close()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except _FAULTS as fault:
        raise StoreUnusable(f"{path}: {_cause(fault)}") from fault


def _cause(fault: BaseException) -> str:
    """What went wrong, in the words of the driver or the system; never the values of a statement."""
    if isinstance(fault, DBAPIError):
        return str(fault.orig)
    return (isinstance(fault, OSError) and fault.strerror) or str(fault)


def _unwritable(path: Path, fault: BaseException) -> StoreUnusable:
    return StoreUnusable(
        f"{path}: cannot be opened to write: {_cause(fault)}. "
        "The directory must be there, have room, and belong to whom the daemon runs as."
    )


def _make(path: Path) -> None:
    """Have an empty file, if there is none, for nobody but its owner. What is there must be writable. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is, whatever its name; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _revision(path: Path) -> str | None:
    """The revision of the schema; None for an empty file. Only looks. Raises StoreTooNew, and StoreUnusable."""
    engine = _engine(path, "ro").execution_options(**_LOOKING)
    try:
        with engine.begin() as connection:
            tables = inspect(connection).get_table_names()
            if not tables:
                return None
            ours = "alembic_version" in tables
            revision = connection.scalar(text("SELECT version_num FROM alembic_version")) if ours else None
    except OperationalError as fault:
        raise StoreUnusable(
            f"{path}: cannot be read: {_cause(fault)}. "
            "It must be readable for whoever runs this, on a volume with room, and not locked by another program."
        ) from fault
    except _FAULTS as fault:
        raise StoreUnusable(
            f"{path}: cannot be read: {_cause(fault)}. It was left as it is. "
            "Move it away to start anew, put a copy of the database in its place, or name another file as `store`."
        ) from fault
    finally:
        engine.dispose()
    if revision is None:
        raise StoreUnusable(
            f"{path}: is the database of another program. It was left as it is. Name another file as `store`."
        )
    if revision not in REVISIONS:
        raise StoreTooNew(
            f"{path}: was written by a newer version of connwatch (schema {revision}; this version knows up to {HEAD}). "
            "A schema never goes back: run the newer version, or start from the copy that was made before the upgrade."
        )
    return str(revision)


def _engine(path: Path, mode: Literal["ro", "rw"], *settings: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,  # the driver begins no transaction of its own accord: `_begin` does
            check_same_thread=False,  # it is one thread at a time, but not the one that opened it
        )
        try:
            for setting in settings:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0, hide_parameters=True
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Take the lock for writing at once: whoever reads first and then wants to write is not let wait for it."""
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))
