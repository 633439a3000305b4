"""What Moneyhub says of its institutions, to anyone: lists without pages or envelope (providers/moneyhub.md section 8.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.model import Failure
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.wire import Conversation, Request, read
from connwatch.providers.moneyhub_connections import KINDS, institution
from connwatch.providers.reading import UNKNOWN, Id, label

AVAILABLE: Final = "AVAILABLE"


class Standing(Struct, frozen=True, gc=False):
    """How an institution is doing: fetching its data, and letting users consent."""

    sync: str | None = None
    auth: str | None = None


class Entry(Struct, frozen=True, gc=False):
    """One institution."""

    id: Id
    name: str | None = None
    type: str | None = None
    status: Standing | None = None


ENTRIES: Final = msgspec.json.Decoder(tuple[Entry, ...])


def sweep() -> Conversation[tuple[Entry, ...]]:
    """All institutions: one list, or where that isn't served, the list of each kind."""
    answer = yield _listed("all")
    if not (isinstance(answer, Failure) and answer.outcome == "not_found"):
        return read(answer, ENTRIES)
    entries: list[Entry] = []
    for kind in KINDS.values:
        listed = read((yield _listed(kind)), ENTRIES)
        entries += listed
    return tuple(entries)


def facts(entries: Iterable[Entry], now: float) -> Facts:
    """Names, and whatever isn't available, in Moneyhub's spelling: the same whatever the order of the entries."""
    names: dict[str, str] = {}
    statuses = set()
    for entry in entries:
        id_ = institution(entry.id)
        if id_ == UNKNOWN:
            continue
        if entry.name:
            names[id_] = min(entry.name, names.get(id_, entry.name))
        kind = entry.type or ""
        standing = entry.status or Standing()
        statuses |= {
            (id_, KINDS.spellings.get(kind) or label(kind), aspect, label(status))
            for aspect, status in (("sync", standing.sync), ("auth", standing.auth))
            if status and status != AVAILABLE
        }
    return Facts(names=names, statuses=tuple(InstitutionStatus(*row) for row in sorted(statuses)), complete_at=now)


def _listed(kind: str) -> Request:
    return Request("institutions", f"/oidc/.well-known/{kind}-connections", authenticated=False)
