"""HTTP described as values, and the rules for reading it. Providers speak in these; `fetch` carries them out."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from connwatch.core.model import Failure, Outcome

Method: TypeAlias = Literal["GET", "POST"]
Endpoint: TypeAlias = Literal[
    "ping", "companies", "connections", "details", "users", "token", "institutions", "jobs", "events"
]

DAY: Final = 86_400.0
MAX_PAGES: Final = 1000
ID: Final = r"(?!\.+(?:/|$))[A-Za-z0-9_~@:.\-]+"
"""An id within the pattern of an allowed path: one segment, and never one of dots alone."""
_SEGMENT: Final = re.compile(r"(?!\.+$)[A-Za-z0-9_~@:.\-]{1,200}")
"""An id that needs no quoting in a path, and leads nowhere else."""
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ .:-]{0,63}")


class Request(Struct, frozen=True, gc=False):
    """One request, relative to the source's base URL. `repr` never shows a secret."""

    endpoint: Endpoint
    path: str
    method: Method = "GET"
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    authenticated: bool = True
    """False: sent without the credential (token calls bring their own headers, well-known lists need none)."""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


class Reply(Struct, frozen=True, gc=False):
    """An answer with its whole body. A conversation gets to see those of status 2xx only."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    """Names in lower case; only those that someone reads: `retry-after`, `date`, `content-type`."""

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"


class Allowed(Struct, frozen=True):
    """A read that may leave the process: the path as a regular expression over the whole path below the base URL."""

    endpoint: Endpoint
    path: str
    method: Method = "GET"


class Token(Struct, frozen=True):
    """An access token and its life, in Unix seconds. `repr` never shows it."""

    value: str
    obtained_at: float
    expires_at: float
    scope: str = ""

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"


T = TypeVar("T")
Conversation: TypeAlias = Generator[Request, Reply | Failure, T]
"""What a provider does, without doing it: it yields requests, is sent replies, and returns a value or raises `Refused`."""


class Refused(Exception):
    """Ends a conversation with a failure. Raised by `expect` and `read`, and by providers for what they can't read."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.outcome)
        self.failure = failure


def expect(answer: Reply | Failure) -> Reply:
    """The reply, or the end of the conversation. Raises Refused."""
    if isinstance(answer, Failure):
        raise Refused(answer)
    return answer


def read(answer: Reply | Failure, decoder: msgspec.json.Decoder[T]) -> T:
    """The decoded body. Raises Refused: with the failure, or with `schema` where the body is no JSON of the expected shape."""
    reply = expect(answer)
    return decoded(reply.body, decoder, reply.status)


def decoded(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], status: int = 200) -> T:
    """A body, or a part of one that was left for later. Raises Refused (`schema`)."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(Failure(outcome="schema", status=status, detail=_shape(fault))) from None


def _shape(fault: Exception) -> str:
    """What a decoder says of a body, without a value out of it: msgspec quotes values of enumerations only, and we have none."""
    return f"not the expected JSON: {fault}"[:200] if isinstance(fault, msgspec.ValidationError) else "not JSON"


def segment(value: str) -> str:
    """An id as one segment of a path. Raises Refused (`schema`) for what could reach another path."""
    if not _SEGMENT.fullmatch(value):
        raise Refused(Failure(outcome="schema", detail="an id that is not fit for a path"))
    return value


def word(value: object) -> str:
    """An error code or correlation id, if it looks like one; else nothing. Free text stays out of the logs."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


_OUTCOMES: Final[Mapping[int, Outcome]] = {401: "auth", 403: "forbidden", 404: "not_found", 429: "throttled"}


def refusal(reply: Reply, now: float) -> Failure:
    """What a reply other than 2xx means, by its status (contract.md, *Outcomes*). Providers refine it by their error bodies."""
    outcome: Outcome = _OUTCOMES.get(reply.status, "server")
    return Failure(
        outcome=outcome,
        status=reply.status,
        detail=f"status {reply.status}",
        retry_after=retry_after(reply.headers.get("retry-after"), now) if reply.status in {429, 503} else None,
    )


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header: delta-seconds or an HTTP date (RFC 9110 section 10.2.3); None if unreadable."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    at = http_date(text)
    return None if at is None else max(0.0, at - now)


@lru_cache(maxsize=16)
def http_date(value: str | None) -> float | None:
    """An HTTP date as Unix seconds; None if there is none or it can't be read. Replies of the same second have the same."""
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
