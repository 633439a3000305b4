"""What time does to a connection: young, stale, stuck, paused, expiring, expired. Each as a deadline, so that counts are right between polls.

Sources: metrics.md, *Policies and their defaults* and *Settled in detail*; decisions.md 13 to 16.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import astuple, replace

from connwatch.core.condition import Look, condition, settled_at
from connwatch.core.model import NEVER, Condition, Connection, Trait, Verdict
from connwatch.core.policy import Facts, PauseRule, Policy

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
CONSENT_BOUNDS: Final = (0.0, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, NEVER)
AGE_BOUNDS: Final = (HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 8 * DAY, 16 * DAY, 35 * DAY, NEVER)

Consent: TypeAlias = tuple[int | None, bool]
"""Bucket of its rest, and whether it is expiring."""
_NO_CONSENT: Final[Consent] = (None, False)

KEPT: Final = 4096
"""Cases of which the terms are kept: more than any provider documents, and few enough where one makes up its own."""
_OUT_OF_THE_RUNNING: Final[frozenset[Condition]] = frozenset({"muted", "inactive"})
_NOT_STUCK: Final = _OUT_OF_THE_RUNNING | {"expired"}

T = TypeVar("T")
_shared = lru_cache(maxsize=4096)(Verdict)
"""Verdicts are few and connections are many: those that are alike share one. By position, so that equal calls are equal."""


class Ladder(NamedTuple, Generic[T]):
    """What it comes to how long after an instant something is looked at."""

    bounds: tuple[float, ...]
    """Seconds after the instant at which it comes to something else, less than 0 before it; the last one is `NEVER`."""
    rungs: tuple[T, ...]
    """What it comes to before each of them."""

    def at(self, now: float, start: float) -> tuple[T, float]:
        """What it comes to now, and until when.

        Compared as instants, not as differences: rounding must not hold anything back at its own deadline.
        """
        bounds = self.bounds
        passed = bisect_right(bounds, now - start)
        while passed and now < start + bounds[passed - 1]:
            passed -= 1
        while now >= start + bounds[passed]:
            passed += 1
        return self.rungs[passed], start + bounds[passed]


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
    """What applies to all connections of the same case."""

    plain: Verdict
    """What they are but for their clocks."""
    aged: Ladder[Verdict] | None
    """What they are by the age of their data; None where that isn't judged."""
    unfed: Ladder[Verdict] | None
    """And without any data, by their own age."""
    stuck_after: float
    """Seconds in this status; `NEVER` switches the clock off."""
    idle_after: float
    """Without any data, from its creation on: stuck too."""
    consent: Ladder[Consent] | None
    """By the end of the consent; None where nobody would miss it."""
    running: bool
    """A pause would be felt."""


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
    limit, grace = policy.stale_after.get(kind, NEVER), policy.never_updated_after.get(kind)
    judged = (
        limit < NEVER
        and state not in policy.not_judged
        and state != "muted"
        and "single_sync" not in traits
        and not attended
    )
    plain = _like(Verdict(state, rule.name), judged=judged)
    running, sticks = state not in _OUT_OF_THE_RUNNING, state not in _NOT_STUCK
    return Terms(
        plain=plain,
        aged=_aging(plain, limit) if judged else None,
        unfed=_starving(plain, grace) if judged and grace is not None else None,
        stuck_after=policy.stuck_after.get(status, NEVER) if sticks else NEVER,
        idle_after=policy.stuck_after.get("never_updated", NEVER) if sticks else NEVER,
        consent=_OVER if state == "expired" else _ending(policy.expiring_within) if running else None,
        running=running,
    )


def _like(verdict: Verdict, **changes: object) -> Verdict:
    """The same verdict but for these, shared like all."""
    return _shared(*astuple(replace(verdict, **changes)))


def _aging(plain: Verdict, stale_after: float) -> Ladder[Verdict]:
    bounds = tuple(sorted({*AGE_BOUNDS, stale_after}))
    return Ladder(bounds, tuple(_like(plain, stale=stale_after < at, age=bisect_left(AGE_BOUNDS, at)) for at in bounds))


def _starving(plain: Verdict, grace: float) -> Ladder[Verdict]:
    return Ladder((grace, NEVER), (plain, _like(plain, never_updated=True)))


def _ending(expiring_within: float) -> Ladder[Consent]:
    bounds = tuple(sorted({*(-rest for rest in CONSENT_BOUNDS), -expiring_within, NEVER}))
    return Ladder(bounds, tuple((bisect_right(CONSENT_BOUNDS, -at), -expiring_within < at <= 0.0) for at in bounds))


_OVER: Final[Ladder[Consent]] = Ladder((NEVER,), ((0, False),))
"""By the provider's word perhaps, before its end."""


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

    verdict, until = on.plain, NEVER
    if data_at is not None:
        if on.aged is not None:
            verdict, until = on.aged.at(now, data_at)
    elif on.unfed is not None and connection.created_at is not None:
        verdict, until = on.unfed.at(now, connection.created_at)

    stuck_at = NEVER
    if on.stuck_after < NEVER or on.idle_after < NEVER:
        stuck_at = _stuck_at(connection, on, paused_until)
    consent, falls_at = _NO_CONSENT, NEVER
    if end is not None and on.consent is not None:
        consent, falls_at = on.consent.at(now, end)
    stuck, paused = now >= stuck_at, now < paused_until and on.running
    if stuck or paused or consent is not _NO_CONSENT:
        verdict = _marked(verdict, stuck, paused, *consent)

    for at in (stuck_at, falls_at, end, settled, muted_until, paused_until):
        if at is not None and now < at < until:
            until = at
    return verdict, until


@lru_cache(maxsize=4096)
def _marked(verdict: Verdict, stuck: bool, paused: bool, consent: int | None, expiring: bool) -> Verdict:  # noqa: FBT001 - for the cache
    return _like(verdict, stuck=stuck, paused=paused, consent=consent, expiring=expiring)


def _stuck_at(connection: Connection, on: Terms, paused_until: float) -> float:
    """When a connection in a start-up status is stuck: never before its pause is over and the grace has passed since."""
    grace = on.stuck_after
    start = connection.status_since if connection.status_since is not None else connection.created_at
    if on.idle_after < grace and connection.data_at is None:
        start, grace = connection.created_at, on.idle_after
    if start is None or grace == NEVER:
        return NEVER
    return max(start + grace, paused_until)
