"""What a source is asked for beside its targets: who is there, how its institutions are, whose connections changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from connwatch.core.book import Book
from connwatch.core.discovery import Discovery, Own
from connwatch.core.model import Failure
from connwatch.core.ports import Fetch, Hints, SourceMemory, SourcePlan, StoppingError
from connwatch.core.schedule import backoff
from connwatch.poller.asking import ask
from connwatch.poller.settler import Settler
from connwatch.poller.surroundings import Surroundings
from connwatch.poller.work import Discovered, ErrandFailed, FactsLearned, Hinted

ERRANDS: Final = ("discovery", "institutions", "hints")


class Errands:
    """The errands of one source, each in its own rhythm, and what is remembered of them."""

    def __init__(
        self,
        plan: SourcePlan,
        book: Book,
        fetch: Fetch,
        settler: Settler,
        around: Surroundings,
        memory: SourceMemory,
    ) -> None:
        self.memory = memory
        self.tried: set[str] = set()
        """Errands that were gone on at least once, by name."""
        self.failing: dict[str, Failure] = {}
        """Errands whose last try failed, and why."""
        self._plan = plan
        self._book = book
        self._fetch = fetch
        self._settler = settler
        self._clock = around.clock
        self._log = around.log
        self._rediscover = asyncio.Event()

    def rediscover(self) -> None:
        """Discover now: the file with the users changed."""
        self._rediscover.set()

    def complete_at(self) -> float | None:
        """Since when we know who is there, and how institutions are, where the provider tells that."""
        discovered_at, told_at = self.memory.discovered_at, self.memory.facts.complete_at
        if discovered_at is None or self._plan.provider.institutions(self._clock.now()) is None:
            return discovered_at
        return None if told_at is None else min(discovered_at, told_at)

    async def run(self) -> None:
        """Go on all errands for ever."""
        errands = {"discovery": self._discover, "institutions": self._ask_institutions, "hints": self._ask_hints}
        async with asyncio.TaskGroup() as group:
            for name in ERRANDS:
                stir = self._rediscover if name == "discovery" else asyncio.Event()
                group.create_task(self._repeat(name, errands[name], stir))

    async def _repeat(self, name: str, errand: Callable[[], Awaitable[Failure | None]], stir: asyncio.Event) -> None:
        interval, failures = self._plan.policy.discovery_interval, 0
        while True:
            stir.clear()
            try:
                failure = await errand()
            except StoppingError:
                return
            failures = 0 if failure is None else failures + 1
            self._tell(name, failure)
            if failure is not None:
                self._settler.put(ErrandFailed())
            self.tried.add(name)
            pause = interval if failure is None else backoff(failures, interval)
            await self._clock.wait(stir, self._clock.now() + pause)

    def _tell(self, name: str, failure: Failure | None) -> None:
        """Say once when it breaks, and once when it heals."""
        if failure is None:
            if self.failing.pop(name, None) is not None:
                self._log.info("errand_recovered", errand=name)
            return
        write = self._log.debug if name in self.failing else self._log.warning
        write("errand_failed", errand=name, outcome=failure.outcome, status=failure.status, detail=failure.detail)
        self.failing[name] = failure

    async def _discover(self) -> Failure | None:
        now = self._clock.now()
        listed = await listed_targets(self._plan, self.memory.announced, self._own)
        answer: Discovery | Failure
        if isinstance(listed, Failure):
            answer = listed
        else:
            answer = await ask(self._fetch, self._plan.provider.discover(listed, now, self._own), self._log)
        if isinstance(answer, Failure):
            return answer
        if listed is not None:
            answer = self._as_configured(answer)
        self.memory = replace(self.memory, discovered_at=now)
        self._settler.put(Discovered(answer, self._plan.provider.company))
        return None

    def _own(self, id_: str) -> str:
        record = self._book.records.get(id_)
        return id_ if record is None else record.state.target.id

    def _as_configured(self, discovery: Discovery) -> Discovery:
        """What the configuration no longer names is gone at once: that is the operator's word, not a provider's silence."""
        found = {one.id for one in discovery.found}
        return replace(discovery, removed=discovery.removed | (self._book.records.keys() - found))

    async def _ask_institutions(self) -> Failure | None:
        conversation = self._plan.provider.institutions(self._clock.now())
        if conversation is None:
            return None
        facts = await ask(self._fetch, conversation, self._log)
        if isinstance(facts, Failure):
            return facts
        self.memory = replace(self.memory, facts=facts)
        self._settler.put(FactsLearned(facts))
        return None

    async def _ask_hints(self) -> Failure | None:
        now = self._clock.now()
        conversation = self._plan.provider.hints(self.memory.cursor, now)
        if conversation is None:
            return None
        hints = await ask(self._fetch, conversation, self._log)
        if isinstance(hints, Failure):
            return hints
        self._heed(hints)
        return None

    def _heed(self, hints: Hints) -> None:
        announced = (self.memory.announced | {one.id for one in hints.found}) - hints.removed
        if announced != self.memory.announced:
            self._rediscover.set()
        self.memory = replace(self.memory, cursor=hints.cursor, announced=announced)
        if hints.gap:
            self._log.warning("events_missed", targets=len(self._book.records))
        changed = self._book.records.keys() if hints.gap else hints.changed | hints.removed
        self._settler.put(Hinted(tuple(changed)))


async def listed_targets(plan: SourcePlan, announced: frozenset[str], own: Own = str) -> Sequence[str] | Failure | None:
    """The targets that the configuration names, with those that events told of; None if they are to be discovered."""
    listed = plan.provider.listed
    if plan.users_file:
        try:
            listed = await asyncio.to_thread(_ids_in, Path(plan.users_file), own)
        except (OSError, UnicodeDecodeError) as fault:
            return Failure(outcome="schema", detail=f"{plan.users_file} can't be read: {type(fault).__name__}")
    return None if listed is None else tuple(dict.fromkeys((*listed, *sorted(announced))))


def _ids_in(path: Path, own: Own) -> list[str]:
    """The ids in a file, one a line; `#` starts a comment. Raises OSError, and UnicodeDecodeError."""
    with path.open(encoding="utf-8") as lines:
        return [own(id_) for line in lines if (id_ := line.split("#", 1)[0].strip())]
