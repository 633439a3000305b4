"""Runs a provider's conversations without a network: answers come from a script, and what was asked is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from connwatch.core import wire
from connwatch.core.model import Failure
from connwatch.core.wire import Conversation, Refused, Reply, Request

T = TypeVar("T")
Answers: TypeAlias = Callable[[Request], Reply | Failure]
Refusal: TypeAlias = Callable[[Request, Reply, float], Failure]

NOW: Final = 1_795_262_400.0
"""2026-11-21 12:00 UTC: the instant of all provider tests."""
FIXTURES: Final = Path(__file__).parent
_ENDLESS: Final = 25_000


def _by_status(_request: Request, reply: Reply, now: float) -> Failure:
    return wire.refusal(reply, now)


def run(
    conversation: Conversation[T], answers: Answers, *, refusal: Refusal = _by_status, now: float = NOW
) -> T | Failure:
    """Carry a conversation to its end as `fetch` does, without a socket: the value, or the failure that it ended with.

    A reply other than 2xx is turned into a Failure by `refusal` (a provider's own, where a test is about it).
    """
    try:
        request = next(conversation)
        for _ in range(_ENDLESS):
            answer = answers(request)
            if isinstance(answer, Reply) and not 200 <= answer.status < 300:
                answer = refusal(request, answer, now)
            request = conversation.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value
    except Refused as refused:
        return refused.failure
    raise AssertionError(f"a conversation that doesn't end: {request}")


class Script:
    """Answers in turn, and keeps the requests. The last answer is given again and again if `forever` is set."""

    def __init__(self, *answers: Reply | Failure, forever: bool = False) -> None:
        self.requests: list[Request] = []
        self._answers = answers
        self._forever = forever

    def __call__(self, request: Request) -> Reply | Failure:
        at = len(self.requests)
        self.requests.append(request)
        if at >= len(self._answers) and not self._forever:
            raise AssertionError(f"a request more than the script has answers for: {request}")
        return self._answers[min(at, len(self._answers) - 1)]


class Site:
    """Answers by path, or by path and query (`/users?offset=1`), and keeps the requests. What isn't there is a 404."""

    def __init__(self, pages: Mapping[str, Reply | Failure]) -> None:
        self.requests: list[Request] = []
        self._pages = pages

    def __call__(self, request: Request) -> Reply | Failure:
        self.requests.append(request)
        exact = self._pages.get(address(request))
        return exact if exact is not None else self._pages.get(request.path, reply({}, status=404))


def address(request: Request) -> str:
    """Path and query of a request, as they would stand in a URL, without any quoting."""
    return request.path + ("?" + "&".join(f"{name}={value}" for name, value in request.query) if request.query else "")


def paths(requests: Iterable[Request]) -> list[str]:
    """`address` of each."""
    return [address(request) for request in requests]


def reply(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with that JSON (or with these bytes) as its body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=raw, headers=headers or {})


def fixture(provider: str, name: str) -> bytes:
    """The bytes of a stored reply: tests/providers/<provider>/<name>."""
    return (FIXTURES / provider / name).read_bytes()
