"""The only one who changes a source's targets: decides by `core.step` what follows from what happened, commits it, and only then counts it.

It decides at once, one after the other, each time on what was decided last: so no two changes of a target ever meet, and
of a listing nothing is kept but what is news. It commits in batches, and what is exposed was committed before (decisions.md 18).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.agenda import Agenda
from connwatch.core.book import Book, Intake
from connwatch.core.discovery import reconcile
from connwatch.core.model import Note, Step, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Failed
from connwatch.core.ports import Asleep, SourceMemory, TargetMemory
from connwatch.core.schedule import hinted_due
from connwatch.core.step import drop, pass_time, rejudge, restored, resumed, step, unread
from connwatch.poller.asking import broken
from connwatch.poller.surroundings import Surroundings
from connwatch.poller.traces import trace, worth_storing
from connwatch.poller.work import (
    Discovered,
    ErrandFailed,
    FactsLearned,
    Hinted,
    Inherited,
    PollEnded,
    TimePassed,
    Work,
)

SOME: Final = 8
"""Targets that are counted before others get their turn: less than a millisecond's work."""
TURNS: Final = 8
"""All are counted in so many turns: were they ever so many, polls that end in between must not outrun them."""


class Settled(Struct, frozen=True, gc=False):
    """One decided step, on its way to the store and to the fleet. `before` is None for a target that is new."""

    step: Step
    before: TargetState | None = None
    asked: bool = False
    """It came of a poll, which gives its target back."""
    gone: bool = False


class Settler:
    """Settles what happens to the targets of one source. `remember` tells what is to be stored of the source itself."""

    def __init__(
        self,
        book: Book,
        agenda: Agenda,
        around: Surroundings,
        *,
        spare: Callable[[], bool],
        remember: Callable[[], SourceMemory],
        settled: Callable[[], None],
    ) -> None:
        self._book = book
        self._agenda = agenda
        self._fleet = around.fleet
        self._store = around.store
        self._clock = around.clock
        self._recorder = around.recorder
        self._log = around.log
        self._spare = spare
        self._remember = remember
        self._settled = settled
        self._remembered: SourceMemory | None = None
        self._decided: list[Settled] = []
        self._ahead: dict[str, Settled] = {}
        """Of each target what was decided last, until it is counted."""
        self._vacant = ""
        """The company of which the last discovery found nobody to ask, until that is told."""
        self._stirred = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, work: Work) -> None:
        """Take in what happened."""
        for one in self._decide(work, self._clock.now()):
            self._decided.append(one)
            self._ahead[one.step.state.target.id] = one
        # Of what is inherited, the next portion waits for this one.
        if isinstance(work, Inherited) or self._wait_is_news():
            self._store.hurry()
        self._idle.clear()
        self._stirred.set()

    def _wait_is_news(self) -> bool:
        """Whether the provider asked for quiet, and nobody wrote it down yet: who dies now must not come back too early."""
        written = self._remembered.not_before if self._remembered else 0.0
        return self._remember().not_before > written

    def wake(self, asleep: Iterable[Asleep]) -> Intake:
        """What became of targets that a store remembered. Called in its thread, one portion after the other."""
        policy, facts, now = self._book.policy, self._book.facts, self._clock.now()
        return self._book.weigh(restored(state, kept, policy, facts, now) for state, kept in asleep)

    async def take_in(self, intake: Intake) -> None:
        """Commit what changed of these targets while nobody watched, and count them."""
        news = [Settled(one, one.state) for one in intake.steps if one.moved]
        if news:
            self._store.hurry()  # the next portion waits for this one
            await self._commit(news)
        self._fleet.take_in(self._book.policy.source, intake)
        for one in intake.steps:
            self._agenda.put(one.state.target.id, one.state.due)
            self._tell(one)
        self._settled()

    @property
    def idle(self) -> bool:
        """Whether all that was handed in is settled."""
        return self._idle.is_set()

    async def drained(self) -> None:
        """Until all that was handed in is settled."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit and count for ever what is decided."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            settled, self._decided = self._decided, []
            await self._commit(settled)
            await self._count(settled)
            del settled
            if not self._stirred.is_set():
                self._idle.set()

    async def _commit(self, settled: Sequence[Settled]) -> None:
        now = self._clock.now()
        source, tally = self._book.policy.source, self._book.tally
        memories: list[TargetMemory | SourceMemory] = [
            trace(source, one.step, tally.promise(one.step), now, dropped=one.gone)
            for one in settled
            if one.before is None or one.gone or worth_storing(one.before, one.step)
        ]
        memory = self._remember()
        if memory != self._remembered:
            if self._wait_is_news():
                self._store.hurry()
            memories.append(memory)
            self._remembered = memory
        if memories:
            await self._store.commit(memories)

    async def _count(self, settled: Sequence[Settled]) -> None:
        some = max(SOME, len(settled) // TURNS)
        for number, one in enumerate(settled, 1):
            self._apply(one)
            if number % some == 0:
                await self._clock.sleep(0)
        if self._vacant and not self._book.records:
            self._fleet.know_empty(self._book.policy.source, self._vacant)
            self._vacant = ""
        self._settled()

    def _state(self, target: str) -> TargetState | None:
        """The state of a target after all that was decided so far."""
        decided = self._ahead.get(target)
        if decided is not None:
            return None if decided.gone else decided.step.state
        record = self._book.records.get(target)
        return record.state if record else None

    def _known(self) -> Mapping[str, TargetState]:
        """All targets after all that was decided so far."""
        states = {id_: self._state(id_) for id_ in (*self._book.records, *self._ahead)}
        return {id_: state for id_, state in states.items() if state is not None}

    def _decide(self, work: Work, now: float) -> Sequence[Settled]:
        match work:
            case PollEnded():
                settled = self._polled(work, now)
            case TimePassed(targets=targets):
                settled = self._each(targets, lambda state: pass_time(state, self._book.policy, self._book.facts, now))
            case Discovered():
                settled = self._discovered(work, now)
            case FactsLearned(facts=facts):
                settled = self._informed(facts, now)
            case Hinted(targets=targets):
                settled = self._each(targets, lambda state: _sooner(state, hinted_due(state, self._book.policy, now)))
            case Inherited(targets=targets, anew=anew):
                settled = self._each(targets, lambda state: self._inherited(unread(state) if anew else state, now))
            case ErrandFailed():
                settled = ()
        return settled

    def _polled(self, poll: PollEnded, now: float) -> Sequence[Settled]:
        before, event = self._state(poll.target), poll.event
        if before is None or before.first_seen != poll.first_seen:
            return ()
        policy, facts, spare = self._book.policy, self._book.facts, self._spare()
        try:
            after = step(before, event, policy, facts, now, spare=spare)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not stop the other targets
            failure = broken(fault, self._log)
            after = step(before, Failed(failure, event.started_at), policy, facts, now)
        gone = after.state.outcome == "not_found" and after.state.absent_since is not None
        return (Settled(after, before, asked=True, gone=gone),)

    def _each(self, targets: Iterable[str], decide: Callable[[TargetState], Step]) -> Sequence[Settled]:
        states = (self._state(target) for target in targets)
        return [Settled(decide(state), state) for state in states if state is not None]

    def _inherited(self, state: TargetState, now: float) -> Step:
        """Judged by the policy in force."""
        policy = self._book.policy
        return resumed(rejudge(state, policy, self._book.facts, now), policy, now)

    def _discovered(self, work: Discovered, now: float) -> Sequence[Settled]:
        known = self._known()
        result = reconcile(known, work.discovery, self._book.policy, now, company=work.company)
        self._vacant = "" if result.changed or len(result.gone) < len(known) else work.company
        kept = [Settled(Step(state), known.get(state.target.id)) for state in result.changed]
        return kept + [Settled(drop(known[id_], now), known[id_], gone=True) for id_ in result.gone]

    def _informed(self, facts: Facts, now: float) -> Sequence[Settled]:
        """Judge again where the provider's word on an institution makes a difference."""
        affected = {institution for institution, _ in facts.attended ^ self._book.facts.attended}
        self._book.facts = facts
        settled = []
        for state in self._known().values() if affected else ():
            ids = [id_ for id_, one in state.connections.items() if one.seen.institution in affected]
            if ids:
                settled.append(Settled(rejudge(state, self._book.policy, facts, now, ids), state))
        return settled

    def _apply(self, settled: Settled) -> None:
        source, state = self._book.policy.source, settled.step.state
        id_ = state.target.id
        if self._ahead[id_] is settled:
            del self._ahead[id_]
        self._fleet.apply(source, settled.step)
        if settled.gone:
            self._fleet.remove(source, id_)
            self._agenda.remove(id_)
        elif settled.asked:
            self._agenda.give_back(id_, state.due)
        else:
            self._agenda.put(id_, state.due)
        if settled.asked and state.outcome is not None:
            self._recorder.polled(source, self._book.policy.provider, state.outcome)
        self._tell(settled.step)

    def _tell(self, step_: Step) -> None:
        for note in step_.notes:
            self.write(note, step_.state)

    def write(self, note: Note, state: TargetState | None = None) -> None:
        """Write a note to the log. End users are named by a hash: their ids are theirs."""
        facts = {key: value for key, value in note.facts.items() if value not in {None, ""}}
        if state is not None:
            facts["target"] = state.target.company if state.target.name else _tag(state.target.id)
        getattr(self._log, note.level)(note.event, **facts)


def _sooner(state: TargetState, due: float) -> Step:
    return Step(replace(state, due=min(state.due, due)))


def _tag(target: str) -> str:
    return blake2b(target.encode(), digest_size=4).hexdigest()
