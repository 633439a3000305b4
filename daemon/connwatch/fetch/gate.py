"""The gate of a source: each request passes it, one after the other, as the quota and the source itself allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from msgspec.structs import replace

from connwatch.core import quota as budget
from connwatch.core.model import NEVER, Failure, Note
from connwatch.core.policy import Policy
from connwatch.core.ports import Clock, Recorder, StoppingError
from connwatch.core.source import Answer, Heeded, SourceState, credential_changed, heed, slowed


class Gate:
    """Keeps a source's budget, and hears how its requests end. First come, first served."""

    def __init__(
        self,
        policy: Policy,
        rule: budget.Rule,
        clock: Clock,
        recorder: Recorder,
        *,
        not_before: float = 0.0,
        tell: Callable[[Note], None] = lambda _note: None,
    ) -> None:
        self.policy = policy
        self.rule = rule
        self.state = SourceState(quota=budget.Quota(at=clock.now()), not_before=not_before)
        self.targets = 0
        """How many targets the source has: with fewer than three, fewer strikes do."""
        self._clock = clock
        self._recorder = recorder
        self._tell = tell
        self._turn = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._in_flight = 0
        self._prober: Bearer | None = None
        """Who tries a rejected credential again."""
        self._closed = False

    def asking(self) -> Bearer:
        """Someone who asks with the credential, be it in several requests: a token, and another try with a new one.

        While the credential is rejected, one such alone tries it again; the others wait for what it brings (decisions.md 8).
        """
        return Bearer(self)

    def admitted(self, who: Bearer | None = None) -> Place:
        """Wait for the quota, the source and a free place; hold the place. Raises StoppingError.

        `who` is of `asking`; None for a request without the credential.
        """
        return Place(self, who)

    async def enter(self, who: Bearer | None) -> None:
        """Take a place, as soon as there is one. Raises StoppingError."""
        asked_at = self._clock.now()
        if self._prober is not None and who in {None, self._prober}:
            # Whoever has the turn may be waiting for the prober: which must not wait for its turn.
            await self._opened(who)
        else:
            async with self._turn:
                await self._opened(who)
        self._recorder.waited(self.policy.source, self.policy.provider, max(0.0, self._clock.now() - asked_at))

    def leave(self) -> None:
        """Give a place back."""
        self._in_flight -= 1
        self._stirred.set()

    def done(self, who: Bearer) -> None:
        """Somebody asks no more: another one may try the credential."""
        if self._prober is who:
            self._prober = None
            self._stirred.set()

    async def _opened(self, who: Bearer | None) -> None:
        """Wait until a request may start, and take its place."""
        while not self._closed:
            self._stirred.clear()
            now = self._clock.now()
            opens = self._opens_at(who, now)
            if opens <= now:
                taken = budget.take(self.state.quota, self.rule, now)
                self.state = replace(self.state, quota=taken.quota)
                if not taken.wait:
                    self._in_flight += 1
                    self._prober = who if self.state.rejected and who is not None else self._prober
                    return
                opens = now + taken.wait
            await self._clock.wait(self._stirred, opens)
        raise StoppingError

    def _opens_at(self, who: Bearer | None, now: float) -> float:
        full = self._in_flight >= budget.in_flight(budget.refill(self.state.quota, self.rule, now), self.rule)
        probed = self.state.rejected and who is not None and self._prober not in {None, who}
        return NEVER if full or probed else self.state.open_at()

    def heard(self, answer: Answer) -> Failure | None:
        """Take in how an authenticated request ended; the failure as it is to be counted."""
        return self._take_in(heed(self.state, answer, self.rule, self.policy, self.targets, self._clock.now()))

    def told_to_wait(self, failure: Failure) -> None:
        """Take in a wait that was asked of a request without the credential."""
        self._take_in(slowed(self.state, failure, self.rule, self.policy, self._clock.now()))

    def _take_in(self, heeded: Heeded) -> Failure | None:
        self.state = heeded.state
        for note in heeded.notes:
            self._tell(note)
        self._stirred.set()
        return heeded.failure

    def retry_credential(self) -> None:
        """A secret changed: it may be tried at once."""
        self.state = credential_changed(self.state)
        self._stirred.set()

    def close(self) -> None:
        """Let no further request start."""
        self._closed = True
        self._stirred.set()


class Bearer:
    """Who asks with the credential, for as long as it takes."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gate.done(self)


class Place:
    """A place among the requests in flight: waited for, held, given back."""

    def __init__(self, gate: Gate, who: Bearer | None) -> None:
        self._gate = gate
        self._who = who

    async def __aenter__(self) -> None:
        await self._gate.enter(self._who)

    async def __aexit__(self, *_: object) -> None:
        self._gate.leave()
