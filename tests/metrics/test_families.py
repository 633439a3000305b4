"""The table keeps the habits of Prometheus, so that whatever follows from it does too."""

from __future__ import annotations

import re

import pytest

from connwatch.metrics import FAMILIES, Family

UNITS = ("_seconds", "_ratio", "_info", "_per_minute")
PLAIN = frozenset(
    [
        "connwatch_connections",
        "connwatch_connections_stale",
        "connwatch_connections_never_updated",
        "connwatch_connections_judged",
        "connwatch_connections_stuck",
        "connwatch_connections_paused",
        "connwatch_institution_connections",
        "connwatch_institution_status",
        "connwatch_accounts",
        "connwatch_vanished_held",
        "connwatch_connection_status",
        "connwatch_source_up",
        "connwatch_targets",
        "connwatch_quota_factor",
        "connwatch_series_folded",
        "connwatch_store_up",
        "connwatch_config_last_reload_successful",
        "connwatch_shards",
        "connwatch_shards_owned",
    ]
)
LABELS = frozenset(
    [
        "source",
        "provider",
        "company",
        "company_id",
        "institution",
        "name",
        "kind",
        "status",
        "reason",
        "condition",
        "renewal",
        "tracking",
        "from",
        "to",
        "field",
        "aspect",
        "connection",
        "state",
        "family",
        "outcome",
        "endpoint",
        "code",
        "hash",
        "version",
        "python",
    ]
)

each = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@each
def test_a_name_says_its_unit(family: Family) -> None:
    """Names are snake case below our prefix; a unit or `_total` ends them, and what has neither is a plain count or flag."""
    assert re.fullmatch(r"connwatch(_[a-z]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    if family.kind != "counter":
        assert family.name.endswith(UNITS) != (family.name in PLAIN)
    if "_timestamp" in family.name:
        assert family.name.endswith("_timestamp_seconds")


@each
def test_help_is_a_sentence(family: Family) -> None:
    """HELP ends with a full stop and is one line."""
    assert family.help.endswith(".")
    assert "\n" not in family.help
    assert family.help[0].isupper() or family.help[0].isdigit()


@each
def test_labels_are_from_the_closed_list(family: Family) -> None:
    """No label can carry a person, a text or an address, and none is called `type`; connections name themselves only where wanted."""
    assert set(family.labels) <= LABELS
    assert len(set(family.labels)) == len(family.labels)
    assert "type" not in family.labels
    assert ("connection" in family.labels) == (
        family.name.startswith("connwatch_connection_") and len(family.labels) >= 6
    )


@each
def test_histograms_and_only_they_have_bounds(family: Family) -> None:
    """Bounds rise, and end with infinity."""
    assert bool(family.bounds) == (family.kind in {"histogram", "gaugehistogram"})
    assert list(family.bounds) == sorted(set(family.bounds))
    assert not family.bounds or family.bounds[-1] == float("inf")


def test_names_are_unique() -> None:
    """A family is declared once."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("connwatch_connections", "not at the scrape"),
        ("connwatch_connections_stale", "Nectar"),
        ("connwatch_connection_data_age_seconds", "Nectar"),
        ("connwatch_connection_data_age_seconds", "clamped at 0"),
        ("connwatch_consent_remaining_seconds", "clamped at 0"),
        ("connwatch_connection_oldest_data_timestamp_seconds", "Nectar"),
        ("connwatch_connection_last_updated_timestamp_seconds", "Nectar"),
    ],
)
def test_help_says_what_would_surprise(name: str, clause: str) -> None:
    """What the design demands to be told in HELP is told there (decisions.md 14 and 22)."""
    assert clause in next(family.help for family in FAMILIES if family.name == name)
