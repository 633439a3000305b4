"""Commits in batches: what comes within a tenth of a second goes into one transaction, and what the disk refuses waits.

The first commit after a quiet tenth of a second is written at once. Those that follow wait until a tenth of a second has
passed since the last transaction began, or until 1000 rows wait, or until somebody is in a hurry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from connwatch.core.model import Note
from connwatch.core.ports import Clock, Recorder, SourceMemory, TargetMemory
from connwatch.stores.batch import Batch
from connwatch.stores.faults import StoreUnusable

WINDOW: Final = 0.1
FULL: Final = 1000
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


class Writer:
    """The only one who has batches written: one after the other, by one task that ends with `close`.

    `write` raises StoreUnusable for what a disk or a lock does. Then the batch is kept, merged with all that comes after
    it, and tried again after 1 s, 2 s, 4 s and so on up to a minute; meanwhile nobody waits.
    """

    def __init__(
        self,
        write: Callable[[Batch], Awaitable[None]],
        clock: Clock,
        recorder: Recorder,
        tell: Callable[[Note], None],
    ) -> None:
        self.turn = asyncio.Lock()
        """Held while something is written; for others that write beside the batches."""
        self._write = write
        self._clock = clock
        self._recorder = recorder
        self._tell = tell
        self._waiting = Batch()
        self._landed: asyncio.Future[None] | None = None
        self._flying = Batch()
        self._began = -WINDOW
        self._failures = 0
        self._stirred = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Returns when they are written or, while the disk refuses, when they are kept to be written."""
        if self._closing.is_set():
            raise RuntimeError("the store is closed")
        if not memories:
            return
        for memory in memories:
            self._waiting.add(memory)
        self._stirred.set()
        if len(self._waiting) >= FULL:
            self._hurry.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="store writer")  # noqa: TID251 - close() awaits it
        if self._failures and not self._task.done():
            return
        if self._landed is None:
            self._landed = asyncio.get_running_loop().create_future()
        await asyncio.wait((self._landed, self._task), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()  # raises what ended it

    def hurry(self) -> None:
        """Let the next transaction not wait, nor the one that is waiting now."""
        self._hurry.set()

    def outstanding(self) -> Sequence[Batch]:
        """What is not known to be written, oldest first."""
        return self._flying, self._waiting

    async def close(self) -> None:
        """Write what waits. What the disk refuses now is lost."""
        self._closing.set()
        self._hurry.set()
        self._stirred.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._closing.is_set() or len(self._waiting):
            await self._due()
            await self._flush()
            if self._failures and self._closing.is_set():
                self._tell(Note("store_abandoned", "warning", {"rows": len(self._waiting)}))
                return

    async def _due(self) -> None:
        """Until it is time for the next transaction."""
        if self._failures:
            pause = min(FIRST_PAUSE * 2.0 ** (self._failures - 1), LONGEST_PAUSE)
            await self._clock.wait(self._closing, self._clock.now() + pause)
            return
        await self._stirred.wait()
        self._stirred.clear()
        rest = self._began + WINDOW - self._clock.monotonic()
        if rest > 0:
            await self._clock.wait(self._hurry, self._clock.now() + rest)
        self._hurry.clear()

    async def _flush(self) -> None:
        async with self.turn:
            self._flying, self._waiting = self._waiting, Batch()
            landed, self._landed = self._landed, None
            self._began = self._clock.monotonic()
            try:
                if len(self._flying):  # it may have been forgotten meanwhile
                    await self._write(self._flying)
                    self._written()
            except StoreUnusable as fault:
                self._flying.update(self._waiting)
                self._waiting = self._flying
                self._refused(fault)
            finally:
                self._flying = Batch()
            _release(landed)

    def _written(self) -> None:
        self._recorder.committed(self._clock.monotonic() - self._began)
        if self._failures:
            self._recorder.store_up(True)
            self._tell(Note("store_recovered", "info", {"failures": self._failures, "rows": len(self._flying)}))
        self._failures = 0

    def _refused(self, fault: StoreUnusable) -> None:
        self._failures += 1
        self._recorder.store_failed()
        if self._failures == 1:
            self._recorder.store_up(False)
        facts: dict[str, str | int] = {"fault": str(fault), "failures": self._failures, "rows": len(self._waiting)}
        self._tell(Note("store_failed", "warning" if self._failures == 1 else "debug", facts))
        landed, self._landed = self._landed, None
        _release(landed)


def _release(landed: asyncio.Future[None] | None) -> None:
    """Let those go on who wait for a batch."""
    if landed is not None:
        landed.set_result(None)
