"""Time for two processes that talk to each other: it stands still while either has something to do, and jumps when both wait.

So a day takes as long as the work in it, a busy machine makes nothing late, and whatever is compared is compared at one
instant. The daemon's process leads and the providers' process follows; each runs a loop whose selector keeps the time. Before
it jumps, the leader asks the follower to answer as soon as that one is idle too. All timers of both loops go by this time,
timeouts of requests included; what only threads wait for goes by the machine's.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from math import inf, isnan, nan
from selectors import EVENT_READ, EpollSelector, SelectorKey
from typing import Final, TypeVar, TypeVarTuple, Unpack

from connwatch.clock import SystemClock

START: Final = 1_790_000_000.0
"""Unix seconds at which every soak begins."""
_INSTANT: Final = struct.Struct("d")
_ARE_YOU_IDLE: Final = nan

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Event = tuple[SelectorKey, int]


class TimeKeeper(EpollSelector):
    """Waits for sockets as any selector does. Besides, it knows what time it is, and hears the other process on a link."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__()
        self.elapsed = 0.0
        """Seconds since START."""
        self._link = link
        self.register(link, EVENT_READ)

    def look(self, timeout: float | None) -> list[Event]:
        """What happened elsewhere than on the link within so many real seconds. What the link brought is heard first."""
        events = super().select(timeout)
        if any(key.fileobj is self._link for key, _ in events):
            message = b""
            with suppress(ConnectionResetError):
                message = self._link.recv(_INSTANT.size)
            if message:
                self.hear(*_INSTANT.unpack(message))
            else:
                self.unregister(self._link)
                self.lose()
        return [(key, mask) for key, mask in events if key.fileobj is not self._link]

    @abstractmethod
    def hear(self, instant: float) -> None:
        """Take in what the other process says."""

    @abstractmethod
    def lose(self) -> None:
        """The other process is gone."""

    def say(self, instant: float) -> None:
        """Tell the other process; if it is gone, `look` will notice."""
        with suppress(BrokenPipeError):
            self._link.send(_INSTANT.pack(instant))

    def next_timer(self, timeout: float | None) -> float:
        """When the loop wants to go on by itself."""
        return inf if timeout is None else self.elapsed + timeout


class Leader(TimeKeeper):
    """Decides when time jumps, and how far: to the next timer of either process, and by `grain` seconds at the least."""

    def __init__(self, link: socket.socket, grain: float) -> None:
        super().__init__(link)
        self.threads = 0
        """Threads that work for this loop now."""
        self._grain = grain
        self._alone = False
        self._asked = False
        self._answer: float | None = None
        """The next timer of the other process, if it is idle and nothing has happened here since it was asked."""

    def hear(self, instant: float) -> None:
        self._asked, self._answer = False, instant

    def lose(self) -> None:
        self._alone = True

    def select(self, timeout: float | None = None) -> list[Event]:
        """What happened; nothing, if it is later now."""
        events = self.look(0)
        while not events and (timeout is None or timeout > 0):
            if self.threads:
                events = self.look(None)
                continue
            if not self._alone:
                events = self._wait_for_the_other()
            if not events and (self._alone or self._answer is not None):
                return self._jump(timeout)
        self._answer = None
        return events

    def _wait_for_the_other(self) -> list[Event]:
        outdated = self._asked  # something happened here since then: the answer will say nothing
        if not outdated:
            self._asked = True
            self.say(_ARE_YOU_IDLE)
        self._answer = None
        events = self.look(None)
        if outdated:
            self._answer = None
        return events

    def _jump(self, timeout: float | None) -> list[Event]:
        events = self.look(0)
        theirs = inf if self._answer is None else self._answer
        to = max(self.elapsed + self._grain, min(self.next_timer(timeout), theirs))
        self._answer = None
        if not events and to < inf:
            self.elapsed = to
            self.say(to)
        return events


class Follower(TimeKeeper):
    """Says when it is idle, if asked, and takes over the time that it is told."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self._asked = False

    def hear(self, instant: float) -> None:
        if isnan(instant):
            self._asked = True
        else:
            self.elapsed = instant

    def lose(self) -> None:
        raise SystemExit

    def select(self, timeout: float | None = None) -> list[Event]:
        """What happened; nothing, if it is later now."""
        events, before = self.look(0), self.elapsed
        while not events and self.elapsed == before and (timeout is None or timeout > 0):
            if self._asked:
                self._asked = False
                self.say(self.next_timer(timeout))
            events = self.look(None)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives in the time of its selector."""

    def __init__(self, keeper: TimeKeeper) -> None:
        self._keeper = keeper
        super().__init__(keeper)

    def time(self) -> float:
        """Seconds since START."""
        return self._keeper.elapsed

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As everywhere; and time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        if isinstance(keeper := self._keeper, Leader):
            keeper.threads += 1
            future.add_done_callback(lambda _: setattr(keeper, "threads", keeper.threads - 1))
        return future


class VirtualClock(SystemClock):
    """The Clock port in that time."""

    def __init__(self, keeper: TimeKeeper) -> None:
        super().__init__()
        self._keeper = keeper

    def now(self) -> float:
        return START + self._keeper.elapsed

    def monotonic(self) -> float:
        return self._keeper.elapsed
