"""What Basiq's connections say, and in which words (providers/basiq.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.model import Condition, Connection, words
from connwatch.providers.basiq_replies import Linked
from connwatch.providers.reading import UNKNOWN, Enumeration, Id, Reading, label

PENDING: Final = "pending"
INVALID: Final = "invalid"

CONDITIONS: Final[Mapping[str, Condition]] = {
    "active": "healthy",
    PENDING: "pending",
    "init": "pending",
    "pre-init": "pending",
    INVALID: "action_required",
    "deleted": "inactive",
}
"""The statuses (section 3.4); what an invalid one comes down to depends on its reason, where jobs tell it."""

STATUSES: Final = Enumeration("status", CONDITIONS, {"invalid-connection": INVALID})
"""A status that is left out is shown as `other` and counted as unknown, like any that is not fit for a label."""

REFRESHED: Final = ("web", "openbanking")
"""Methods that bring new data. Statements, which are uploaded, never do."""
METHODS: Final = Enumeration("method", (*REFRESHED, "csv", "pdf"))
"""Without hyphens: Basiq spells open banking in two ways."""


class Institution(Struct, frozen=True, gc=False):
    """The institution that a connection, or a job, is about."""

    id: str = ""


class Item(Struct, frozen=True, gc=False, rename="camel"):
    """One connection on the wire: what is kept of it. Profile and accounts, should they appear, are never decoded."""

    id: Id
    method: str | None = None
    status: str | None = None
    created_date: str | None = None
    expiry_date: str | None = None
    last_used: str | None = None
    institution: Institution | None = None


class Page(Linked, frozen=True, kw_only=True):
    """Connections, which are decoded as far as they are news."""

    connections: tuple[msgspec.Raw, ...] = msgspec.field(name="data")


PAGE: Final = msgspec.json.Decoder(Page)
ITEM: Final = msgspec.json.Decoder(Item)


def connection(item: Item, unexplained: str | None) -> Connection:
    """A connection, read. `unexplained` is the reason of an invalid one; None leaves that to jobs."""
    reading = Reading()
    created_at, data_at = reading.time(item.created_date), reading.time(item.last_used)
    expires_at = reading.time(item.expiry_date)
    status = reading.value(STATUSES, item.status or "")
    said = words(
        label(item.institution.id) if item.institution is not None else UNKNOWN,
        reading.value(METHODS, method(item.method)),
        status,
        unexplained if status == INVALID else "",
        "",
        None if expires_at is None else "reauth",
        (),
        reading.unknown,
    )
    return Connection(item.id, said, created_at, data_at=data_at, expires_at=expires_at)


def method(raw: str | None) -> str:
    """A method in one of its spellings; empty if there is none."""
    return (raw or "").replace("-", "")
