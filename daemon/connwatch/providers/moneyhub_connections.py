"""What Moneyhub's connections say, and how those of a user are asked for (providers/moneyhub.md sections 4 and 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from sys import intern
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.model import Condition, Connection, Failure, Renewal, TargetState, Trait, words
from connwatch.core.wire import MAX_PAGES, Conversation, Refused, Request, segment
from connwatch.providers.reading import UNKNOWN, Enumeration, Id, Reading
from connwatch.providers.recognition import Recognition

ERROR: Final = "error"

ERRORS: Final[Mapping[str, Condition]] = {
    "resync": "action_required",
    "sync_error": "degraded",
    "sync_partial": "degraded",
    "mfa_required": "action_required",
    "credentials_error": "action_required",
}
"""The error codes (section 6.1)."""
CONDITIONS: Final[Mapping[tuple[str, str], Condition]] = {
    ("ok", ""): "healthy",
    (ERROR, ""): "degraded",
    **{(ERROR, error): condition for error, condition in ERRORS.items()},
    ("never", ""): "inactive",
}
"""The statuses with their errors. One that is not told, null or left out, is the institution's trouble until it is."""

STATUSES: Final = Enumeration("status", ("ok", ERROR, "never"))
REASONS: Final = Enumeration("error", ERRORS)
KINDS: Final = Enumeration("type", ("api", "legacy", "test", "zoopla", "mouseprice", "autotrader"))
EXTENDED: Final = Enumeration("extended_status", ("expired", "stoppedSyncing"))

_TRAITS: Final[Mapping[str, Trait]] = {"expired": "expired", "stoppedSyncing": "stopped"}
_RENEWALS: Final[Mapping[bool | None, Renewal]] = {True: "reconsent", False: "reauth", None: "unknown"}
_INSTITUTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Item(Struct, frozen=True, gc=False, rename="camel"):
    """One connection on the wire: what is kept of it. The ids of its accounts are never decoded (section 4.2)."""

    id: Id
    status: str
    type: str | None = None
    name: str | None = None
    error: str | None = None
    extended_status: str | None = None
    connected_on: str | None = None
    last_updated: str | None = None
    expires_at: str | None = None
    tpp_consent: bool | None = None
    single_sync_only: bool | None = None


class Links(Struct, frozen=True, gc=False):
    """Where a list goes on. No document says that this one ever does (section 4.1)."""

    next: str | None = None


class Page(Struct, frozen=True):
    """The connections of a user, which are decoded as far as they are news."""

    connections: tuple[msgspec.Raw, ...] = msgspec.field(name="data")
    links: Links | None = None


PAGE: Final = msgspec.json.Decoder(Page)
ITEM: Final = msgspec.json.Decoder(Item)


def sweep(state: TargetState) -> Conversation[Recognition[Page, Item]]:
    """All connections of a user: one request, unless a reply itself says that there is more. Raises Refused (`loop`).

    Of a link to more its query alone is followed, so that it can't lead to another list or host.
    """
    found = Recognition(state, PAGE, ITEM, connection)
    request = Request("connections", f"/users/{segment(state.target.id)}/connections")
    for _ in range(MAX_PAGES):
        known = len(found.listed)
        page = found.page((yield request))
        following = page.links.next if page.links is not None else None
        if not following:
            return found
        if len(found.listed) == known:
            break
        request = replace(request, query=tuple(parse_qsl(following.partition("?")[2], keep_blank_values=True)))
    raise Refused(Failure(outcome="loop", detail=f"no end after {len(found.listed)} connections"))


def connection(item: Item) -> Connection:
    """A connection, read. An error counts where the status is `error` only; an end that isn't told is none."""
    reading = Reading()
    created_at, data_at = reading.time(item.connected_on), reading.time(item.last_updated)
    expires_at = reading.time(item.expires_at)
    prefix, colon, _ = item.id.partition(":")
    said = words(
        institution(prefix if colon else ""),
        reading.value(KINDS, item.type or ""),
        reading.value(STATUSES, item.status),
        reading.value(REASONS, item.error) if item.status == ERROR and item.error else "",
        intern(item.name or ""),
        None if expires_at is None else _RENEWALS[item.tpp_consent],
        _traits(item, reading),
        reading.unknown,
    )
    return Connection(item.id, said, created_at, data_at=data_at, expires_at=expires_at)


def institution(id_: str) -> str:
    """The id of an institution, which comes before the colon in those of its connections; `unknown` if it is none.

    It may begin with a digit, unlike a label that is a word.
    """
    return intern(id_) if _INSTITUTION.fullmatch(id_) else UNKNOWN


def _traits(item: Item, reading: Reading) -> tuple[Trait, ...]:
    extended = reading.value(EXTENDED, item.extended_status) if item.extended_status else ""
    told = _TRAITS.get(extended)
    traits: tuple[Trait, ...] = () if told is None else (told,)
    return (*traits, "single_sync") if item.single_sync_only else traits
