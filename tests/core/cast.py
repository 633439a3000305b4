"""A small world for the core: one source's policy, items as a provider would decode them, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from connwatch.core.model import Connection, Held, Kept, Renewal, Target, TargetState, Trait, Verdict, words
from connwatch.core.policy import Facts, PauseRule, Policy
from connwatch.core.poll import Learned, Listing, Polled

NOW = 1_790_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR
INTERVAL = 1800.0

POLICY = Policy(
    source="bank",
    provider="basiq",
    table={
        ("ok", ""): "healthy",
        ("wait", ""): "pending",
        ("bad", ""): "action_required",
        ("bad", "site"): "degraded",
        ("looked_into", ""): "investigating",
        ("over", ""): "inactive",
    },
    poll_interval=INTERVAL,
    discovery_interval=600.0,
    stale_after={"web": 36 * HOUR, "slow": 35 * DAY},
    never_updated_after={"web": HOUR},
    stuck_after={"wait": 900.0},
    expiring_within=7 * DAY,
    not_judged=frozenset({"inactive", "expired", "pending"}),
    settling={"ok": HOUR},
    inactive_statuses=frozenset({"over"}),
    pause=PauseRule(kind="web", status="wait", gone="over"),
    unknown_fields=("status", "kind"),
)
NO_FACTS = Facts()


class Item(Struct, frozen=True, gc=False):
    """A connection as decoded from a reply."""

    id: str
    status: str = "ok"
    reason: str | None = ""
    kind: str = "web"
    institution: str = "bank-a"
    created_at: float | None = NOW - 100 * DAY
    data_at: float | None = NOW - 60
    expires_at: float | None = None
    renewal: Renewal | None = None
    status_since: float | None = None
    traits: tuple[Trait, ...] = ()


def read(item: Item) -> Connection:
    """What a provider's reading makes of it."""
    said = words(
        item.institution,
        item.kind,
        item.status,
        item.reason,
        item.institution.title(),
        item.renewal,
        item.traits,
        () if (item.status, "") in POLICY.table else (("status", item.status),),
    )
    return Connection(item.id, said, item.created_at, item.status_since, item.data_at, item.data_at, item.expires_at)


def listing(*items: Item, learned: dict[str, Learned] | None = None) -> Listing:
    """A complete listing."""
    return Listing.of(map(read, items), learned)


def polled(*items: Item, at: float = NOW) -> Polled:
    """A poll that brought these."""
    return Polled(listing(*items), started_at=at)


def target(id_: str = "user-1", *, company: str = "acme", at: float = NOW) -> TargetState:
    """A target that was never asked."""
    return TargetState(Target(id_, company), first_seen=at, due=at)


def conditions(connections: Iterable[Held]) -> dict[str, str]:
    """Connection id -> condition."""
    return {one.seen.id: one.verdict.condition for one in connections}


def asleep(state: TargetState) -> list[Kept]:
    """What a store gives back: of a verdict it keeps the condition and the rule."""
    return [
        (
            one.seen,
            Verdict(one.verdict.condition, one.verdict.rule),
            one.since,
            one.status_since,
            one.first_seen,
            one.missing_since,
            one.learned_at,
        )
        for one in state.connections.values()
    ]
