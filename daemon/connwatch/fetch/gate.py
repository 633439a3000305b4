"""The gate of a source: each request passes it, one after the other, as the quota and the source itself allow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from connwatch.core import quota as budget
from connwatch.core.model import NEVER, Failure, Note
from connwatch.core.policy import Policy
from connwatch.core.ports import Clock, Recorder, StoppingError
from connwatch.core.source import Answer, SourceState, credential_changed, heed


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
        self._probing = False
        self._closed = False

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for the quota, the source and a free place; hold the place. Raises StoppingError."""
        asked_at = self._clock.now()
        async with self._turn:
            probe = await self._opened()
            self._in_flight += 1
            self._probing = self._probing or probe
        self._recorder.waited(self.policy.source, self.policy.provider, max(0.0, self._clock.now() - asked_at))
        try:
            yield
        finally:
            self._in_flight -= 1
            self._probing = self._probing and not probe
            self._stirred.set()

    async def _opened(self) -> bool:
        """Wait until a request may start. True for the one that tries a rejected credential again."""
        while not self._closed:
            self._stirred.clear()
            now = self._clock.now()
            opens = self._opens_at(now)
            if opens <= now:
                taken = budget.take(self.state.quota, self.rule, now)
                self.state = replace(self.state, quota=taken.quota)
                if not taken.wait:
                    return self.state.rejected
                opens = now + taken.wait
            await self._clock.wait(self._stirred, opens)
        raise StoppingError

    def _opens_at(self, now: float) -> float:
        full = self._in_flight >= budget.in_flight(budget.refill(self.state.quota, self.rule, now), self.rule)
        return NEVER if full or (self.state.rejected and self._probing) else self.state.open_at()

    def heard(self, answer: Answer) -> Failure | None:
        """Take in how an authenticated request ended; the failure as it is to be counted."""
        heeded = heed(self.state, answer, self.rule, self.policy, self.targets, self._clock.now())
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
