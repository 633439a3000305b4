"""One connection as people and programs get to see it: the API's item, and the full account that `explain` prints (contract.md, *API items*)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connwatch.core.condition import ACTORS, RULES
from connwatch.core.model import Held, TargetState, Transition
from connwatch.core.policy import Facts, Policy

_LAST: Final = 253_402_300_799.0
"""The last second of the year 9999."""


def item(policy: Policy, facts: Facts, state: TargetState, held: Held) -> dict[str, Any]:
    """A connection as the API lists it. Times are RFC 3339 in UTC, or None where the truth is not known.

    An institution is named as the provider's own list names it, else as its listing did (decisions.md 24).
    """
    seen, verdict = held.seen, held.verdict
    return {
        "id": seen.id,
        "source": policy.source,
        "provider": policy.provider,
        "company": state.target.company,
        "institution": seen.institution,
        "institution_name": facts.names.get(seen.institution) or seen.words.institution_name or None,
        "kind": seen.kind,
        "status": seen.status,
        "reason": seen.reason or "",
        "condition": verdict.condition,
        "actor": ACTORS[verdict.condition],
        "stale": verdict.stale,
        "stuck": verdict.stuck,
        "paused": verdict.paused,
        "created_at": rfc3339(seen.created_at),
        "status_since": rfc3339(held.status_since),
        "checked_at": rfc3339(seen.checked_at),
        "data_at": rfc3339(seen.data_at),
        "expires_at": rfc3339(seen.expires_at),
        "first_seen_at": rfc3339(held.first_seen),
        "next_poll_at": rfc3339(state.due),
    }


def account(
    policy: Policy, facts: Facts, state: TargetState, held: Held, history: Sequence[Transition]
) -> dict[str, Any]:
    """Why a connection is shown as it is: the item, and beside it the rule, the clocks and the history."""
    seen, verdict = held.seen, held.verdict
    rule = next((rule for rule in RULES if rule.name == verdict.rule), None)
    return item(policy, facts, state, held) | {
        "rule": verdict.rule,
        "why": rule.why if rule else "",
        "condition_since": rfc3339(held.since),
        "never_updated": verdict.never_updated,
        "expiring": verdict.expiring,
        "judged_for_staleness": verdict.judged,
        "stale_at": rfc3339(_after(seen.data_at, policy.stale_after.get(seen.kind))) if verdict.judged else None,
        "next_change_at": rfc3339(held.until),
        "paused_until": rfc3339(held.paused_until) if verdict.paused else None,
        "missing_since": rfc3339(held.missing_since),
        "renewal": seen.words.renewal,
        "traits": list(seen.words.traits),
        "undocumented": sorted({field for field, _ in seen.words.unknown}),
        "accounts": [
            {"status": one.status, "tracking": one.tracking, "count": one.count} for one in seen.accounts or ()
        ],
        "polled_at": rfc3339(state.polled_at),
        "poll_outcome": state.outcome,
        "poll_failures": state.failures,
        "history": [
            {
                "at": rfc3339(change.at),
                "before": change.before,
                "after": change.after,
                "status": change.status,
                "reason": change.reason,
            }
            for change in history
        ],
    }


def rfc3339(at: float | None) -> str | None:
    """An instant in UTC; None for none, and for one that is beyond all calendars, as never is."""
    if at is None or not 0 < at < _LAST:
        return None
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _after(at: float | None, limit: float | None) -> float | None:
    return None if at is None or limit is None else at + limit
