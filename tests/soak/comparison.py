"""What the daemon exports against what is true, and against what a newborn daemon sees: differences as readable lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.soak.samples import Samples, counted

Counts = Mapping[tuple[str, ...], int]

ALIASES: Final = {"INCORRECT_PASSWORD": "PASSWORD_INCORRECT", "": "other"}
"""Status as it is listed -> as it is shown (metrics.md, *Settled in detail*); empty where the provider leaves it out."""
HISTORY: Final = {"basiq": frozenset({"reason", "condition"})}
"""Labels that depend on what was seen before: Basiq's jobs vanish after seven days, and a reason doesn't (decisions.md 5)."""
PRESENT: Final = (
    "connwatch_connections",
    "connwatch_connections_stale",
    "connwatch_connections_never_updated",
    "connwatch_connections_judged",
    "connwatch_connections_stuck",
    "connwatch_connections_paused",
    "connwatch_institution_connections",
    "connwatch_institution_info",
    "connwatch_institution_status",
    "connwatch_accounts",
    "connwatch_company_info",
    "connwatch_consent_remaining_seconds_bucket",
    "connwatch_consent_next_expiry_timestamp_seconds",
    "connwatch_connection_data_age_seconds_bucket",
    "connwatch_connection_oldest_data_timestamp_seconds",
)
"""What follows from the present alone, so that who was born today must say the same as who has lived for weeks."""


def against_truth(found: Samples, truth: Mapping[str, Any], targets: Mapping[str, int]) -> Iterator[str]:
    """Where the export is not what the providers list. `targets`: how many are to be asked, by provider."""
    for provider, told in truth.items():
        yield from differences(f"{provider} connections", _listed(provider, told), _shown(provider, found))
        places: Counter[tuple[str, ...]] = Counter()
        for row in told["rows"]:
            places[(_slug(row["institution"]) if provider == "nectar" else row["institution"],)] += row["count"]
        ours = counted(found, "connwatch_institution_connections", "institution", provider=provider)
        yield from differences(f"{provider} institutions", places, ours)
        asked: Counts = {(provider,): targets[provider]}
        yield from differences("targets", asked, counted(found, "connwatch_targets", "provider", provider=provider))
    accounts: Counts = {(row["status"], row["tracking"]): row["count"] for row in truth["nectar"]["accounts"]}
    yield from differences("accounts", accounts, counted(found, "connwatch_accounts", "status", "tracking"))
    companies: Counts = {(id_,): 1 for id_ in truth["nectar"]["companies"]}
    infos = counted(found, "connwatch_company_info", "company_id", provider="nectar")
    yield from differences("companies", companies, infos)
    yield from differences("held", {}, counted(found, "connwatch_vanished_held", "provider"))


def against_newborn(found: Samples, before: Samples, after: Samples) -> Iterator[str]:
    """Where who has lived for weeks says something else than who was born today said just before and just after.

    Nothing but time moves between the two, and it moves each count in one direction only.
    """
    for name in PRESENT:
        shown, first, last = (_present(one, name) for one in (found, before, after))
        bounds = {key: sorted((first.get(key, 0), last.get(key, 0))) for key in first.keys() | last.keys()}
        expected = {key: min(max(shown.get(key, 0), low), high) for key, (low, high) in bounds.items()}
        yield from differences(name.removeprefix("connwatch_"), expected, shown)


def differences(name: str, expected: Counts, found: Counts) -> Iterator[str]:
    """One line for each count that isn't as expected."""
    for key in sorted(expected.keys() | found.keys()):
        should, does = expected.get(key, 0), found.get(key, 0)
        if should != does:
            yield f"{name} {' / '.join(part or '-' for part in key)}: {should} expected, {does} exported"


def _listed(provider: str, told: Mapping[str, Any]) -> Counts:
    """Connections by company, status and reason, as the provider lists them."""
    counts: Counter[tuple[str, ...]] = Counter()
    for row in told["rows"]:
        reason = "" if provider in HISTORY else row["reason"]
        counts[row["company"], ALIASES.get(row["status"], row["status"]), reason] += row["count"]
    return counts


def _shown(provider: str, found: Samples) -> Counts:
    """Connections by company, status and reason, as they are exported; Nectar's companies by their ids."""
    ids = {row["company"]: row["company_id"] for row in map(dict, found.get("connwatch_company_info", {}))}
    rows = counted(found, "connwatch_connections", "company", "status", "reason", provider=provider)
    counts: Counter[tuple[str, ...]] = Counter()
    for (company, status, reason), count in rows.items():
        counts[ids[company] if provider == "nectar" else "", status, "" if provider in HISTORY else reason] += count
    return counts


def _present(found: Samples, name: str) -> Counts:
    """Counts by all labels that don't depend on history."""
    counts: Counter[tuple[str, ...]] = Counter()
    for key, value in found.get(name, {}).items():
        forgotten = HISTORY.get(dict(key)["provider"], frozenset())
        counts[tuple(f"{label}={text}" for label, text in key if label not in forgotten)] += int(value)
    return counts


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())
