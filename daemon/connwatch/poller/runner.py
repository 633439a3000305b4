"""One source at work: workers take the target that is due, have it asked, and hand in what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from connwatch.core.agenda import Agenda
from connwatch.core.book import Book
from connwatch.core.model import NEVER, Failure
from connwatch.core.poll import Failed, Polled
from connwatch.core.ports import Fetch, SourceMemory, SourcePlan, StoppingError, Stored, Vitals
from connwatch.core.quota import refill
from connwatch.core.source import SourceState
from connwatch.poller.asking import Timed, ask
from connwatch.poller.errands import ERRANDS, Errands
from connwatch.poller.settler import Settler
from connwatch.poller.surroundings import Surroundings
from connwatch.poller.work import Inherited, PollEnded, TimePassed

COMFORT: Final = 0.5
"""Share of the quota that regular polls may need for urgency to be allowed on top."""
SLICE: Final = 2000
"""Connections that are judged anew before others get their turn."""


class SourceRunner:
    """Everything that runs for one source: workers, errands, and the settler that they hand in to."""

    def __init__(
        self,
        plan: SourcePlan,
        book: Book,
        fetch: Fetch,
        health: Callable[[], SourceState],
        around: Surroundings,
        memory: SourceMemory,
    ) -> None:
        self.plan = plan
        self.book = book
        self._fetch = fetch
        self._health = health
        self._clock = around.clock
        self._log = around.log
        self._settled = around.settled
        self._agenda = Agenda()
        self._stirred = asyncio.Event()
        self._turn = asyncio.Lock()
        self.taken_in = asyncio.Event()
        """Set when everything that was remembered is counted."""
        self._closing = False
        self._polled = False
        self._workers: Sequence[asyncio.Task[None]] = ()
        self.settler = Settler(
            book,
            self._agenda,
            around,
            spare=self._has_spare_quota,
            remember=self.memory,
            settled=self._on_settled,
        )
        self.errands = Errands(plan, book, fetch, self.settler, around, memory)

    async def run(self, stored: Stored | None = None, *, anew: bool = False) -> None:
        """Take in what is remembered, portion by portion, then ask for ever. Returns when `stop` was called and all polls have landed.

        What is counted already was a predecessor's, and is judged anew. `anew`: see `Inherited`. Raises what `stored` raises.
        """
        async with asyncio.TaskGroup() as group:
            settling = group.create_task(self.settler.run(), name=f"{self.plan.name} settler")
            for targets in self._inherited():
                self.settler.put(Inherited(targets, anew))
                await self.settler.drained()
            if stored is not None:
                await self._take_in(stored)
            self._polled = any(one.state.outcome is not None for one in self.book.records.values())
            self.taken_in.set()
            errands = group.create_task(self.errands.run(), name=f"{self.plan.name} errands")
            self._workers = [
                group.create_task(self._work(), name=f"{self.plan.name} worker {number}")
                for number in range(self.plan.quota.max_in_flight)
            ]
            await asyncio.wait(self._workers)
            errands.cancel()
            await self.settler.drained()
            settling.cancel()

    async def _take_in(self, stored: Stored) -> None:
        async for intake in stored(self.settler.wake):
            await self.settler.take_in(intake)
            del intake  # the fleet's to hold: what was and what becomes of it are never there as a whole

    def _inherited(self) -> Iterator[Sequence[str]]:
        """What a predecessor watched, in portions that are soon dealt with."""
        portion: list[str] = []
        size = 0
        for id_, record in tuple(self.book.records.items()):
            portion.append(id_)
            size += 1 + len(record.state.connections)
            if size >= SLICE:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion

    def stop(self) -> None:
        """Start no further poll."""
        self._closing = True
        self._stirred.set()

    def abandon(self) -> None:
        """Give up the polls that are still running: the time that they were given is over."""
        for worker in self._workers:
            worker.cancel()

    def time_passed(self, targets: Sequence[str]) -> None:
        """A deadline of these targets came."""
        self.settler.put(TimePassed(targets))

    def reasons(self) -> Sequence[str]:
        """Why this source is not ready yet: until it was discovered once, and polled once, be it in an earlier life.

        One that was tried in vain, or that asked to be left alone, keeps nobody waiting.
        """
        health = self._health()
        if health.up is False or health.open_at() > self._clock.now():
            return ()
        if "discovery" not in self.errands.tried:
            return (f"source {self.plan.name}: not discovered yet",)
        if self.book.records and not self._polled:
            return (f"source {self.plan.name}: not polled yet",)
        return ()

    @property
    def surveyed(self) -> bool:
        """Whether every errand was gone on once, and what it brought is settled."""
        return len(self.errands.tried) == len(ERRANDS) and self.settler.idle

    def vitals(self, now: float) -> Vitals:
        """How the source is doing."""
        health = self._health()
        return Vitals(
            source=self.plan.name,
            provider=self.plan.provider.name,
            up=health.up,
            lag=self._lag(now),
            quota_per_minute=self.plan.quota.per_minute,
            quota_factor=refill(health.quota, self.plan.quota, now).factor,
            poll_interval=self.plan.policy.poll_interval,
            discovered_at=self.errands.complete_at(),
        )

    def _lag(self, now: float) -> float:
        """How late the most overdue target is; a wait that the provider asked for is part of being due."""
        due = self._agenda.next_at()
        return 0.0 if due is None else max(0.0, now - max(due, self._health().open_at()))

    async def _work(self) -> None:
        while (target := await self._next()) is not None:
            try:
                await self._poll(target)
            except StoppingError:
                return

    async def _next(self) -> str | None:
        """The target that is due. None when no further poll is to start.

        One worker waits for it, the others for their turn: else all would wake for each target, and all but one in vain.
        """
        target = self._take()
        if target is None and not self._closing:
            async with self._turn:
                while (target := self._take()) is None and not self._closing:
                    self._stirred.clear()
                    await self._clock.wait(self._stirred, self._agenda.next_at() or NEVER)
        return target

    def _take(self) -> str | None:
        return None if self._closing else self._agenda.take(self._clock.now())

    async def _poll(self, target: str) -> None:
        record = self.book.records.get(target)
        if record is None:
            return
        poll = Timed(self.plan.provider.list(record.state, self._clock.now()), self._clock)
        answer = await ask(self._fetch, poll.carried(), self._log, target=target)
        event = Failed(answer, poll.began_at) if isinstance(answer, Failure) else Polled(answer, poll.began_at)
        self._polled = True
        self.settler.put(PollEnded(target, event, record.state.first_seen))

    def _has_spare_quota(self) -> bool:
        """Whether urgency is affordable: regular polls take half of the quota at most, and none is late."""
        now, policy = self._clock.now(), self.plan.policy
        demand = len(self.book.records) / policy.poll_interval * 60.0
        return demand <= COMFORT * self.plan.quota.per_minute and self._lag(now) < policy.poll_interval / 4

    def memory(self) -> SourceMemory:
        """What is remembered of the source as a whole."""
        return replace(self.errands.memory, not_before=self._health().not_before)

    def _on_settled(self) -> None:
        self._stirred.set()
        self._settled()
