"""What changed is written in the background, and nobody waits for that."""

from __future__ import annotations

import asyncio

from connwatch.app.writer import Writer
from tests.fakes import FakeClock, settle


async def test_it_writes_when_stirred_and_lets_others_run() -> None:
    """Turn by turn until nothing is left, with a turn of everybody else after each; then not before it is stirred again."""
    clock, left, others = FakeClock(), 0, 0
    seen: list[tuple[int, int]] = []

    def refresh(now: float) -> bool:
        nonlocal left
        assert now == clock.now()
        left = max(0, left - 1)
        seen.append((left, others))
        return left > 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await clock.sleep(0)

    writer = Writer(refresh, clock)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(writer.run()), group.create_task(other())]
        await settle()
        assert seen == []
        left = 3
        writer.stir()
        await settle()
        assert [rest for rest, _ in seen] == [2, 1, 0]
        assert len({turn for _, turn in seen}) == 3
        writer.stir()
        await settle()
        assert len(seen) == 4
        for task in tasks:
            task.cancel()
