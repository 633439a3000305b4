"""One thread for all that touches a database: so the loop never waits for a disk, and no lock is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Worker:
    """Does one thing after the other, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def do(self, work: Callable[[], T]) -> T:
        """Have work done. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def do_within(
        self, transaction: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], T]
    ) -> T:
        """Have work done in a transaction of its own. Raises what either raises."""

        def transact() -> T:
            with transaction() as connection:
                return work(connection)

        return await self.do(transact)

    def close(self) -> None:
        """End, after all that was asked for."""
        self._thread.shutdown()
