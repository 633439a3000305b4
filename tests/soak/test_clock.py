"""Time that two processes share: it stands still while either works, and jumps when both wait."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from tests.soak.clock import START, Follower, Leader, VirtualClock, VirtualLoop

Leading: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter, VirtualClock], Awaitable[Any]]
ABOUT: Any = pytest.approx


async def echo(wire: socket.socket, clock: VirtualClock) -> None:
    """Give each byte back after so many seconds as it says."""
    reader, writer = await asyncio.open_connection(sock=wire)
    while byte := await reader.read(1):
        await clock.sleep(byte[0])
        writer.write(byte)
    writer.close()


def together(leading: Leading, *, grain: float) -> Any:
    """What comes of this, while another loop echoes at the other end of a wire and follows the time."""
    near, far = socket.socketpair()
    lead, follow = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    leader, follower = Leader(lead, grain), Follower(follow)

    def echoing() -> None:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(follower)) as runner:
            runner.run(echo(far, VirtualClock(follower)))

    async def talking() -> Any:
        reader, writer = await asyncio.open_connection(sock=near)
        try:
            return await leading(reader, writer, VirtualClock(leader))
        finally:
            writer.close()
            await writer.wait_closed()

    other = threading.Thread(target=echoing)
    other.start()
    with lead, follow:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(leader)) as runner:
            came = runner.run(talking())
        other.join()
    return came


def test_time_jumps_to_what_either_waits_for() -> None:
    """An answer that takes 200 seconds takes exactly these, while who waits for it has a timer for every ten."""

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: VirtualClock) -> list[float]:
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                await clock.sleep(10)
                ticks.append(clock.now() - START)

        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick())
            writer.write(bytes([205]))
            assert await reader.read(1) == bytes([205])
            ticking.cancel()
        return [*ticks, clock.monotonic()]

    assert together(ask, grain=0.5) == [ABOUT(float(at)) for at in (*range(10, 210, 10), 205)]


def test_answers_cost_no_time() -> None:
    """However long the other one really takes: while it is at work, a timer of a moment does not fire."""

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: VirtualClock) -> float:
        for _ in range(200):
            writer.write(bytes([0]))
            async with asyncio.timeout(1e-6):
                await reader.read(1)
        return clock.monotonic()

    assert together(ask, grain=1.0) == 0.0


def test_time_stands_still_while_a_thread_works() -> None:
    """What is put aside into a thread is done at the instant at which it was begun."""

    async def work(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, clock: VirtualClock) -> list[float]:
        came: list[float] = []

        async def nap() -> None:
            await clock.sleep(0.001)
            came.append(clock.monotonic())

        async with asyncio.TaskGroup() as group:
            group.create_task(nap())
            await asyncio.to_thread(sum, range(1_000_000))
            came.append(clock.monotonic())
        return came

    assert together(work, grain=2.0) == [0.0, 2.0]


def test_time_jumps_by_the_grain_at_least() -> None:
    """Shorter waits take as long as that: so a long time has few instants."""

    async def nap(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, clock: VirtualClock) -> float:
        for _ in range(3):
            await clock.sleep(1.0)
        return clock.monotonic()

    assert together(nap, grain=60.0) == 180.0


def test_who_is_left_alone_goes_on() -> None:
    """When the other process is gone, nobody waits for its answers: all can end in order."""
    lead, follow = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    follow.close()
    leader = Leader(lead, grain=1.0)
    with lead, asyncio.Runner(loop_factory=lambda: VirtualLoop(leader)) as runner:
        runner.run(VirtualClock(leader).sleep(5.0))
    assert leader.elapsed == 5.0
