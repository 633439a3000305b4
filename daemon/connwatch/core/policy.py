"""What one source is judged and paced by: the provider's tables and the operator's limits, as one frozen value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from connwatch.core.model import NEVER, Condition


class PauseRule(Struct, frozen=True):
    """The provider pauses a new connection of this kind and status while another to the same institution exists."""

    kind: str
    status: str
    gone: str
    """The status of a connection that no longer counts as the other one."""
    seconds: float = 360.0


class Mute(Struct, frozen=True):
    """An operator's word: connections that match are shown and not judged. Empty patterns match everything; `*` and `?` work."""

    reason: str
    source: str = ""
    company: str = ""
    institution: str = ""
    user: str = ""
    connection: str = ""
    until: float = NEVER

    def matches(self, *, source: str, company: str, target: str, institution: str, connection: str) -> bool:
        """Whether this mute is meant for that connection, whatever the time."""
        pairs = (
            (self.source, source),
            (self.company, company),
            (self.user, target),
            (self.institution, institution),
            (self.connection, connection),
        )
        return all(not pattern or fnmatchcase(value, pattern) for pattern, value in pairs)


class Policy(Struct, frozen=True, eq=False):
    """All that deciding needs to know of a source. Times in seconds; `NEVER` switches a clock off.

    Each is itself and equal to no other, so that what follows from it can be kept, for as long as it is in force.
    """

    source: str
    provider: str
    table: Mapping[tuple[str, str], Condition]
    """Every documented (status, reason) pair and what it comes down to; also the zero rows of the exposition."""
    poll_interval: float
    discovery_interval: float
    stale_after: Mapping[str, float]
    """By kind; a kind that is missing is not judged."""
    never_updated_after: Mapping[str, float]
    """By kind: the grace without any data clock."""
    stuck_after: Mapping[str, float]
    """By status; the pseudo-status `never_updated` is for a connection without a data clock."""
    expiring_within: float
    not_judged: frozenset[Condition]
    """Conditions in which the age of data says nothing."""
    settling: Mapping[str, float] = {}
    """By status: how long a connection without data is `pending` rather than what its status says."""
    inactive_statuses: frozenset[str] = frozenset()
    pause: PauseRule | None = None
    account_rows: tuple[tuple[str, str], ...] = ()
    """Documented (account status, tracking) pairs."""
    unknown_fields: tuple[str, ...] = ("status",)
    """Fields in which a value can be one that the documents don't list: the zero rows of `connwatch_unknown_values_total`."""
    mutes: tuple[Mute, ...] = ()
    terms: dict[Hashable, Any] = field(default_factory=dict)
    """What `clocks.terms` has worked out by this policy, and by no other."""

    def __post_init__(self) -> None:
        force_setattr(self, "terms", {})  # one that is made of another by `replace` would share that one's

    def mute_for(self, *, company: str, target: str, institution: str, connection: str, now: float) -> Mute | None:
        """The first mute that holds for a connection now."""
        for mute in self.mutes:
            if now < mute.until and mute.matches(
                source=self.source, company=company, target=target, institution=institution, connection=connection
            ):
                return mute
        return None


class Facts(Struct, frozen=True):
    """What the provider itself says of its institutions. An argument of every judgement."""

    names: Mapping[str, str] = {}
    statuses: tuple[InstitutionStatus, ...] = ()
    attended: frozenset[tuple[str, str]] = frozenset()
    """(institution, kind) whose connections can't be refreshed without the user (Basiq `user-mfa`): not judged for staleness."""
    complete_at: float | None = None


class InstitutionStatus(Struct, frozen=True):
    """A provider's own statement that an institution is not all right. `aspect`: sync, auth or connector."""

    institution: str
    kind: str
    aspect: str
    status: str
