"""The words of the field as values: targets, connections, failures, and what changes between two looks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import astuple, replace

from connwatch.core.imprint import Imprint

Condition: TypeAlias = Literal[
    "healthy",
    "pending",
    "action_required",
    "degraded",
    "investigating",
    "expired",
    "inactive",
    "muted",
    "unknown",
]
"""What a raw status comes down to. Each has one actor: see `condition.ACTORS`."""

Actor: TypeAlias = Literal["nobody", "end user", "institution", "aggregator", "us"]

Outcome: TypeAlias = Literal[
    "ok",
    "dns",
    "connect",
    "tls",
    "timeout",
    "auth",
    "forbidden",
    "throttled",
    "not_found",
    "server",
    "schema",
    "truncated",
    "loop",
    "too_large",
]
"""How a poll ended: the closed list of contract.md, *Outcomes*."""

Trait: TypeAlias = Literal["inactive", "expired", "stopped", "single_sync"]
"""What a provider says beside the status: will not run again, consent ran out, given up syncing, meant to sync once."""

Renewal: TypeAlias = Literal["reconsent", "reauth", "unknown"]

NEVER: Final = float("inf")


class Accounts(Struct, frozen=True, gc=False):
    """How many accounts of one connection have this account status and tracking status."""

    status: str
    tracking: str
    count: int


class Words(Struct, frozen=True, gc=False, cache_hash=True):
    """What a listing says of a connection and of many others too. Made by `words`, which shares them.

    Enumerations keep their raw spelling (aliases resolved, made fit for a label). `reason` is None where a listing cannot
    tell it: then the last known one stays.
    """

    institution: str
    kind: str
    status: str
    reason: str | None = ""
    institution_name: str = ""
    renewal: Renewal | None = None
    traits: tuple[Trait, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    """Fields whose value the documents don't list, with that value: (field, raw value)."""


words = lru_cache(maxsize=65_536)(Words)
"""Words, shared: connections are many, and what is said of them is mostly the same. By position, so that equal calls are equal."""


def reworded(said: Words, **changes: object) -> Words:
    """The same words but for these, shared like all."""
    return words(*astuple(replace(said, **changes)))


class Connection(Struct, frozen=True, gc=False):
    """A connection in the provider's words, made comparable: one listing's statement, without any judgement.

    Times are Unix seconds; what the provider left out is None.
    """

    id: str
    words: Words
    created_at: float | None = None
    status_since: float | None = None
    checked_at: float | None = None
    data_at: float | None = None
    expires_at: float | None = None
    accounts: tuple[Accounts, ...] | None = None
    """None where a listing cannot tell them: then the last known ones stay."""

    @property
    def institution(self) -> str:
        return self.words.institution

    @property
    def kind(self) -> str:
        return self.words.kind

    @property
    def status(self) -> str:
        return self.words.status

    @property
    def reason(self) -> str | None:
        return self.words.reason


class Verdict(Struct, frozen=True, gc=False, cache_hash=True):
    """What a connection is now. Shared between all connections that are alike (`clocks.judge`)."""

    condition: Condition
    rule: str
    """Name of the rule that decided the condition: `condition.RULES`, for people who ask why."""
    judged: bool = False
    stale: bool = False
    never_updated: bool = False
    stuck: bool = False
    paused: bool = False
    expiring: bool = False
    consent: int | None = None
    """Index into `clocks.CONSENT_BOUNDS` of the smallest bucket that holds the rest of the consent."""
    age: int | None = None
    """Index into `clocks.AGE_BOUNDS` of the smallest bucket that holds the age of the data."""


class Held(Struct, frozen=True, gc=False):
    """One connection as it is remembered: what was last seen, since when, and what it comes down to."""

    seen: Connection
    verdict: Verdict
    until: float
    """When the verdict changes by the passing of time alone; `NEVER` if it doesn't."""
    since: float
    """Start of the condition, by us or by the provider, whichever is earlier."""
    status_since: float
    first_seen: float
    fingerprint: int = 0
    """Of what was listed (`fingerprint`), to pass over what did not change; 0 after a restart. Means nothing to another process."""
    missing_since: float | None = None
    """First of the complete listings in a row that lacked it; None while it is listed."""
    paused_until: float = 0.0
    learned_at: float | None = None
    """When its details (Nectar) or its jobs (Basiq) were last read."""


Kept: TypeAlias = tuple[Connection, Verdict, float, float, float, float | None, float | None]
"""What a store keeps of a connection, a million of which are read in a row: as it was seen, of its verdict the condition and the
rule; `since`, `status_since`, `first_seen`, `missing_since`, `learned_at` of `Held`."""


class Target(Struct, frozen=True, gc=False):
    """Whose connections one poll lists: a company (Nectar) or an end user (Moneyhub, Basiq)."""

    id: str
    company: str
    """The label `company`."""
    name: str = ""
    """The name as the provider gave it, from which the label was made; empty for end users, whose names are never kept."""


class TargetState(Struct, frozen=True, gc=False):
    """All that is known of one target. `connections` is never changed in place: a step makes a new mapping."""

    target: Target
    first_seen: float
    due: float
    connections: Mapping[str, Held] = {}
    polled_at: float | None = None
    """Start of the last complete poll: `Polled.started_at`."""
    changed_at: float | None = None
    """Last time a connection appeared, vanished or changed its condition."""
    failures: int = 0
    """Polls in a row that failed."""
    outcome: Outcome | None = None
    absent_since: float | None = None
    """First complete discovery that lacked it; None while it is discovered or configured."""
    gone: bool = False
    """The provider answered 404: it is asked seldom and counts for no sweep."""
    imprints: tuple[Imprint, ...] = ()
    """How the pages of its last listing read, of which all `connections` that aren't missing are as they are."""


class Failure(Struct, frozen=True, gc=False):
    """Why there is no answer. Carries nothing of a body: a closed outcome, and what a log may say."""

    outcome: Outcome
    detail: str = ""
    """A short text for the log, made by us; never taken from a body."""
    status: int | None = None
    code: str = ""
    """The provider's error code, if it looks like one (a word)."""
    correlation_id: str = ""
    """What the provider's support asks for."""
    retry_after: float | None = None
    """Seconds to wait, as the provider asked; uncapped."""
    renew: bool = False
    """The token ran out: renewing it once may help."""
    explained: bool = True
    """False for a 403 without a documented cause, which may be throttling (providers/basiq.md section 5.1)."""


class Moved(Struct, frozen=True, gc=False):
    """One connection before and after: None before is new, None after is removed."""

    before: Held | None
    after: Held | None


class Transition(Struct, frozen=True, gc=False):
    """A change of status, reason or condition, for the history of a connection."""

    connection: str
    at: float
    before: Condition | None
    after: Condition | None
    status: str = ""
    reason: str = ""
    lasted: float | None = None
    """Seconds that an unhealthy condition lasted which this change ended by repair; None if it ended none."""


class Note(Struct, frozen=True, gc=False):
    """Something for the log. The core never logs: the poller writes it down."""

    event: str
    level: Literal["debug", "info", "warning"] = "info"
    facts: Mapping[str, str | int | float | None] = {}


class Step(Struct, frozen=True, gc=False):
    """The one answer of the reducer: the next state, what moved to get there, and what to say about it."""

    state: TargetState
    moved: tuple[Moved, ...] = ()
    transitions: tuple[Transition, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    """Changes into values that the documents don't list: (field, raw value)."""
    notes: tuple[Note, ...] = ()
