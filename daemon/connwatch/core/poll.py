"""What one poll of a target brings: a listing of its connections, or a failure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct

from connwatch.core.imprint import Imprint
from connwatch.core.model import Accounts, Connection, Failure


class Item(Protocol):
    """A decoded connection of some provider."""

    @property
    def id(self) -> str:
        """The connection's id."""

    def __hash__(self) -> int: ...


SPARE_BITS: Final = 4
"""Fewer bits of a fingerprint: 60 tell a change as surely as 64, and a million of them take 16 MB less."""


def fingerprint(said: Hashable) -> int:
    """What tells a change of what a provider says of a connection: of its bytes, or of what they were decoded into."""
    return hash(said) >> SPARE_BITS


class Learned(Struct, frozen=True, gc=False):
    """What further requests of the same poll told about one connection: the reason (Basiq jobs), the accounts (Nectar details)."""

    reason: str | None = None
    accounts: tuple[Accounts, ...] | None = None


class Listing(Struct, frozen=True, gc=False):
    """A complete list of a target's connections. What broke off is a `Failure` and never becomes one."""

    listed: AbstractSet[str]
    """The ids of all connections."""
    items: Mapping[str, Any]
    """Connection -> what is said of it, decoded. Those of which the same is said as is remembered may be left out."""
    marks: Mapping[str, int]
    """Connection -> the fingerprint of what is said of it: of all `items`, and of those that were read and say the same."""
    read: Callable[[Any, float], Connection]
    """(item, now) -> Connection: the provider's reading, applied only to what is new or changed."""
    learned: Mapping[str, Learned] = {}
    imprints: tuple[Imprint, ...] = ()
    """How its pages read, for the next poll; none where a page can't be found again by that."""

    @classmethod
    def of(
        cls,
        items: Iterable[Item],
        read: Callable[[Any, float], Connection],
        learned: Mapping[str, Learned] | None = None,
    ) -> Listing:
        """A listing that was decoded as a whole. Of an item that comes twice the later one counts."""
        found = {item.id: item for item in items}
        marks = {id_: fingerprint(item) for id_, item in found.items()}
        return cls(found.keys(), found, marks, read, learned or {})


class Polled(Struct, frozen=True, gc=False):
    """A poll brought a complete listing. `started_at` is when its first request was answered: to wait for the quota is no poll."""

    listing: Listing
    started_at: float


class Failed(Struct, frozen=True, gc=False):
    """A poll brought none."""

    failure: Failure
    started_at: float


Event: TypeAlias = Polled | Failed
