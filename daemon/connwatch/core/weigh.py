"""What one connection counts for: the rows that it adds to. Taken away with the same weights when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from connwatch.core.model import Held
from connwatch.core.policy import Policy

Labels: TypeAlias = tuple[str, ...]
Weight: TypeAlias = tuple[str, Labels, int]
"""(group, label values, amount). Sums of times are whole milliseconds, so that adding and taking away is exact."""

DERIVED: Final = frozenset({"expired", "pending", "muted"})
UNKNOWN_WORDS: Final = 20
OTHER: Final = "other"


class Vocabulary:
    """Which raw words become labels: the documented ones, and the first twenty others of a source; the rest is `other`."""

    def __init__(self, policy: Policy) -> None:
        self._known = {word for pair in policy.table for word in pair} | {
            word for pair in policy.account_rows for word in pair
        }
        self._known |= policy.stale_after.keys() | {"", OTHER}
        self._admitted: dict[str, str] = {}

    def word(self, raw: str) -> str:
        """The label for a raw word. What was admitted once stays so."""
        if raw in self._known:
            return raw
        label = self._admitted.get(raw)
        if label is None:
            label = raw if len(self._admitted) < UNKNOWN_WORDS else OTHER
            if label == raw:
                self._admitted[raw] = label
        return label


def weigh(held: Held, company: str, prefix: Labels, vocabulary: Vocabulary) -> tuple[Weight, ...]:
    """All rows that a connection adds to. `prefix` is (source, provider)."""
    return tuple(_weights(held, company, prefix, vocabulary))


def _weights(held: Held, company: str, prefix: Labels, vocabulary: Vocabulary) -> Iterator[Weight]:
    seen, verdict = held.seen, held.verdict
    of_company = (*prefix, company)
    status, kind = vocabulary.word(seen.status), vocabulary.word(seen.kind)
    of_kind = (*of_company, kind)
    yield "connections", (*of_company, status, vocabulary.word(seen.reason or ""), verdict.condition), 1
    yield "institutions", (*prefix, seen.institution, verdict.condition), 1
    yield "institution_names", (*prefix, seen.institution, seen.institution_name), 1
    yield "kinds", of_kind, 1
    marks = (
        ("judged", verdict.judged, of_kind),
        ("stale", verdict.stale, of_kind),
        ("never_updated", verdict.never_updated, of_kind),
        ("stuck", verdict.stuck, (*of_company, status)),
        ("paused", verdict.paused, of_company),
        ("vanished", held.missing_since is not None, prefix),
    )
    for group, marked, labels in marks:
        if marked:
            yield group, labels, 1
    if verdict.age is not None and seen.data_at is not None:
        yield "age_bucket", (*prefix, kind, str(verdict.age)), 1
        yield "age_sum", (*prefix, kind), round(seen.data_at * 1000)
    if verdict.consent is not None and seen.expires_at is not None:
        of_renewal = (*of_company, seen.renewal or "unknown")
        yield "consent_bucket", (*of_renewal, str(verdict.consent)), 1
        if verdict.consent:
            yield "consent_live", of_renewal, 1
            yield "consent_sum", of_renewal, round(seen.expires_at * 1000)
    for one in seen.accounts or ():
        yield "accounts", (*of_company, vocabulary.word(one.status), vocabulary.word(one.tracking)), one.count


def pins_of_company(policy: Policy, company: str) -> list[tuple[str, Labels]]:
    """Rows that are zero, not unknown, once a company was polled completely: its documented statuses, its start-up clocks."""
    of_company = (policy.source, policy.provider, company)
    rows: list[tuple[str, Labels]] = [
        ("connections", (*of_company, status, reason, condition))
        for (status, reason), condition in policy.table.items()
    ]
    rows += [("stuck", (*of_company, status)) for status in policy.stuck_after if status != "never_updated"]
    if policy.pause is not None:
        rows.append(("paused", of_company))
    return rows


def pins_of_kind(labels: Labels) -> list[tuple[str, Labels]]:
    """Rows that are zero, not unknown, while a company has a connection of that kind. `labels` are those of the group `kinds`."""
    return [(group, labels) for group in ("judged", "stale", "never_updated")]
