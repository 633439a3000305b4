"""What a query asks for: which connections, how many, and from where on (contract.md, *HTTP*)."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import msgspec
from multidict import MultiMapping

from connwatch.core.condition import CONDITIONS
from connwatch.providers.options import duration
from connwatch.web.catalogue import START, Filter, Look, Position

LIMIT: Final = 100
MOST: Final = 1000


class BadParameter(Exception):
    """A query that can't be answered. The message says why."""


class Query(NamedTuple):
    """A query as it was understood."""

    wanted: Filter
    limit: int
    after: Position


class Parameter(NamedTuple):
    """How a filter's value is read (raises ValueError), and what it says of a connection at an instant."""

    read: Callable[[str], Any]
    fits: Callable[[Look, Any, float], bool]


def _condition(text: str) -> str:
    if text not in CONDITIONS:
        raise ValueError(f"one of {', '.join(CONDITIONS)} is expected" + _nearest(text, CONDITIONS))
    return text


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("true or false is expected")
    return text == "true"


def _expires_within(look: Look, seconds: float, now: float) -> bool:
    """A consent that counts, and that hasn't ended yet."""
    end = look.held.seen.expires_at
    return look.held.verdict.consent is not None and end is not None and now < end <= now + seconds


FILTERS: Final[Mapping[str, Parameter]] = {
    "source": Parameter(str, lambda look, name, _: look.policy.source == name),
    "company": Parameter(str, lambda look, name, _: look.state.target.company == name),
    "institution": Parameter(str, lambda look, id_, _: look.held.seen.institution == id_),
    "condition": Parameter(_condition, lambda look, name, _: look.held.verdict.condition == name),
    "status": Parameter(str, lambda look, word, _: look.held.seen.status == word),
    "stale": Parameter(_truth, lambda look, truth, _: look.held.verdict.stale is truth),
    "expiring_within": Parameter(duration, _expires_within),
}
_KNOWN: Final = (*FILTERS, "limit", "cursor")


def understand(query: MultiMapping[str], now: float) -> Query:
    """Read a query. Raises BadParameter."""
    for name in query:
        if name not in _KNOWN:
            raise BadParameter(f"{name}: there is no such parameter" + _nearest(name, _KNOWN))
    asked = [(FILTERS[name].fits, _values(query, name)) for name in FILTERS if name in query]

    def wanted(look: Look) -> bool:
        return all(any(fits(look, value, now) for value in values) for fits, values in asked)

    return Query(wanted, _limit(_one(query, "limit", str(LIMIT))), _position(_one(query, "cursor", "")))


def cursor(position: Position) -> str:
    """A position, to be given back as it is."""
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _values(query: MultiMapping[str], name: str) -> list[Any]:
    """All values of a filter: any of them will do."""
    try:
        return [FILTERS[name].read(text) for text in query.getall(name)]
    except ValueError as fault:
        raise BadParameter(f"{name}: {fault}") from None


def _one(query: MultiMapping[str], name: str, default: str) -> str:
    texts = query.getall(name, [default])
    if len(texts) > 1:
        raise BadParameter(f"{name}: it is given {len(texts)} times")
    return texts[0]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise BadParameter(f"limit: a whole number from 1 to {MOST} is expected")
    return int(text)


def _position(text: str) -> Position:
    if not text:
        return START
    try:
        packed = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(packed, type=Position)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise BadParameter("cursor: it isn't one that was given here; start again without it") from None


def _nearest(text: str, known: Iterable[str]) -> str:
    near = get_close_matches(text, known, 1)
    return f"; did you mean {near[0]}?" if near else ""
