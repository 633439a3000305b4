"""A database as a daemon leaves it: every target discovered, polled once and committed through the store itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from connwatch.clock import SystemClock
from connwatch.core.ports import SourceMemory, TargetMemory
from connwatch.metrics import ProcessRecorder
from connwatch.stores import open_store
from tests.bench.alone import alone
from tests.bench.deals import Deal
from tests.bench.fleet import Grown
from tests.bench.pages import NOW

ROWS: Final = 20_000
"""Connections in one transaction."""


def filled(folder: str, deal: Deal, targets: int) -> Path:
    """The database with so many targets; made in a process of its own, if there is none yet."""
    file = Path(folder) / f"{deal.provider}-{deal.each}-{targets}.db"
    if not file.exists():
        fresh = file.with_suffix(".new")
        for left in fresh.parent.glob(f"{fresh.name}*"):
            left.unlink()
        alone(fill, folder, deal, targets, fresh)
        fresh.rename(file)
    return file


def fill(folder: str, deal: Deal, targets: int, file: Path) -> None:
    """Fill a new database."""
    asyncio.run(_fill(Grown(deal.shelf(folder, targets), polled=False), file))


async def _fill(grown: Grown, file: Path) -> None:
    clock, recorder = SystemClock(start=NOW), ProcessRecorder("bench")
    store = open_store(f"sqlite:///{file}", clock=clock, recorder=recorder)
    waiting: list[TargetMemory | SourceMemory] = [SourceMemory("main", discovered_at=NOW)]
    rows = 0
    for number in range(len(grown.shelf)):
        made = grown.poll(number, grown.shelf.lines(number))
        waiting.append(
            TargetMemory("main", made.state, made.moved, made.transitions, grown.book.tally.promise(made), NOW)
        )
        rows += len(made.moved)
        if rows >= ROWS:
            await store.commit(waiting)
            waiting, rows = [], 0
    await store.commit(waiting)
    await store.expire(NOW - 1.0)  # which also empties the write-ahead log
    await store.close()
