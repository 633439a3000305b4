"""How a provider's words become ours: instants, labels, documented values. The same for every provider, and pure.

Labels: metrics.md, *Policies and their defaults*, last paragraph; slugs: *Settled in detail*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import Annotated, Final

import msgspec

OTHER: Final = "other"
"""Stands for a value that is not fit for a label."""
UNKNOWN: Final = "unknown"
"""The slug of a name that there isn't."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""An id on the wire. One that is empty or endless is none: the page is refused as `schema`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LABEL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NOT_IN_SLUGS: Final = re.compile(r"[^a-z0-9]+")


def instant(text: str) -> float | None:
    """Unix seconds of an RFC 3339 time with any number of fractional digits; a naive one is UTC. None if unreadable.

    What lies before 1970 is the zero value of some language (year 1), and no time of a connection.
    """
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
    return seconds if seconds > 0 else None


def label(raw: str) -> str:
    """A raw value as it may stand in a label, shared between all that have it; `other` if it is not fit for one."""
    return intern(raw) if _LABEL.fullmatch(raw) else OTHER


@lru_cache(maxsize=16_384)
def slug(name: str | None) -> str:
    """A stable id from a name: lower case, each run of others than a-z0-9 one `-`; `unknown` if nothing is left."""
    text = _NOT_IN_SLUGS.sub("-", (name or "").lower())
    return intern(text) if text.strip("-") else UNKNOWN


class Enumeration:
    """The documented values of one field, by their raw spelling; an alias is read as the value that it means."""

    __slots__ = ("field", "spellings", "values")

    def __init__(self, field: str, values: Iterable[str], aliases: Mapping[str, str] | None = None) -> None:
        self.field: Final = field
        """The label `field` of `connwatch_unknown_values_total`."""
        self.values: Final = tuple(intern(value) for value in values)
        self.spellings: Final[Mapping[str, str]] = {
            **{value: value for value in self.values},
            **{raw: intern(shown) for raw, shown in (aliases or {}).items()},
        }
        """Raw spelling -> the one object that all connections share."""


class Reading:
    """The reading of one item. Collects the fields whose values the documents don't list."""

    __slots__ = ("_unknown",)

    def __init__(self) -> None:
        self._unknown: list[tuple[str, str]] = []

    @property
    def unknown(self) -> tuple[tuple[str, str], ...]:
        """(field, raw value) of all that was not documented, each once: `Connection.unknown`."""
        return tuple(dict.fromkeys(self._unknown)) if self._unknown else ()

    def time(self, text: str | None) -> float | None:
        """Unix seconds. Null and empty are absent; so is garbage, and noted."""
        if not text:
            return None
        at = instant(text)
        if at is None:
            self.note(("time", OTHER))
        return at

    def value(self, known: Enumeration, raw: str) -> str:
        """A documented value in its one spelling; any other as it came, if it is fit for a label, and noted."""
        shown = known.spellings.get(raw)
        if shown is None:
            shown = label(raw)
            self.note((known.field, shown))
        return shown

    def note(self, *unknown: tuple[str, str]) -> None:
        """Remember undocumented values: (field, raw value as fit for a label)."""
        self._unknown += unknown
