"""Connections as a restart reads them, a million in a row: pure, and by position, in an order of its own.

What ten columns say of a connection is said of many others too. They are read as one text, which was nearly always read
before: to have ten values made of each row would take longer than all that is done with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from sys import intern
from typing import Final

import msgspec

from connwatch.core.model import Accounts, Connection, Kept, Trait, Verdict, Words, words
from connwatch.stores.rows import Row
from connwatch.stores.schema import connections

TOLD: Final = ("target", "id")
SAID: Final = (
    "institution",
    "kind",
    "status",
    "reason",
    "institution_name",
    "renewal",
    "traits",
    "unknown",
    "condition",
    "rule",
)
"""What is read as one JSON array, between `TOLD` and `REST`."""
REST: Final = (
    "created_at",
    "seen_status_since",
    "checked_at",
    "data_at",
    "expires_at",
    "accounts",
    "since",
    "status_since",
    "first_seen",
    "missing_since",
    "learned_at",
)

_columns: Final = tuple(column.name for column in connections.columns)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_traits: Final = msgspec.json.Decoder(tuple[Trait, ...])
_unknown: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_accounts: Final = msgspec.json.Decoder(tuple[Accounts, ...])
_verdict: Final = lru_cache(maxsize=4096)(Verdict)


def told_row(row: Row) -> Row:
    """A row of the table, as it is written, in the order in which it is read here."""
    by_name = dict(zip(_columns, row, strict=True))
    said = _encode([by_name[name] for name in SAID]).decode()
    return *(by_name[name] for name in TOLD), said, *(by_name[name] for name in REST)


class Reading:
    """Makes connections of rows. What is equal is shared as far as it is cheap: rows are many, while words are few."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[Words, Verdict]] = {}
        self._counted: dict[str | None, tuple[Accounts, ...] | None] = {None: None}

    def kept(self, rows: Iterable[Row]) -> Iterator[tuple[str, Sequence[Kept]]]:
        """Each target with its connections, of rows that come target by target."""
        known, counted = self._said, self._counted
        whose, kept = "", list[Kept]()
        instants: dict[float, float] = {}
        for (
            target,
            id_,
            text,
            created_at,
            seen_status_since,
            checked_at,
            data_at,
            expires_at,
            accounts,
            since,
            status_since,
            first_seen,
            missing_since,
            learned_at,
        ) in rows:
            if target != whose:
                if kept:
                    yield whose, kept
                whose, kept = target, []
                instants = {}  # at which connections were first seen: few of one target
            said = known.get(text)
            if said is None:
                said = known[text] = _said(text)
            if accounts not in counted:
                counted[accounts] = _accounts.decode(accounts)
            if since == status_since:
                since = status_since  # noqa: PLW2901 - one instead of two that are equal
            one = (
                Connection(
                    id_,
                    said[0],
                    created_at,
                    status_since if seen_status_since == status_since else seen_status_since,
                    checked_at,
                    checked_at if data_at == checked_at else data_at,
                    expires_at,
                    counted[accounts],
                ),
                said[1],
                since,
                status_since,
                since if first_seen == since else instants.setdefault(first_seen, first_seen),
                missing_since,
                learned_at and instants.setdefault(learned_at, learned_at),
            )
            kept.append(one)
        if kept:
            yield whose, kept


def _said(text: str) -> tuple[Words, Verdict]:
    """What `SAID` comes to: words and, of the verdict, all that is stored."""
    institution, kind, status, reason, name, renewal, traits, unknown, condition, rule = _decode(text)
    said = words(
        intern(institution),
        intern(kind),
        intern(status),
        reason if reason is None else intern(reason),
        intern(name),
        renewal,
        () if traits is None else _traits.decode(traits),
        () if unknown is None else _unknown.decode(unknown),
    )
    return said, _verdict(condition, rule)
