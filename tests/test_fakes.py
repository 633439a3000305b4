"""The fakes keep the promises of the ports, so that a test that uses them tests the truth."""

from __future__ import annotations

import asyncio

import pytest

from connwatch.core.ports import Clock, Recorder
from tests.fakes import FakeClock, FakeRecorder, until


async def test_sleepers_wake_in_order_each_at_its_instant() -> None:
    """Time passes from one sleeper to the next: who sleeps again meanwhile is woken again within the same stretch."""
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(nap("slow", 5.0, 1))
        group.create_task(nap("quick", 2.0, 3))
        await clock.advance(6.0)
    assert woken == [("quick", 2.0), ("quick", 4.0), ("slow", 5.0), ("quick", 6.0)]


async def test_time_stands_still_until_told_to_pass() -> None:
    """Nobody wakes before its instant, and an instant that is past is not waited for."""
    clock = FakeClock(now=1000.0)
    await clock.sleep_until(999.0)
    await clock.sleep(0.0)
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(10.0))
        await clock.advance(9.0)
        assert not sleeper.done()
        await clock.advance(1.0)
        assert sleeper.done()
    assert (clock.now(), clock.monotonic()) == (1010.0, 10.0)


async def test_waiting_ends_with_the_signal_or_with_the_instant() -> None:
    """`wait` returns at whichever comes first; an instant that is past ends it at once."""
    clock, signal = FakeClock(now=1000.0), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(clock.wait(signal, 1010.0))
        await clock.advance(3.0)
        assert not waiting.done()
        signal.set()
        await waiting
        assert clock.now() == 1003.0
        signal.clear()
        waiting = group.create_task(clock.wait(signal, 1010.0))
        await clock.advance(7.0)
        assert waiting.done()
    await clock.wait(signal, 1000.0)


async def test_a_cancelled_sleeper_holds_nobody_up() -> None:
    """Cancelling reaches whoever waits, and time passes on for the others."""
    clock = FakeClock()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(clock.wait(asyncio.Event(), clock.now() + 5.0))
        other = group.create_task(clock.sleep(6.0))
        await clock.advance(1.0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        await clock.advance(5.0)
        assert other.done()


async def test_what_a_thread_brings_about_can_be_waited_for() -> None:
    """`until` lets real things happen, and does not wait for ever for what never happens."""
    recorder = FakeRecorder()
    await asyncio.to_thread(recorder.store_failed)
    await until(lambda: recorder.store_failures == 1)
    with pytest.raises(TimeoutError):
        await until(lambda: recorder.store_failures == 2, patience=0.05)


def test_the_fakes_are_what_the_ports_ask_for() -> None:
    """The type checker compares every signature here."""
    clock: Clock = FakeClock(now=1000.0)
    recorder: Recorder = FakeRecorder()
    recorder.polled("bank", "basiq", "ok")
    assert clock.now() == 1000.0
