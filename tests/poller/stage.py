"""A source at work in virtual time: a scripted way to the provider, a real store, a real fleet."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TypeVar

from msgspec.structs import replace

from connwatch.core.discovery import Discovery, Found, Own
from connwatch.core.fleet import Fleet
from connwatch.core.model import Connection, Failure, Step, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.poll import Listing, fingerprint
from connwatch.core.ports import Hints, SourceMemory, SourcePlan, StoppingError, Stored, Wake
from connwatch.core.quota import Quota, Rule
from connwatch.core.source import SourceState
from connwatch.core.tally import Tally
from connwatch.core.wire import Conversation, Refused, Reply, Request
from connwatch.log import Redaction, Volume, set_up
from connwatch.poller import SourceRunner, Surroundings, Timekeeper
from connwatch.stores.memory import MemoryStore
from tests.core.cast import NOW, POLICY, Item, asleep, read
from tests.fakes import FakeClock, FakeRecorder
from tests.fetch.toy import Toy, plan_for

T = TypeVar("T")
NOTHING = Reply(200, b"")


class Script(Toy):
    """A provider whose truth the test writes: connections by user, facts, hints; and failures where it wants them."""

    def __init__(self, users: Mapping[str, Sequence[Item]], *, now: float = NOW) -> None:
        super().__init__("http://127.0.0.1")
        self.users: dict[str, Sequence[Item]] = dict(users)
        self.failing: dict[str, Failure] = {}
        """By user, or by `discovery`, `institutions`, `hints`."""
        self.read: Callable[[Item], Connection] = read
        self.broken: set[str] = set()
        """Connections that make our reading break."""
        self.untold: set[str] = set()
        """Connections that are listed, and of which nothing is told: whoever doesn't know them can make nothing of that."""
        self.vacant: set[str] = set()
        """Users of whom discovery says that they have no connections."""
        self.facts: Facts | None = None
        self.told: Hints | None = None
        self.clock = FakeClock(now)
        self.asked: list[tuple[float, str]] = []
        """(when, who): one entry a conversation."""
        self.slow = 0.0
        """Seconds that an answer takes."""
        self.listed: Sequence[str] | None = None

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """All users, or those that are named."""
        yield from self._ask("discovery")
        return Discovery(
            tuple(Found(id_, vacant=id_ in self.vacant) for id_ in (self.users if listed is None else listed))
        )

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        """A user's connections."""
        yield from self._ask(state.target.id)
        if state.target.id not in self.users:
            raise Refused(Failure("not_found", status=404))
        items = {item.id: item for item in self.users[state.target.id]}
        told = {id_: self._read(item) for id_, item in items.items() if id_ not in self.untold}
        return Listing(items.keys(), told, {id_: fingerprint(items[id_]) for id_ in told})

    def institutions(self, now: float) -> Conversation[Facts] | None:
        """What it says of institutions, if anything."""
        return None if self.facts is None else self._say("institutions", self.facts)

    def hints(self, cursor: str, now: float) -> Conversation[Hints] | None:
        """What the feed tells, if there is one."""
        assert cursor is not None
        return None if self.told is None else self._say("hints", self.told)

    def _say(self, who: str, value: T) -> Conversation[T]:
        yield from self._ask(who)
        return value

    def _ask(self, who: str) -> Conversation[None]:
        self.asked.append((self.clock.monotonic(), who))
        yield Request("users", "/")
        if who in self.failing:
            raise Refused(self.failing[who])

    def _read(self, item: Item) -> Connection:
        if item.id in self.broken:
            raise ZeroDivisionError
        return self.read(item)

    def times(self, who: str) -> Sequence[float]:
        """When somebody was asked, in seconds since the start."""
        return [round(at, 3) for at, name in self.asked if name == who]


class Door:
    """The way to the provider: `core.ports.Fetch` without a network."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.closed = False
        self.queue = 0.0
        """Seconds for which a first request waits for the quota."""
        self.inside = 0
        self.most = 0

    async def converse(self, conversation: Conversation[T], *, target: str = "") -> T | Failure:
        """Answer each request, after a while."""
        assert target is not None
        if self.closed:
            raise StoppingError
        if self.queue:
            await self._script.clock.sleep(self.queue)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            next(conversation)
            await self._script.clock.sleep(self._script.slow)
            while True:
                conversation.send(NOTHING)
        except StopIteration as end:
            value: T = end.value
            return value
        except Refused as refused:
            return refused.failure
        finally:
            self.inside -= 1


class Stage:
    """Everything of one source that runs, and what it left behind."""

    def __init__(self, script: Script, policy: Policy = POLICY, *, places: int = 2, users_file: str = "") -> None:
        self.script = script
        self.clock = script.clock
        self.recorder = FakeRecorder()
        self.store = MemoryStore(self.recorder)
        self.fleet = Fleet()
        self.log = io.StringIO()
        self.health = SourceState(quota=Quota(at=self.clock.now()))
        self.door = Door(script)
        plan = plan_for(script, rule=Rule(per_minute=6000.0, burst=100, max_in_flight=places))
        self.plan: SourcePlan = replace(
            plan, name="bank", policy=policy, users_file=users_file, secrets=MappingProxyType({})
        )
        self.applied = 0
        self.runner: SourceRunner

    @asynccontextmanager
    async def playing(
        self,
        inherited: Sequence[TargetState] = (),
        memory: SourceMemory | None = None,
        *,
        stored: Stored | None = None,
        anew: bool = False,
    ) -> AsyncIterator[None]:
        """Let it run, with time that the test moves; stop it in order at the end. `anew`: see `Inherited`."""
        around = Surroundings(
            fleet=self.fleet,
            store=self.store,
            clock=self.clock,
            recorder=self.recorder,
            log=set_up(Volume("debug"), "json", Redaction(), stream=self.log),
            settled=self._settled,
        )
        book = self.fleet.open(self.plan.policy, Facts(), Tally(self.plan.policy, {}))
        self.fleet.take_in("bank", book.weigh([Step(state) for state in inherited]))
        self.runner = SourceRunner(
            self.plan, book, self.door, lambda: self.health, around, memory or SourceMemory(source="bank")
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runner.run(stored, anew=anew))
            await self.clock.advance(0)
            yield
            self.runner.stop()
            await self.clock.advance(120)

    @asynccontextmanager
    async def keeping_time(self) -> AsyncIterator[None]:
        """Let deadlines come while time is moved. It ticks each second: not for long stretches."""
        keeper = Timekeeper(
            self.fleet, self.clock, passed=lambda _, targets: self.runner.time_passed(targets), tick=_ignore
        )
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(keeper.run())
            yield
            keeping.cancel()

    def _settled(self) -> None:
        self.applied += 1

    def states(self) -> dict[str, TargetState]:
        """What the fleet knows of the targets."""
        return {id_: record.state for id_, record in self.fleet.books["bank"].records.items()}

    def count(self, condition: str) -> int:
        """Connections with this condition."""
        rows = self.fleet.groups.get("connections")
        return sum(count for labels, count in rows.items() if labels[-1] == condition)


def kept(states: Sequence[TargetState], size: int = 2) -> Stored:
    """What a store gives back of these targets, so many at a time."""

    async def stored(wake: Wake[T]) -> AsyncIterator[T]:
        for start in range(0, len(states), size):
            yield wake([(replace(one, connections={}), asleep(one)) for one in states[start : start + size]])

    return stored


def _ignore(_now: float) -> None:
    """Nothing is to be done at a tick."""
