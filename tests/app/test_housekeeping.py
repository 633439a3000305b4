"""What is done once an hour."""

from __future__ import annotations

import asyncio
import io
import platform
from collections.abc import Sequence

import pytest

from connwatch.app.housekeeping import EVERY, give_back, keep_house
from connwatch.core.ports import SourceMemory, TargetMemory
from connwatch.log import Redaction, Volume, set_up
from connwatch.stores.memory import MemoryStore
from tests.core.cast import DAY
from tests.fakes import FakeClock, FakeRecorder, until


class Shelf(MemoryStore):
    """Notes since when what it erases has been gone."""

    def __init__(self) -> None:
        super().__init__(FakeRecorder())
        self.before: list[float] = []

    async def expire(self, before: float) -> int:
        """Two, each time."""
        self.before.append(before)
        return 2

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Nothing is stored here."""
        raise AssertionError


async def test_what_is_gone_for_long_is_erased_every_hour() -> None:
    """By the retention that is configured by then; and the log tells how much."""
    clock, store, out, days = FakeClock(), Shelf(), io.StringIO(), [30.0]
    log = set_up(Volume("info"), "json", Redaction(), stream=out)
    start = clock.now()
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(keep_house(store, clock, log, retention=lambda: days[0] * DAY))
        await until(lambda: len(store.before) == 1)
        days[0] = 7.0
        while len(store.before) < 2:  # memory is given back in a thread, which takes its own time
            await clock.advance(EVERY)
        keeping.cancel()
    assert store.before[0] == start - 30 * DAY
    assert (store.before[1] - start + 7 * DAY) % EVERY == 0
    assert out.getvalue().count('"connections": 2') >= 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps so much that giving back is worth it")
def test_memory_is_given_back() -> None:
    """The C library is asked, where it can be."""
    assert give_back()
