"""The values of the world: institutions, owners, connections, and what happened to them. All times are Unix seconds."""

from __future__ import annotations

from enum import Enum

import msgspec

DAY = 86400.0
PAUSE = 360.0
"""The pause before a second connection with the same credentials begins (providers/basiq.md section 6)."""


class Nature(Enum):
    """What a state is about, in words that hold for all three providers."""

    STARTING = "starting"
    WORKING = "working"
    USER = "user"
    SITE = "site"
    REVIEW = "review"
    EXPIRED = "expired"
    OVER = "over"


class State(msgspec.Struct, frozen=True, gc=False):
    """One documented combination of a provider's words; `reason` is Moneyhub's `error` or Basiq's job code."""

    status: str
    nature: Nature
    reason: str = ""
    extended: str = ""
    kinds: tuple[str, ...] = ()
    """The kinds of connection that can be in it; empty for all of the provider's."""


class Institution(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A utility or bank as its provider lists it."""

    id: str
    provider: str
    name: str
    kinds: tuple[str, ...]
    size: int
    """Its weight when a connection picks an institution."""
    country: str
    standing: str = ""
    """What the provider itself says about it, in the provider's words; empty where the provider says nothing."""
    auth_standing: str = ""
    endless: bool = False
    """Its consents have no end (providers/moneyhub.md section 6.4)."""
    withdrawn: bool = False
    """Removed for good: its connections never run again."""
    authorization: str = "user"
    stage: str = "live"


class Owner(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The holder of connections: a company at Nectar, an end user elsewhere."""

    id: str
    provider: str
    name: str
    created: float
    grain: int
    active: bool = True
    deleted: float | None = None


class Connection(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One link between an owner and an institution."""

    id: str
    provider: str
    owner: str
    institution: str
    kind: str
    state: State
    created: float
    since: float
    """Since when it is in its state."""
    begins: float
    """When its first job runs: at its creation, or after the pause."""
    fed: float | None
    """When data last came (at Nectar: the last check), as far as that was written down; see `data_at`."""
    flows: bool
    """Whether data goes on coming at the provider's cadence."""
    expires: float | None
    grain: int
    """64 bits that decide which optional fields and spellings it has."""


class Happening(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that the provider tells in its list of events."""

    at: float
    entity: str
    type: str
    owner: str
    connection: Connection | None = None


CADENCE = {
    "utility": 7 * DAY,
    "api": DAY / 6,
    "legacy": DAY,
    "zoopla": 30 * DAY,
    "mouseprice": 30 * DAY,
    "autotrader": 30 * DAY,
    "test": DAY,
    "web": DAY,
    "openbanking": DAY,
}
"""Seconds between two looks of the provider, by kind; a kind that isn't here gets data once, when it is made."""

TERM = {
    "api": 90 * DAY,
    "test": 90 * DAY,
    "zoopla": 90 * DAY,
    "mouseprice": 90 * DAY,
    "autotrader": 90 * DAY,
    "openbanking": 365 * DAY,
}
"""The life of a consent, by kind (providers/moneyhub.md section 6.4); other kinds have consents without an end."""


def last_run(connection: Connection, now: float) -> float:
    """When the provider's schedule last came round to this connection; may lie before its creation."""
    period = CADENCE.get(connection.kind)
    if period is None:
        return connection.created
    phase = connection.grain % period
    return (now - phase) // period * period + phase


def data_at(connection: Connection, now: float) -> float | None:
    """When data last came (at Nectar: when it was last checked), or None if it never did."""
    if not connection.flows:
        return connection.fed
    run = last_run(connection, now)
    return run if connection.fed is None else max(connection.fed, run)


def keeps_flowing(provider: str, kind: str, state: State) -> bool:
    """Say whether the provider goes on looking in this state.

    Nectar pauses for credentials and inactive companies only (providers/nectar.md section 6).
    """
    if kind not in CADENCE:
        return False
    if provider == "nectar":
        return state.nature in {Nature.WORKING, Nature.SITE, Nature.REVIEW}
    return state.nature is Nature.WORKING or state.reason == "sync_partial"


def in_trouble(connection: Connection) -> bool:
    """Say whether a connection fails in a way that somebody could mend, silence under a good status included."""
    match connection.state.nature:
        case Nature.USER | Nature.SITE | Nature.REVIEW | Nature.EXPIRED:
            return True
        case Nature.WORKING:
            return connection.kind in CADENCE and not connection.flows
        case Nature.STARTING | Nature.OVER:
            return False
