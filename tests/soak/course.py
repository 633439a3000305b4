"""The course of a soak: each hour what the timetable wants, a scrape, and a look at the memory; in the end the comparison.

A hundred thousand connections are 36 000 targets: a sweep takes some 40 000 requests, of which two cores carry a few
hundred in a second. So everybody is asked once a day instead of every fifteen to thirty minutes, as the default quotas allow;
two weeks are then some 800 000 requests. Time jumps by two minutes at the least, for every instant costs something too. Series
for single connections are off unless they are asked for: they take as long again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Final

from aiohttp import ClientSession, ClientTimeout
from anyio import to_thread
from msgspec import Struct

from connwatch.clock import SystemClock
from connwatch.core.ports import Clock
from tests.soak.clock import START
from tests.soak.comparison import against_newborn, against_truth
from tests.soak.lives import Lives, occupied
from tests.soak.operating import AT_ONCE, NAMES, TIMETABLE, Operator, configuration
from tests.soak.samples import Samples, total
from tests.soak.verdict import Census, Observed

HOUR: Final = 3600.0
DAY: Final = 24
SWEEPS: Final = 2
"""Complete looks at everything after which all must be counted: what the first one lacks, the second one takes away."""
MOMENTS: Final = 5
"""So many jumps of time lie between two looks of the comparison: what changes at an instant may wait for its commit."""
EVERYTHING: Final = "connwatch_"


class Settings(Struct, frozen=True):
    """How much, and how finely: time jumps by at least `grain` seconds."""

    days: int
    connections: int
    seed: int
    grain: float
    per_connection: str

    @property
    def pace(self) -> float:
        """Things that happen by themselves in a minute: one in seventy connections changes in a day."""
        return max(0.5, self.connections / 100_000)


class Soak:
    """One soak under way. `origin` is where the providers are; `tell` takes a line a day."""

    def __init__(
        self, settings: Settings, folder: Path, origin: str, clock: Clock, tell: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._origin = origin
        self._tell = tell
        self._clock = clock
        self._lives: Lives
        self._operator: Operator
        self._memory: list[int] = []
        """After each hour."""
        self._alive: list[Census] = []
        """After each day."""

    async def run(self) -> Observed:
        """From the first day to the last."""
        await _fill_pools()
        async with ClientSession(self._origin, timeout=ClientTimeout()) as providers, asyncio.TaskGroup() as group:
            self._lives = Lives(group, self._clock, self._folder)
            users = self._folder / "basiq-users.txt"
            told = configuration(self._origin, self._folder / "state.db", users, self._settings.per_connection)
            self._operator = Operator(self._lives, providers, told, users)
            await self._operator.list_users()
            await self._lives.start(self._operator.told)
            for hour in range(self._settings.days * DAY):
                await self._live_through(*divmod(hour, DAY))
            return await self._conclude(group)

    async def _live_through(self, day: int, hour: int) -> None:
        for entry in TIMETABLE:
            if entry.is_due(day, hour):
                await entry.deed(self._operator, day)
        await self._clock.sleep_until(START + (day * DAY + hour + 1) * HOUR)
        found = await self._lives.scrape("connwatch_polls_total")
        self._memory.append(occupied())
        if hour == DAY - 1:
            await self._report(day + 1, found)

    async def _report(self, day: int, found: Samples) -> None:
        seen, held = await self._operator.ask("/soak/witness"), self._lives.census()
        self._alive.append(held)
        polls = self._lives.polls + int(total(found, "connwatch_polls_total"))
        self._tell(
            f"day {day:2}: {polls} polls, {sum(seen['requests'].values())} requests, {seen['connections']} connections,"
            f" {self._memory[-1] / 1e6:.1f} MB, {held.files} files, {held.tasks} tasks, {held.threads} threads"
        )

    async def _conclude(self, group: asyncio.TaskGroup) -> Observed:
        """The providers are well and change no more: soon all must be as they say."""
        operator, lives = self._operator, self._lives
        await operator.list_users()
        await operator.order("/soak/weather", provider="*", weather="none")
        await operator.order("/soak/freeze")
        busiest = (await operator.ask("/soak/witness"))["busiest"]
        quotas = {name: source.quota for name, source in lives.plan().sources.items()}
        for name in NAMES:
            operator.told["sources"][name] |= AT_ONCE
        await operator.reload(operator.told)
        differences = await self._compare(group)
        seen = await operator.ask("/soak/witness")
        await lives.stop()
        return Observed(
            date=datetime.fromtimestamp(SystemClock().now(), UTC).date().isoformat(),
            days=self._settings.days,
            connections=self._settings.connections,
            requests=sum(seen["requests"].values()),
            polls=lives.polls,
            restarts=operator.restarts,
            deaths=operator.deaths,
            reloads=operator.reloads,
            waits=seen["waits"],
            memory_after_first_day=self._memory[DAY - 1],
            memory_at_end=self._memory[-1],
            before=lives.before,
            alive=self._alive,
            after=lives.left,
            differences=differences,
            violations=seen["violations"],
            undercut=seen["undercut"],
            busiest=busiest,
            quota={name: int(rule.per_minute + rule.burst) for name, rule in quotas.items()},
            errors=lives.errors(),
        )

    async def _compare(self, group: asyncio.TaskGroup) -> Sequence[str]:
        """With the truth, and with a daemon that was born today."""
        await self._sweep(self._lives, SWEEPS)
        nursery = self._folder / "newborn"
        nursery.mkdir()
        newborn = Lives(group, self._clock, nursery)
        await newborn.start({**deepcopy(self._operator.told), "store": "memory:"})
        await self._sweep(newborn, 1)
        truth, targets = await self._operator.ask("/control/truth"), await self._operator.ask("/soak/targets")
        before = await newborn.scrape(EVERYTHING)
        await self._clock.sleep(MOMENTS * self._settings.grain)
        found = await self._lives.scrape(EVERYTHING)
        await self._clock.sleep(MOMENTS * self._settings.grain)
        after = await newborn.scrape(EVERYTHING)
        await newborn.stop()
        return [*against_truth(found, truth, targets), *against_newborn(found, before, after)]

    async def _sweep(self, lives: Lives, times: int) -> None:
        """Until everybody was asked so many times from now on."""
        for _ in range(times):
            began, name = self._clock.now(), "connwatch_sweep_last_complete_timestamp_seconds"
            while True:
                done = (await lives.scrape(name)).get(name, {})
                if len(done) == len(NAMES) and min(done.values()) > began:
                    break
                await self._clock.sleep(30.0)


async def _fill_pools() -> None:
    """Have the threads from the beginning that are kept for later: what comes on top is left behind by somebody.

    asyncio gets one for all that is put aside; those who watch files, two at a time in the end, have theirs of anyio.
    """
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    await asyncio.to_thread(int)
    both = Barrier(2)
    async with asyncio.TaskGroup() as group:
        for _ in range(both.parties):
            group.create_task(to_thread.run_sync(both.wait))
