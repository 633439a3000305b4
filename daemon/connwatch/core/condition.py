"""What a raw status comes down to: one ordered rule as data, and who has to act (product.md, *Conditions*; decisions.md 13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from connwatch.core.model import Actor, Condition, Connection, Trait
from connwatch.core.policy import Policy

ACTORS: Final[Mapping[Condition, Actor]] = {
    "healthy": "nobody",
    "pending": "nobody",
    "action_required": "end user",
    "degraded": "institution",
    "investigating": "aggregator",
    "expired": "end user",
    "inactive": "nobody",
    "muted": "nobody",
    "unknown": "us",
}
CONDITIONS: Final[tuple[Condition, ...]] = tuple(ACTORS)
REPAIRABLE: Final[frozenset[Condition]] = frozenset({"action_required", "degraded", "investigating", "expired"})
"""Unhealthy conditions whose length is worth knowing: `connwatch_connection_repair_seconds`."""


class Look(NamedTuple):
    """All that a rule may look at: what was said, by which policy it is judged, and how its two clocks stand."""

    status: str
    reason: str | None
    traits: tuple[Trait, ...]
    policy: Policy
    muted: bool
    ended: bool
    """The consent's end is past."""
    young: bool
    """There is no data yet, and it would be early for it: see `settled_at`."""

    @property
    def documented(self) -> Condition | None:
        """The table's word for this status and reason."""
        return self.policy.table.get((self.status, self.reason or ""))


class Rule(NamedTuple):
    """A rule that decides if it applies: its name, when it applies, and the condition that follows."""

    name: str
    applies: Callable[[Look], bool]
    condition: Condition | None
    """None: what the table says."""
    why: str


def _inactive(look: Look) -> bool:
    return "inactive" in look.traits or look.status in look.policy.inactive_statuses


RULES: Final[tuple[Rule, ...]] = (
    Rule("muted", lambda look: look.muted, "muted", "the operator muted it in the configuration"),
    Rule("inactive", _inactive, "inactive", "the provider will not run it again"),
    Rule("undocumented", lambda look: look.documented is None, "unknown", "a value that the documents don't list"),
    Rule("expired", lambda look: look.ended or "expired" in look.traits, "expired", "the consent has run out"),
    Rule("stopped", lambda look: "stopped" in look.traits, "action_required", "the provider gave up syncing"),
    Rule("young", lambda look: look.young, "pending", "new, and its first data is outstanding"),
    Rule("table", lambda _: True, None, "what the provider's status means"),
)
"""In order of precedence: the first that applies decides."""


def condition(look: Look) -> tuple[Condition, Rule]:
    """The condition that follows, and the rule that decided it."""
    rule = next(rule for rule in RULES if rule.applies(look))
    return rule.condition or look.documented or "unknown", rule


def settled_at(connection: Connection, policy: Policy) -> float | None:
    """When a connection without any data stops being merely young; None if it isn't one."""
    if connection.data_at is not None or connection.created_at is None:
        return None
    grace = policy.settling.get(connection.words.status)
    return None if grace is None else connection.created_at + grace
