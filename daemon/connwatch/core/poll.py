"""What one poll of a target brings: a listing of its connections, or a failure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.imprint import Imprint
from connwatch.core.model import Accounts, Connection, Failure

SPARE_BITS: Final = 4
"""Fewer bits of a fingerprint: 60 tell a change as surely as 64, and a million of them take 16 MB less."""


def fingerprint(said: Hashable) -> int:
    """What tells a change of what a provider says of a connection: of its bytes, or of what it was read as."""
    return hash(said) >> SPARE_BITS


class Learned(Struct, frozen=True, gc=False):
    """What further requests of the same poll told about one connection: the reason (Basiq jobs), the accounts (Nectar details)."""

    reason: str | None = None
    accounts: tuple[Accounts, ...] | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    """(field, raw value) of what is undocumented in it."""


class Listing(Struct, frozen=True, gc=False):
    """A complete list of a target's connections. What broke off is a `Failure` and never becomes one."""

    listed: AbstractSet[str]
    """The ids of all connections."""
    told: Mapping[str, Connection]
    """Connections by id, as they are listed. Those of which the same is said as is remembered may be left out."""
    marks: Mapping[str, int]
    """Connection -> the fingerprint of what is said of it: of all that are `told`, and of those that were read and say the same."""
    learned: Mapping[str, Learned] = {}
    imprints: tuple[Imprint, ...] = ()
    """How its pages read, for the next poll; none where a page can't be found again by that."""

    @classmethod
    def of(cls, connections: Iterable[Connection], learned: Mapping[str, Learned] | None = None) -> Listing:
        """A listing that was read as a whole. Of a connection that comes twice the later one counts."""
        told = {one.id: one for one in connections}
        marks = {id_: fingerprint(one) for id_, one in told.items()}
        return cls(told.keys(), told, marks, learned or {})


class Polled(Struct, frozen=True, gc=False):
    """A poll brought a complete listing. `started_at` is when its first request was answered: to wait for the quota is no poll."""

    listing: Listing
    started_at: float


class Failed(Struct, frozen=True, gc=False):
    """A poll brought none."""

    failure: Failure
    started_at: float


Event: TypeAlias = Polled | Failed
