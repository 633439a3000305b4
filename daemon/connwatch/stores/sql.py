"""The store over a database: SQL on one thread, batches by the writer, and what still waits to be written seen by all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from connwatch.core.model import NEVER, Note, TargetState, Transition
from connwatch.core.ports import Clock, Recorder, Remembered, SourceMemory, TargetMemory, Wake, as_it_is
from connwatch.stores import ledger
from connwatch.stores.batch import Batch, Found
from connwatch.stores.faults import StoreUnusable
from connwatch.stores.reading import Reading, told_row
from connwatch.stores.recollection import Recollection
from connwatch.stores.rows import Row, target_state
from connwatch.stores.worker import Worker
from connwatch.stores.writer import Writer

T = TypeVar("T")


class Readable(Protocol):
    """A database to look into."""

    def view(self) -> AbstractContextManager[Connection]:
        """One consistent view. Raises StoreUnusable for all that a disk or a lock can do."""

    def close(self) -> None:
        """Let go of it."""


class Database(Readable, Protocol):
    """A database that this process writes."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Committed at its end, rolled back by an exception. Raises StoreUnusable for all that a disk or a lock can do."""

    def flatten(self) -> None:
        """Leave nothing in a log that was erased. Raises StoreUnusable."""


class SqlReader:
    """Looks into a database that another process may be writing. Each look raises StoreUnusable if it fails."""

    def __init__(self, database: Readable) -> None:
        self._database = database
        self._worker = Worker()

    async def load(self) -> Remembered:
        """What is remembered of sources as a whole."""
        return await self._look(ledger.load)

    async def targets(self, source: str, wake: Wake[T]) -> AsyncIterator[T]:
        """The targets of a source that aren't gone, some at a time."""
        reading = Recollection(source, wake)
        while not reading.over:
            yield await self._look(reading.more)

    async def find(self, connection: str, source: str | None = None) -> Sequence[tuple[str, TargetState]]:
        """(source, state of its target with that connection only), for each source that holds it or held it."""
        return chosen(await self._look(partial(ledger.find, id_=connection)), source)

    async def history(self, source: str, connection: str) -> Sequence[Transition]:
        """The changes of one connection, oldest first."""
        return await self._look(partial(ledger.changes, source=source, id_=connection))

    async def close(self) -> None:
        """Let go of the database."""
        await self._worker.do(self._database.close)
        self._worker.close()

    async def _look(self, work: Callable[[Connection], T]) -> T:
        return await self._worker.do_within(self._database.view, work)


class SqlStore:
    """A store for which this process is the only writer.

    While the database refuses to be written, everything is kept in memory, and `find` and `history` see it as if it were
    written. What is gone stays until it expires. What comes back goes on with its history, and with the first sight that
    the core gives it.
    """

    def __init__(self, database: Database, *, clock: Clock, recorder: Recorder, tell: Callable[[Note], None]) -> None:
        self._database = database
        self._worker = Worker()
        self._writer = Writer(self._write, clock, recorder, tell)
        self._tell = tell
        recorder.store_up(True)

    async def load(self) -> Remembered:
        """What is remembered of sources as a whole. Raises StoreUnusable."""
        return await self._worker.do_within(self._database.view, ledger.load)

    async def targets(self, source: str, wake: Wake[T]) -> AsyncIterator[T]:
        """The targets of a source that aren't gone, some at a time. Raises StoreUnusable."""
        reading = Recollection(source, wake)
        while not reading.over:
            yield await self._worker.do_within(self._database.view, reading.more)

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Returns when it is committed, or taken into the backlog."""
        await self._writer.commit(memories)

    def hurry(self) -> None:
        """Let what is being committed, or is next, be written at once."""
        self._writer.hurry()

    async def find(self, connection: str, source: str | None = None) -> Sequence[tuple[str, TargetState]]:
        """(source, state of its target with that connection only), for each source that holds it or held it."""
        nothing: Found = {}
        found = await self._look_or(nothing, partial(ledger.find, id_=connection))
        for batch in self._writer.outstanding():
            found |= batch.find(connection)
        return chosen(found, source)

    async def history(self, source: str, connection: str) -> Sequence[Transition]:
        """The changes of one connection, oldest first."""
        nothing: list[Transition] = []
        changes = await self._look_or(nothing, partial(ledger.changes, source=source, id_=connection))
        for batch in self._writer.outstanding():
            changes += batch.changes(source, connection)
        return changes

    async def forget(self, *, connection: str = "", target: str = "", source: str | None = None) -> int:
        """Erase for good. Raises StoreUnusable if the database refuses: then nothing was erased.

        What a running daemon still watches, it remembers anew when it changes.
        """
        if not connection and not target:
            raise ValueError("neither a connection nor a target to forget")
        id_, whose = connection or None, target or None
        async with self._writer.turn:
            erased = await self._transact(partial(ledger.forget, id_=id_, target=whose, source=source))
            for batch in self._writer.outstanding():
                erased |= batch.forget(id_=id_, target=whose, source=source)
            await self._worker.do(self._database.flatten)
        return len(erased)

    async def expire(self, before: float) -> int:
        """Erase what is gone since before that instant, slice by slice. What the database refuses is left for the next time."""
        erased, more = 0, True
        try:
            while more:
                async with self._writer.turn:
                    count = await self._transact(partial(ledger.expire, before=before))
                erased += count
                more = count == ledger.SLICE
            async with self._writer.turn:
                await self._transact(partial(ledger.tidy, before=before))
                await self._worker.do(self._database.flatten)
        except StoreUnusable as fault:
            self._tell(Note("store_expiry_failed", "warning", {"fault": str(fault)}))
        return erased

    async def close(self) -> None:
        """Commit what is outstanding and let go of the database."""
        try:
            await self._writer.close()
        finally:
            await self._worker.do(self._database.close)
            self._worker.close()

    async def _write(self, batch: Batch) -> None:
        await self._transact(partial(ledger.write, batch=batch))

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        return await self._worker.do_within(self._database.transaction, work)

    async def _look_or(self, nothing: T, work: Callable[[Connection], T]) -> T:
        """What the database tells; nothing while it cannot be read, since the daemon goes on without it."""
        try:
            return await self._worker.do_within(self._database.view, work)
        except StoreUnusable as fault:
            self._tell(Note("store_read_failed", "warning", {"fault": str(fault)}))
            return nothing


def chosen(found: Found, source: str | None) -> Sequence[tuple[str, TargetState]]:
    """For each source the connection that is there, or else the one that went last."""
    last: dict[str, tuple[Row, Row]] = {}
    for (whose, _), rows in found.items():
        if source in {None, whose} and (whose not in last or _gone_at(rows) > _gone_at(last[whose])):
            last[whose] = rows
    return [
        (whose, as_it_is(target_state(target), kept))
        for whose, (target, row) in last.items()
        for _, kept in Reading().kept([told_row(row)])
    ]


def _gone_at(rows: tuple[Row, Row]) -> float:
    gone_at: float | None = rows[1][-1]
    return NEVER if gone_at is None else gone_at
