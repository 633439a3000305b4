"""The reference is the table, and the README has it."""

from __future__ import annotations

from pathlib import Path

from connwatch.metrics import FAMILIES, reference

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"


def test_markdown_has_a_row_for_each_family() -> None:
    """Name and type in either format, labels and meaning."""
    text = reference("markdown")
    rows = [line for line in text.splitlines() if line.startswith("| `connwatch_")]
    assert len(rows) == len(FAMILIES)
    assert all(row.count(" | ") == 4 for row in rows)
    assert "| `connwatch_polls_total` | counter | counter `connwatch_polls` | `source` `provider` `outcome` |" in text
    assert "| `connwatch_consent_remaining_seconds` | histogram | gaugehistogram |" in text


def test_the_table_is_for_people_at_a_terminal() -> None:
    """Every family, in lines that fit."""
    text = reference("table")
    assert all(f"\n{family.name}\n" in f"\n{text}" for family in FAMILIES)
    assert max(map(len, text.splitlines())) <= 120


def test_the_readme_has_the_reference() -> None:
    """What the README says of metrics is what is exposed: `connwatch metrics --format markdown` writes it."""
    readme = README.read_text(encoding="utf-8")
    assert readme.split(BEGIN)[1].split(END)[0].strip() == reference("markdown")
