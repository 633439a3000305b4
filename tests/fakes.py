"""Small real implementations of the ports, for tests: time that passes when it is told to, and a recorder that remembers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

from connwatch.core.model import Outcome
from connwatch.core.ports import Signal

_TURNS = 50
"""How often the loop gets its turn at an instant of virtual time, so that whatever was woken has run as far as it can."""
_PATIENCE = 1.8
"""Real seconds after which something that doesn't come about fails the test."""


class FakeClock:
    """Virtual time: it stands still until `advance` moves it, and wakes whoever waited, in order."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = self._start = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._now - self._start

    async def sleep(self, seconds: float) -> None:
        """Wait until time has been moved that far; just let others run, if there is nothing to wait for."""
        if seconds > 0:
            await self.sleep_until(self._now + seconds)
        else:
            await turn()

    async def sleep_until(self, at: float) -> None:
        """Wait until time has been moved there."""
        if at <= self._now:
            await turn()
            return
        woken = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (at, next(self._numbers), woken))
        await woken

    async def wait(self, signal: Signal, until: float) -> None:
        """Wait for the signal or for that instant."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_given(signal)), group.create_task(self.sleep_until(until))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, with everything that happens in it."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heappop(self._sleepers)
            if woken.done():
                continue
            self._now = max(self._now, at)
            woken.set_result(None)
            await settle()
        self._now = end
        await settle()


async def _given(signal: Signal) -> None:
    await signal.wait()


async def turn() -> None:
    """Give the loop one turn."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(_resolve, future)
    with suppress(asyncio.InvalidStateError):
        await future


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def settle() -> None:
    """Let everything that can run now run."""
    for _ in range(_TURNS):
        await turn()


async def until(happened: Callable[[], bool], *, patience: float = _PATIENCE) -> None:
    """Let others run until it has happened: for what a thread or a socket brings about, which `settle` cannot wait for."""
    async with asyncio.timeout(patience):
        while not happened():
            await turn()


class FakeRecorder:
    """Remembers what it was told, under the names of the port."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str, str]] = Counter()
        self.polls: Counter[tuple[str, str, Outcome]] = Counter()
        self.waits: dict[str, float] = {}
        self.tokens: dict[str, float] = {}
        self.skews: dict[str, float] = {}
        self.commits: list[float] = []
        self.store_states: list[bool] = []
        self.store_failures = 0
        self.reloads: list[tuple[bool, float, str]] = []

    def requested(self, source: str, provider: str, endpoint: str, code: str, seconds: float) -> None:
        """A request ended."""
        self.requests[source, provider, endpoint, code] += 1
        assert seconds >= 0

    def polled(self, source: str, provider: str, outcome: Outcome) -> None:
        """A poll ended."""
        self.polls[source, provider, outcome] += 1

    def waited(self, source: str, provider: str, seconds: float) -> None:
        """A request waited for the quota."""
        assert provider
        self.waits[source] = self.waits.get(source, 0.0) + seconds

    def token(self, source: str, provider: str, expires_at: float) -> None:
        """A token was obtained."""
        assert provider
        self.tokens[source] = expires_at

    def skewed(self, source: str, provider: str, seconds: float) -> None:
        """The provider's clock differs."""
        assert provider
        self.skews[source] = seconds

    def committed(self, seconds: float) -> None:
        """A batch was committed."""
        self.commits.append(seconds)

    def store_up(self, up: bool) -> None:
        """The store can, or can't."""
        self.store_states.append(up)

    def store_failed(self) -> None:
        """A commit failed."""
        self.store_failures += 1

    def reloaded(self, ok: bool, at: float, digest: str) -> None:
        """The configuration was read."""
        self.reloads.append((ok, at, digest))
