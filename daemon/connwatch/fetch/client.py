"""Carries conversations out for one source: allow list, quota, token, limits; every fault of the network becomes a Failure."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from msgspec.structs import replace
from yarl import URL

from connwatch.core.model import Failure
from connwatch.core.ports import Clock, Recorder, SourcePlan
from connwatch.core.source import Answer
from connwatch.core.wire import Conversation, Refused, Reply, Request, Token, http_date
from connwatch.fetch.faults import FAULTS, TooLargeError, failure_of
from connwatch.fetch.gate import Bearer, Gate
from connwatch.fetch.token import TokenKeeper

T = TypeVar("T")
Asker: TypeAlias = Callable[[Request], Awaitable[Reply | Failure]]

MAX_BODY: Final = 16 * 1024 * 1024
"""Largest body that is read, in bytes, decompressed."""
_KEPT_HEADERS: Final = ("retry-after", "date", "content-type")
_GOOD: Final = range(200, 300)
_SLOWS_DOWN: Final = frozenset({"throttled", "server"})


class NotAllowedError(Exception):
    """A request that is not on the provider's allow list was about to be made: a fault of ours. No socket was opened."""


class SourceClient:
    """The way to one source: `core.ports.Fetch`."""

    def __init__(
        self,
        plan: SourcePlan,
        session: aiohttp.ClientSession,
        gate: Gate,
        secrets: Callable[[], Mapping[str, str]],
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        self._source = plan.name
        self._provider = provider = plan.provider
        self._session = session
        self._gate = gate
        self._secrets = secrets
        self._known_secrets = secrets()
        self._clock = clock
        self._recorder = recorder
        self._allowed = tuple((one.method, one.endpoint, re.compile(one.path)) for one in provider.allowed)
        self._tokens = TokenKeeper(plan.name, provider, self._get_token, clock, recorder)

    async def converse(self, conversation: Conversation[T], *, target: str = "") -> T | Failure:
        """Run a conversation to its end. Raises NotAllowedError, a fault of ours, and StoppingError when the daemon stops."""

        async def ask(request: Request) -> Reply | Failure:
            return await self._ask(request, target)

        return await _carry_out(conversation, ask)

    def notice_secrets(self) -> bool:
        """Look whether a secret changed; a new one is tried at once."""
        secrets = self._secrets()
        if secrets == self._known_secrets:
            return False
        self._known_secrets = secrets
        self._tokens.forget()
        self._gate.retry_credential()
        return True

    async def _get_token(self, conversation: Conversation[Token]) -> Token | Failure:
        """A token. What keeps us from it is heard once, however many wait for it, and is no single target's affair."""
        answer = await _carry_out(conversation, lambda request: self._exchange(request, request.headers))
        if isinstance(answer, Token):
            return answer
        # No token endpoint is no sign that a target is gone.
        failure = replace(answer, outcome="auth") if answer.outcome == "not_found" else answer
        return self._gate.heard(Answer(failure)) or failure

    async def _ask(self, request: Request, target: str) -> Reply | Failure:
        if not request.authenticated:
            answer = await self._exchange(request, request.headers)
            if isinstance(answer, Failure) and answer.outcome in _SLOWS_DOWN and answer.retry_after is not None:
                self._gate.told_to_wait(answer)
            return answer
        with self._gate.asking() as who:
            token = await self._tokens.current(self._known_secrets)
            if isinstance(token, Failure):
                return token
            answer = await self._with_credential(request, token, who)
            if isinstance(answer, Failure) and answer.renew and token is not None:
                token = await self._tokens.current(self._known_secrets, stale=token)
                if isinstance(token, Failure):
                    return token
                answer = await self._with_credential(request, token, who)
            failure = answer if isinstance(answer, Failure) else None
            return self._gate.heard(Answer(failure, target)) or answer

    async def _with_credential(self, request: Request, token: Token | None, who: Bearer) -> Reply | Failure:
        headers = {**request.headers, **self._provider.authorize(self._known_secrets, token)}
        return await self._exchange(request, headers, who)

    async def _exchange(
        self, request: Request, headers: Mapping[str, str], who: Bearer | None = None
    ) -> Reply | Failure:
        """One request, one answer. The only place from which anything leaves the process."""
        self._check(request)
        async with self._gate.admitted(who):
            started = self._clock.monotonic()
            answer = await self._send(request, headers)
            seconds = self._clock.monotonic() - started
        code = "none" if answer.status is None else str(answer.status)
        self._recorder.requested(self._source, self._provider.name, request.endpoint, code, seconds)
        if isinstance(answer, Failure):
            return answer
        now = self._clock.now()
        date = http_date(answer.headers.get("date"))
        if date is not None:
            self._recorder.skewed(self._source, self._provider.name, date - now)
        if answer.status in _GOOD:
            return answer
        # A date in `Retry-After` is one of the provider's clock.
        return self._provider.refusal(request, answer, now if date is None else date)

    def _check(self, request: Request) -> None:
        for method, endpoint, path in self._allowed:
            if request.method == method and request.endpoint == endpoint and path.fullmatch(request.path):
                return
        raise NotAllowedError(f"{self._provider.name} may not be asked for {request.method} {request.path}")

    async def _send(self, request: Request, headers: Mapping[str, str]) -> Reply | Failure:
        url = URL(f"{self._provider.base_url}{request.path}{_query(request.query)}", encoded=True)
        data = urlencode(request.form) if request.form else None
        if data is not None:
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        status = None
        try:
            async with self._session.request(
                request.method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
                body = await _read(response)
                kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                return Reply(status=status, body=body, headers=kept)
        except FAULTS as fault:
            return failure_of(fault, status)


async def _carry_out(conversation: Conversation[T], ask: Asker) -> T | Failure:
    """Hand requests and answers to and fro until the conversation ends."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(await ask(request))
    except StopIteration as end:
        value: T = end.value
        return value
    except Refused as refused:
        return refused.failure
    finally:
        conversation.close()


@lru_cache
def _query(pairs: tuple[tuple[str, str], ...]) -> str:
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, within the limit. Raises TooLargeError."""
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)
