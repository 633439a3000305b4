from __future__ import annotations

import asyncio

from tests.bench.clock import HastyClock
from tests.bench.lag import Lags
from tests.bench.measure import rounds
from tests.fakes import until


def test_everyone_begins_a_round_in_turn() -> None:
    """Nobody always finds the caches as another one left them; what a round needs is made before it."""
    order: list[str] = []
    turns = {name: lambda number, name=name: order.append(f"{name}{number}") for name in "ab"}
    medians = rounds(turns, 3, prepare=lambda number: order.append(f"-{number}"))
    assert order == ["-0", "a0", "b0", "-1", "b1", "a1", "-2", "a2", "b2"]
    assert medians.keys() == {"a", "b"}


def test_a_median_is_of_its_own_samples() -> None:
    """By a clock that says when it was asked: the second turn of a round took longer."""
    ticks = iter((0.0, 1.0, 10.0, 13.0))
    assert rounds({"a": lambda _: None, "b": lambda _: None}, 1, clock=lambda: next(ticks)) == {"a": 1.0, "b": 3.0}


async def test_hours_are_skipped() -> None:
    """Who waits for an instant is woken once it is past, be it by a skip; who waits for a later one is not."""
    clock = HastyClock(1_000_000.0)
    woken: list[str] = []

    async def wait(name: str, seconds: float) -> None:
        await clock.sleep_until(1_000_000.0 + seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("soon", 3600.0))
        late = group.create_task(wait("late", 3 * 3600.0))
        await clock.sleep(0)
        clock.skip(2 * 3600.0)
        await until(lambda: woken == ["soon"])
        assert 1_007_200.0 <= clock.now() < 1_007_300.0
        late.cancel()


async def test_a_signal_is_heard_before_its_time() -> None:
    """Waiting ends with the signal as well, and a time that never comes is waited for in vain."""
    clock, signal = HastyClock(0.0), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(clock.wait(signal, float("inf")))
        await clock.sleep(0)
        clock.skip(1e9)
        await clock.sleep(0)
        assert not waiting.done()
        signal.set()


def test_lags_are_told_by_their_worst() -> None:
    """In milliseconds: the worst, and what one in a hundred exceeds."""
    found = Lags()
    for number in range(200):
        found.note(number / 1e3, 0.5)
    assert (found.most, found.p99, found.busiest) == (199.0, 198.0, 500.0)
