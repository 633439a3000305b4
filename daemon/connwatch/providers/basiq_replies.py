"""How Basiq answers, whatever was asked: lists, perhaps in pages, and refusals (providers/basiq.md section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connwatch.core import wire
from connwatch.core.model import Failure, Outcome
from connwatch.core.wire import MAX_PAGES, Conversation, Refused, Reply, Request, read, word

T = TypeVar("T")
L = TypeVar("L", bound="Linked")


class Links(Struct, frozen=True, gc=False):
    """Where a list goes on. No document says that one ever does."""

    next: str | None = None


class Linked(Struct, frozen=True):
    """The envelope of every list."""

    links: Links | None = None


class Page(Linked, Generic[T], frozen=True, kw_only=True):
    """A list whose items are decoded at once."""

    data: tuple[T, ...]


class Fault(Struct, frozen=True, gc=False):
    """One error of a refusal. Its texts decide what it means and are then forgotten."""

    code: str | None = None
    title: str | None = None
    detail: str | None = None


class Faults(Struct, frozen=True, rename="camel"):
    """A refusal. The gateway's own bodies have nothing of this (`{"message": …}`, HTML)."""

    data: tuple[Fault, ...] = ()
    correlation_id: str | None = None


class Meaning(NamedTuple):
    """What a refusal means which has this status, and an error with this code and this phrase; empty ones fit all."""

    status: int
    outcome: Outcome
    code: str = ""
    phrase: str = ""
    renew: bool = False
    explained: bool = True

    def fits(self, status: int, code: str, text: str) -> bool:
        return status == self.status and self.code in {"", code} and self.phrase in text


OF_TOKENS: Final = (
    Meaning(403, "throttled", code="request-not-valid"),
    Meaning(400, "auth"),
    Meaning(401, "auth"),
    Meaning(403, "auth"),
    Meaning(404, "auth"),
)
"""Refusals of `POST /token`, the first that fits: the key is wrong, or too many tokens were asked for (section 1)."""

OF_CALLS: Final = (
    Meaning(401, "auth", renew=True),
    Meaning(403, "auth", code="access-denied", phrase="expired", renew=True),
    Meaning(403, "auth", code="access-denied", phrase="disabled"),
    Meaning(403, "throttled", code="too-many-requests"),
    Meaning(403, "forbidden", code="access-denied"),
    Meaning(403, "forbidden", code="forbidden-access"),
    Meaning(403, "forbidden", code="no-production-access"),
    Meaning(403, "forbidden", explained=False),
    Meaning(404, "server", phrase="route not found"),
)
"""Refusals of everything else, the first that fits; the others go by status alone (sections 1 and 5.2, decisions.md 6).

`auth` is our credential: a token that ran out, an account that is disabled. A scope, or a key that isn't enabled for
what was asked, is `forbidden`. A route that this version doesn't know says nothing of a user.
"""

_TABLES: Final[Mapping[str, tuple[Meaning, ...]]] = {"token": OF_TOKENS}
_FAULTS: Final = msgspec.json.Decoder(Faults)
_CORRELATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def collect(request: Request, decoder: msgspec.json.Decoder[Page[T]], base_url: str) -> Conversation[list[T]]:
    """All items of a list, page by page. Raises Refused: see `pages`."""
    found = yield from pages(request, partial(read, decoder=decoder), base_url)
    return [item for page in found for item in page.data]


def pages(request: Request, read_page: Callable[[Reply | Failure], L], base_url: str) -> Conversation[list[L]]:
    """All pages of a list. Raises Refused: `loop` if there is no end, `schema` if a page is elsewhere."""
    found: list[L] = []
    asked: set[tuple[tuple[str, str], ...]] = set()
    while request.query not in asked and len(asked) < MAX_PAGES:
        asked.add(request.query)
        page = read_page((yield request))
        found.append(page)
        if page.links is None or not page.links.next:
            return found
        request = replace(request, query=_query_of_next(page.links.next, request.path, base_url))
    raise Refused(Failure(outcome="loop", detail=f"no end after {len(asked)} pages"))


def _query_of_next(link: str, path: str, base_url: str) -> tuple[tuple[str, str], ...]:
    """The query of the next page. The link must lead to the same list of the same host; it may leave the host out."""
    base = urlsplit(base_url)
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    here = (parts.scheme, parts.netloc) in {("", ""), (base.scheme, base.netloc)}
    if not here or parts.path.removeprefix(base.path) != path:
        raise Refused(Failure(outcome="schema", detail="the next page is not a page of the same list"))
    return tuple(parse_qsl(parts.query, keep_blank_values=True))


def refusal(request: Request, reply: Reply, now: float) -> Failure:
    """What a reply other than 2xx means: by status first, since codes are spelled in several ways."""
    failure = wire.refusal(reply, now)
    faults = _faults(reply.body)
    said = [(_code(fault), f"{fault.title} {fault.detail}".lower()) for fault in faults.data] or [("", "")]
    failure = replace(failure, code=word(said[0][0]), correlation_id=_correlation(faults.correlation_id))
    table = _TABLES.get(request.endpoint, OF_CALLS)
    meaning = next((row for row in table if any(row.fits(reply.status, *one) for one in said)), None)
    if meaning is None:
        return failure
    if meaning.outcome == "throttled":
        failure = replace(failure, retry_after=wire.retry_after(reply.headers.get("retry-after"), now))
    return replace(failure, outcome=meaning.outcome, renew=meaning.renew, explained=meaning.explained)


def _faults(body: bytes) -> Faults:
    try:
        return _FAULTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Faults()


def _code(fault: Fault) -> str:
    """In one spelling: newer pages of Basiq also show codes in words (`Forbidden access`)."""
    return "-".join((fault.code or "").lower().split())


def _correlation(text: str | None) -> str:
    return text if text and _CORRELATION.fullmatch(text) else ""
