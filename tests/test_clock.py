"""Real time, and scaled time."""

from __future__ import annotations

import asyncio

import pytest

from connwatch.clock import SystemClock

QUICK = 10_000.0
"""So many seconds of ours pass in a real one: waiting costs the tests nothing."""


async def test_a_scaled_clock_runs_faster_from_its_start() -> None:
    """An hour of its time is a third of a real second."""
    clock = SystemClock(scale=QUICK, start=1000.0)
    await clock.sleep_until(1000.0 + 3600.0)
    assert 1000.0 + 3600.0 <= clock.now() < 1000.0 + 36_000.0


async def test_waiting_for_what_is_past_returns_at_once() -> None:
    """The past is not waited for."""
    clock = SystemClock()
    async with asyncio.timeout(1):
        await clock.sleep_until(clock.now() - 10)
        await clock.sleep(-1)


@pytest.mark.parametrize("until", [float("inf"), 4_000_000_000.0])
async def test_a_signal_ends_a_wait(until: float) -> None:
    """Who is called comes, however long it meant to wait."""
    clock, signal = SystemClock(), asyncio.Event()
    asyncio.get_running_loop().call_soon(signal.set)
    async with asyncio.timeout(1):
        await clock.wait(signal, until)


async def test_a_wait_ends_at_its_time_without_a_signal() -> None:
    """Nobody calls: the time comes."""
    clock = SystemClock(scale=QUICK)
    started = clock.now()
    await clock.wait(asyncio.Event(), started + 100)
    assert clock.now() >= started + 100


def test_measured_time_is_scaled_too() -> None:
    """Durations are in the clock's own seconds."""
    clock = SystemClock(scale=QUICK)
    assert clock.monotonic() <= clock.monotonic()
