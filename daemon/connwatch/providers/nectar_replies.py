"""How Nectar answers: its statuses, the few fields that are kept of a reply, what they say (providers/nectar.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.model import Accounts, Condition, Connection, Trait, words
from connwatch.providers.reading import Enumeration, Id, Reading, slug

KIND: Final = "utility"

CONDITIONS: Final[Mapping[str, Condition]] = {
    "CONNECTED": "healthy",
    "PENDING": "pending",
    "PASSWORD_INCORRECT": "action_required",
    "MFA_TOKEN_EXPIRED": "action_required",
    "NEW_PASSWORD_NEEDED": "action_required",
    "ADDITIONAL_CREDENTIALS_NEEDED": "action_required",
    "WEBSITE_DOWN": "degraded",
    "URL_INACCESSIBLE": "degraded",
    "NO_ACCOUNTS_FOUND": "degraded",
    "OTHER_ERROR": "degraded",
    "UNDER_INVESTIGATION": "investigating",
    "COMPANY_INACTIVE": "inactive",
}
"""The twelve connection statuses (section 6)."""

STATUSES: Final = Enumeration("status", CONDITIONS, aliases={"INCORRECT_PASSWORD": "PASSWORD_INCORRECT"})
ACCOUNT_STATUSES: Final = Enumeration(
    "account_status",
    (
        *("DETECTED", "ONBOARDED", "PULL_COMPLETED"),
        *("NO_DOCUMENTS_FOUND", "PDF_DOWNLOAD_FAILED", "ACCOUNT_NOT_FOUND", "WORKFLOW_NOT_ACCESSIBLE", "OTHER_ERROR"),
        *("OLD_ACCOUNT", "DUPLICATE", "CUSTOMER_NOT_TRACKED", "COMPANY_INACTIVE"),
    ),
)
"""The twelve account statuses: standard, error, terminal (section 6)."""
TRACKING: Final = Enumeration("tracking", ("ENABLED", "DISABLED", "UNSET"))
UNSET: Final = "unset"
"""Tracking where a reply doesn't say (decisions.md 24). What Nectar does say keeps its spelling, `UNSET` too."""


class Datasource(Struct, frozen=True, gc=False):
    """The utility, as a connection names it."""

    name: str | None = None


class Account(Struct, frozen=True, gc=False, rename="camel"):
    """One account of a connection: its number is never decoded, its status may be missing (section 4)."""

    status: str | None = None
    tracking_status: str | None = None


class Item(Struct, frozen=True, gc=False, rename="camel"):
    """One connection: secrets, e-mails, URLs and free text are skipped by the decoder (section 3)."""

    id: Id
    status: str
    created: str | None = None
    status_first_seen_time: str | None = None
    status_last_update_time: str | None = None
    datasource: Datasource | None = None
    is_active: bool | None = None
    accounts: tuple[Account, ...] | None = None


class Page(Struct, frozen=True, rename="camel"):
    """One page of a company's connections (section 3), which are decoded as far as they are news."""

    connections: tuple[msgspec.Raw, ...]
    total_connections: int
    current_page: int
    has_next: bool


class Details(Struct, frozen=True):
    """One connection in full, of which only the accounts are news (section 4)."""

    accounts: tuple[Account, ...] | None = None


class Company(Struct, frozen=True):
    """One company: sites and users (addresses, e-mails) are skipped by the decoder (section 2)."""

    id: Id
    name: str | None = None


class Companies(Struct, frozen=True, rename="camel"):
    """Companies in an envelope. They come as a bare array, but one guide has all lists in pages (section 2)."""

    companies: tuple[Company, ...]
    has_next: bool = False


PAGE: Final = msgspec.json.Decoder(Page)
ITEM: Final = msgspec.json.Decoder(Item)
DETAILS: Final = msgspec.json.Decoder(Details)
COMPANIES: Final[msgspec.json.Decoder[tuple[Company, ...] | Companies]] = msgspec.json.Decoder(
    tuple[Company, ...] | Companies
)


def connection(item: Item, accounts: tuple[Account, ...] | None) -> Connection:
    """What a listing says of a connection. `accounts`: those to count; None leaves what is known of them.

    The time of the weekly check stands in for a data clock, which Nectar has not (decisions.md 14).
    """
    reading = Reading()
    name = (item.datasource.name if item.datasource is not None else None) or ""
    created_at, since = reading.time(item.created), reading.time(item.status_first_seen_time)
    checked_at = reading.time(item.status_last_update_time)
    status = reading.value(STATUSES, item.status)
    traits: tuple[Trait, ...] = ("inactive",) if item.is_active is False else ()
    rows = None
    if accounts is not None:
        rows, unknown = counted(accounts)
        reading.note(*unknown)
    said = words(slug(name), KIND, status, "", intern(name), None, traits, reading.unknown)
    return Connection(item.id, said, created_at, since, checked_at, data_at=checked_at, accounts=rows)


@lru_cache(maxsize=4096)
def counted(accounts: tuple[Account, ...]) -> tuple[tuple[Accounts, ...], tuple[tuple[str, str], ...]]:
    """Accounts by status and tracking, and what of it is undocumented. One without a status makes no row.

    Kept, since most connections have the same few kinds of accounts: they share one value.
    """
    reading = Reading()
    rows = Counter(
        (
            reading.value(ACCOUNT_STATUSES, account.status),
            reading.value(TRACKING, account.tracking_status) if account.tracking_status else UNSET,
        )
        for account in accounts
        if account.status
    )
    return tuple(Accounts(*row, count) for row, count in sorted(rows.items())), reading.unknown
