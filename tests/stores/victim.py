"""A process to be killed: commits numbered memories from several tasks at once, and says which commits have returned.

`python -m tests.stores.victim PATH`: one line a commit, the number of the memory.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from msgspec.structs import replace

from connwatch.clock import SystemClock
from connwatch.stores import open_store
from tests.fakes import FakeRecorder
from tests.stores.making import NOW, appeared, held

TASKS = 8


async def main(path: str) -> None:
    """Commit for ever, quickly: a tenth of a second of the store's time is a millisecond here."""
    store = open_store(f"sqlite:///{path}", clock=SystemClock(scale=100.0), recorder=FakeRecorder())
    numbers = count()

    async def work(task: int) -> None:
        while True:
            number = next(numbers)
            one = replace(held(f"c{number % 50}"), since=NOW + number)
            await store.commit([appeared(f"t{task}", one, held(f"only-{number}"), at=NOW + number)])
            sys.stdout.write(f"{task} {number}\n")
            sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(work(task))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
