"""Keeps the token of a source: renewed at 80 % of its life, by one request at a time, whoever needs it (contract.md, *Tokens*)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_urlsafe
from typing import Final

from connwatch.core.model import Failure
from connwatch.core.ports import Clock, Provider, Recorder
from connwatch.core.wire import Conversation, Token

RENEW_AT: Final = 0.8


class TokenKeeper:
    """The one token of a source. Its value never leaves but into the header of a request."""

    def __init__(
        self,
        source: str,
        provider: Provider,
        carry_out: Callable[[Conversation[Token]], Awaitable[Token | Failure]],
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        self._source = source
        self._provider = provider
        self._carry_out = carry_out
        self._clock = clock
        self._recorder = recorder
        self._lock = asyncio.Lock()
        self._answer: Token | Failure | None = None
        self._last: Token | None = None
        """The last token that was had: the next one is asked for with its scope."""
        self._attempts = 0
        self._era = 0
        self._wanted = True
        """Until the provider says that it wants none: which it does once and for all."""

    async def current(self, secrets: Mapping[str, str], stale: Token | None = None) -> Token | Failure | None:
        """A token that is good for a while and isn't `stale`; None where the provider wants none; or why there is none."""
        if not self._wanted:
            return None
        held = self._answer
        if self._good(held) and held is not stale:
            return held
        attempts = self._attempts
        async with self._lock:
            if self._attempts != attempts and self._answer is not None:
                # Someone else asked while we waited: its answer is ours, a refusal too.
                return self._answer
            return await self._ask(secrets)

    def forget(self) -> None:
        """The secrets changed: the token was another's."""
        self._answer = self._last = None
        self._era += 1

    async def _ask(self, secrets: Mapping[str, str]) -> Token | Failure | None:
        conversation = self._provider.token(secrets, self._clock.now(), token_urlsafe(24), self._last)
        if conversation is None:
            self._wanted = False
            return None
        era = self._era
        answer = await self._carry_out(conversation)
        self._attempts += 1
        if era == self._era:
            self._answer = answer
        if isinstance(answer, Token) and era == self._era:
            self._last = answer
            self._recorder.token(self._source, self._provider.name, answer.expires_at)
        return answer

    def _good(self, held: Token | Failure | None) -> bool:
        if not isinstance(held, Token):
            return False
        return self._clock.now() < held.obtained_at + (held.expires_at - held.obtained_at) * RENEW_AT
