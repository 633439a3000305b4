"""One thread, and the database that only it touches: so the loop never waits for a disk, and no lock is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """Where transactions take place. Raises StoreUnusable for all that a disk or a lock can do."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Committed at its end, rolled back by an exception."""

    def flatten(self) -> None:
        """Leave nothing in a log that was erased."""

    def close(self) -> None:
        """Let go of it."""


class Worker:
    """Does one thing after the other, in the order in which they were asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Have work done in a transaction of its own. Raises StoreUnusable."""

        def carry_out() -> T:
            with self._database.transaction() as connection:
                return work(connection)

        return await self._do(carry_out)

    async def flatten(self) -> None:
        """Leave nothing in a log that was erased. Raises StoreUnusable."""
        await self._do(self._database.flatten)

    async def close(self) -> None:
        """Let go of the database."""
        await self._do(self._database.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
