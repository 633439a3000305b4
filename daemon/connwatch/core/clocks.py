"""What time does to a connection: young, stale, stuck, paused, expiring, expired. Each as a deadline, so that counts are right between polls.

Sources: metrics.md, *Policies and their defaults* and *Settled in detail*; decisions.md 13 to 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from connwatch.core.condition import condition, settled_at
from connwatch.core.model import NEVER, Condition, Connection, Verdict
from connwatch.core.policy import Facts, PauseRule, Policy

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
CONSENT_BOUNDS: Final = (0.0, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, NEVER)
AGE_BOUNDS: Final = (HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 8 * DAY, 16 * DAY, 35 * DAY, NEVER)

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
        if one.kind == rule.kind and one.status != rule.gone and "inactive" not in one.traits:
            peers.setdefault(one.institution, []).append((one.created_at or 0.0, one.id, one))
    return {
        one.id: created + rule.seconds
        for same in peers.values()
        for created, _, one in sorted(same, key=_by_age)[1:]
        if one.status == rule.status and one.created_at is not None
    }


def _by_age(peer: tuple[float, str, Connection]) -> tuple[float, str]:
    return peer[:2]


def judge(
    connection: Connection, policy: Policy, facts: Facts, now: float, *, muted_until: float | None, paused_until: float
) -> tuple[Verdict, float]:
    """What a connection is at `now`, and when that changes by the passing of time alone.

    `muted_until` is None for one that isn't muted. Boundaries belong to the later state: at the limit it is stale.
    """
    state, rule = condition(connection, policy, muted=muted_until is not None, now=now)
    deadlines = [settled_at(connection, policy), connection.expires_at, muted_until]

    limit = policy.stale_after.get(connection.kind, NEVER)
    judged = (
        limit < NEVER
        and state not in policy.not_judged
        and state != "muted"
        and "single_sync" not in connection.traits
        and (connection.institution, connection.kind) not in facts.attended
    )
    stale_at = connection.data_at + limit if judged and connection.data_at is not None else None
    unfed_at = _unfed_at(connection, policy) if judged else None
    age = None
    if judged and connection.data_at is not None:
        age, older_at = _age(connection.data_at, now)
        deadlines.append(older_at)

    stuck_at = None if state in _NOT_STUCK else _stuck_at(connection, policy, paused_until)

    consent, expiring_at = None, None
    end = connection.expires_at
    if end is not None and state == "expired":
        consent = 0  # by the provider's word perhaps, before its end
    elif end is not None and state not in _OUT_OF_THE_RUNNING:
        consent, shorter_at = _rest(end, now)
        expiring_at = end - policy.expiring_within
        deadlines.append(shorter_at)

    deadlines += [stale_at, unfed_at, stuck_at, expiring_at, paused_until or None]
    verdict = _shared(
        state,
        rule.name,
        judged,
        stale_at is not None and now >= stale_at,
        unfed_at is not None and now >= unfed_at,
        stuck_at is not None and now >= stuck_at,
        now < paused_until and state not in _OUT_OF_THE_RUNNING,
        expiring_at is not None and end is not None and expiring_at <= now < end,
        consent,
        age,
    )
    return verdict, min((at for at in deadlines if at is not None and at > now), default=NEVER)


def _unfed_at(connection: Connection, policy: Policy) -> float | None:
    """When a connection without any data clock counts as never updated."""
    if connection.data_at is not None or connection.created_at is None:
        return None
    grace = policy.never_updated_after.get(connection.kind, NEVER)
    return connection.created_at + grace if grace < NEVER else None


def _stuck_at(connection: Connection, policy: Policy, paused_until: float) -> float | None:
    """When a connection in a start-up status is stuck: never before its pause is over and the grace has passed since."""
    start = connection.status_since if connection.status_since is not None else connection.created_at
    grace = policy.stuck_after.get(connection.status, NEVER)
    if connection.data_at is None:
        unfed = policy.stuck_after.get("never_updated", NEVER)
        if unfed < grace:
            start, grace = connection.created_at, unfed
    if start is None or grace == NEVER:
        return None
    return max(start + grace, paused_until)


def _rest(end: float, now: float) -> tuple[int, float]:
    """Bucket of the rest of a consent, and when it falls into the next smaller one.

    Compared as instants, not as differences: rounding must not hold a consent back at its own deadline.
    """
    bucket = next(index for index, bound in enumerate(CONSENT_BOUNDS) if now >= end - bound)
    return bucket, end - CONSENT_BOUNDS[bucket - 1] if bucket else NEVER


def _age(data_at: float, now: float) -> tuple[int, float]:
    """Bucket of the age of data, and when it grows into the next larger one."""
    return next((index, data_at + bound) for index, bound in enumerate(AGE_BOUNDS) if now < data_at + bound)
