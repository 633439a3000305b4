"""What time does to a connection: young, stale, stuck, paused, expiring, expired. Each as a deadline, so that counts are right between polls.

Sources: metrics.md, *Policies and their defaults* and *Settled in detail*; decisions.md 13 to 16.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.condition import Look, condition, settled_at
from connwatch.core.model import NEVER, Condition, Connection, Trait, Verdict
from connwatch.core.policy import Facts, PauseRule, Policy

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
CONSENT_BOUNDS: Final = (0.0, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, NEVER)
AGE_BOUNDS: Final = (HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 8 * DAY, 16 * DAY, 35 * DAY, NEVER)

KEPT: Final = 4096
"""Cases of which the terms are kept: more than any provider documents, and few enough where one makes up its own."""
_OUT_OF_THE_RUNNING: Final[frozenset[Condition]] = frozenset({"muted", "inactive"})
_NOT_STUCK: Final = _OUT_OF_THE_RUNNING | {"expired"}

_shared = lru_cache(maxsize=4096)(Verdict)
"""Verdicts are few and connections are many: those that are alike share one."""


def pauses(connections: Iterable[Connection], rule: PauseRule | None) -> Mapping[str, float]:
    """Connection id -> end of its six-minute pause, over or not (providers/basiq.md section 6; decisions.md 3).

    A new connection is paused while its user has another one of that kind to the same institution. Only the newer of a
    pair is: the other one must have been created before it (or at the same instant, with the smaller id).
    """
    if rule is None:
        return {}
    peers: dict[str, list[tuple[float, str, Connection]]] = {}
    for one in connections:
        said = one.words
        if said.kind == rule.kind and said.status != rule.gone and "inactive" not in said.traits:
            peers.setdefault(said.institution, []).append((one.created_at or 0.0, one.id, one))
    return {
        one.id: created + rule.seconds
        for same in peers.values()
        for created, _, one in sorted(same, key=_by_age)[1:]
        if one.words.status == rule.status and one.created_at is not None
    }


def _by_age(peer: tuple[float, str, Connection]) -> tuple[float, str]:
    return peer[:2]


Case: TypeAlias = tuple[str, str, str | None, tuple[Trait, ...], bool, bool, bool, bool]
"""What connections have in common that are judged by the same terms: kind, status, reason, traits; whether they are muted,
their consents are over, they are young (see `Look`), their end users must attend (see `Facts`)."""


class Terms(Struct, frozen=True, gc=False):
    """What applies to all connections of the same case. Seconds; `NEVER` switches a clock off."""

    condition: Condition
    rule: str
    stale_after: float
    """`NEVER`: the age of its data is not judged."""
    unfed_after: float
    stuck_after: float
    """In this status."""
    idle_after: float
    """Without any data, from its creation on: stuck too."""
    running: bool
    """A consent that ends would be missed, a pause would be felt."""


def terms(case: Case, policy: Policy) -> Terms:
    """The terms by which connections are judged: worked out once for all that are alike."""
    known: Terms | None = policy.terms.get(case)
    if known is None:
        if len(policy.terms) >= KEPT:
            policy.terms.clear()
        known = policy.terms[case] = _worked_out(case, policy)
    return known


def _worked_out(case: Case, policy: Policy) -> Terms:
    kind, status, reason, traits, muted, ended, young, attended = case
    state, rule = condition(Look(status, reason, traits, policy, muted, ended, young))
    limit = policy.stale_after.get(kind, NEVER)
    judged = (
        limit < NEVER
        and state not in policy.not_judged
        and state != "muted"
        and "single_sync" not in traits
        and not attended
    )
    return Terms(
        condition=state,
        rule=rule.name,
        stale_after=limit if judged else NEVER,
        unfed_after=policy.never_updated_after.get(kind, NEVER) if judged else NEVER,
        stuck_after=NEVER if state in _NOT_STUCK else policy.stuck_after.get(status, NEVER),
        idle_after=NEVER if state in _NOT_STUCK else policy.stuck_after.get("never_updated", NEVER),
        running=state not in _OUT_OF_THE_RUNNING,
    )


def judge(
    connection: Connection, policy: Policy, facts: Facts, now: float, *, muted_until: float | None, paused_until: float
) -> tuple[Verdict, float]:
    """What a connection is at `now`, and when that changes by the passing of time alone.

    `muted_until` is None for one that isn't muted. Boundaries belong to the later state: at the limit it is stale.
    """
    said, data_at, end = connection.words, connection.data_at, connection.expires_at
    settled = settled_at(connection, policy) if policy.settling else None
    case = (
        said.kind,
        said.status,
        said.reason,
        said.traits,
        muted_until is not None,
        end is not None and end <= now,
        settled is not None and now < settled,
        bool(facts.attended) and (said.institution, said.kind) in facts.attended,
    )
    on = terms(case, policy)

    turns = [paused_until, settled or 0.0, muted_until or 0.0, end or 0.0]  # what is past turns nothing
    stale = unfed = stuck = expiring = False
    age = consent = None
    if on.stale_after < NEVER:
        if data_at is not None:
            stale_at = data_at + on.stale_after
            stale = now >= stale_at
            age, older_at = _age(data_at, now)
            turns += stale_at, older_at
        elif on.unfed_after < NEVER and connection.created_at is not None:
            unfed_at = connection.created_at + on.unfed_after
            unfed = now >= unfed_at
            turns.append(unfed_at)
    if on.stuck_after < NEVER or on.idle_after < NEVER:
        stuck_at = _stuck_at(connection, on, paused_until)
        stuck = now >= stuck_at
        turns.append(stuck_at)
    if end is not None and on.condition == "expired":
        consent = 0  # by the provider's word perhaps, before its end
    elif end is not None and on.running:
        consent, shorter_at = _rest(end, now)
        expiring_at = end - policy.expiring_within
        expiring = expiring_at <= now < end
        turns += shorter_at, expiring_at

    verdict = _shared(
        on.condition,
        on.rule,
        on.stale_after < NEVER,
        stale,
        unfed,
        stuck,
        now < paused_until and on.running,
        expiring,
        consent,
        age,
    )
    until = NEVER
    for at in turns:
        if now < at < until:
            until = at
    return verdict, until


def _stuck_at(connection: Connection, on: Terms, paused_until: float) -> float:
    """When a connection in a start-up status is stuck: never before its pause is over and the grace has passed since."""
    grace = on.stuck_after
    start = connection.status_since if connection.status_since is not None else connection.created_at
    if on.idle_after < grace and connection.data_at is None:
        start, grace = connection.created_at, on.idle_after
    if start is None or grace == NEVER:
        return NEVER
    return max(start + grace, paused_until)


def _rest(end: float, now: float) -> tuple[int, float]:
    """Bucket of the rest of a consent, and when it falls into the next smaller one.

    Compared as instants, not as differences: rounding must not hold a consent back at its own deadline.
    """
    bucket = bisect_left(CONSENT_BOUNDS, -now, key=lambda bound: bound - end)
    return bucket, end - CONSENT_BOUNDS[bucket - 1] if bucket else NEVER


def _age(data_at: float, now: float) -> tuple[int, float]:
    """Bucket of the age of data, and when it grows into the next larger one: as instants too."""
    bucket = bisect_right(AGE_BOUNDS, now - data_at)
    if bucket and now < data_at + AGE_BOUNDS[bucket - 1]:
        bucket -= 1
    elif now >= data_at + AGE_BOUNDS[bucket]:
        bucket += 1
    return bucket, data_at + AGE_BOUNDS[bucket]
