"""Headings and numbers as each format wants them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from connwatch.metrics.families import FAMILY
from connwatch.metrics.lines import Format, heading, number, typed


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("text", '# HELP connwatch_polls_total A \\\\ and\\na "quote".\n# TYPE connwatch_polls_total counter\n'),
        ("openmetrics", '# HELP connwatch_polls A \\\\ and\\na \\"quote\\".\n# TYPE connwatch_polls counter\n'),
    ],
)
def test_help_is_escaped_as_the_format_wants(format_: Format, expected: str) -> None:
    """OpenMetrics escapes quotes in HELP, the text format doesn't; a counter's family has no `_total` in OpenMetrics."""
    family = replace(FAMILY["connwatch_polls_total"], help='A \\ and\na "quote".')
    assert heading(family, format_).decode() == expected


def test_a_histogram_of_the_present_has_a_type_in_each_format() -> None:
    """The text format knows no gauge histograms."""
    family = FAMILY["connwatch_consent_remaining_seconds"]
    assert [typed(family, "text")[1], typed(family, "openmetrics")[1]] == ["histogram", "gaugehistogram"]


@pytest.mark.parametrize(("value", "said"), [(0.0, "0.0"), (1209600.0, "1.2096e+06"), (float("inf"), "+Inf")])
def test_numbers_are_written_as_go_writes_them(value: float, said: str) -> None:
    """So that `le` is the same label whoever exposes it (decisions.md 22)."""
    assert number(value) == said
