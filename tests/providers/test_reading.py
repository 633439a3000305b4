"""What every provider's words are read by."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.providers.reading import Enumeration, Reading, instant, label, slug

NOW = 1_000_000.0
COLOURS = Enumeration("colour", ("red", "dark-blue"), aliases={"crimson": "red"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02T00:00:00Z", 86_400.0),
        ("1970-01-02T00:00:00", 86_400.0),
        ("1970-01-02T00:00:00.5Z", 86_400.5),
        ("1970-01-02T00:00:00.1234567891", 86_400.123456),
        ("1970-01-02T01:00:00+01:00", 86_400.0),
        ("1970-01-02t00:00:00z", 86_400.0),
    ],
)
def test_an_instant_is_read_in_every_form(text: str, seconds: float) -> None:
    """RFC 3339, with or without a zone, in either case, with as many digits as there are."""
    assert instant(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_what_is_no_instant_is_absent(text: str) -> None:
    """Garbage and the zero values of languages are no time."""
    assert instant(text) is None


@given(st.text())
def test_any_text_is_an_instant_or_none(text: str) -> None:
    """No text raises."""
    seconds = instant(text)
    assert seconds is None or seconds > 0


@given(st.text())
def test_a_label_is_always_fit(raw: str) -> None:
    """Whatever a provider says, a label is a short word; a fit value is kept as it is."""
    shown = label(raw)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", shown)
    assert shown in {raw, "other"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Example Power & Light", "example-power-light"),
        ("EnBW", "enbw"),
        ("Île-de-France", "-le-de-france"),
        ("A_B  c", "a-b-c"),
        ("", "unknown"),
        (None, "unknown"),
        ("株式会社", "unknown"),
    ],
)
def test_a_slug_is_stable_and_plain(name: str | None, expected: str) -> None:
    """Lower case, one hyphen for every run of other characters; a name of which nothing is left is unknown."""
    assert slug(name) == expected


def test_a_documented_value_is_one_shared_object() -> None:
    """A million connections hold one string for their status, not a million."""
    reading = Reading()
    first, second = (reading.value(COLOURS, json.loads('"dark-blue"')) for _ in range(2))
    assert first is second
    assert reading.unknown == ()


def test_an_alias_is_the_value_that_it_means() -> None:
    """An alias is shown as its value and is not unknown."""
    reading = Reading()
    assert reading.value(COLOURS, "crimson") == "red"
    assert reading.unknown == ()


def test_undocumented_values_are_noted_once() -> None:
    """A value that comes up twice in one item is one undocumented value."""
    reading = Reading()
    assert [reading.value(COLOURS, raw) for raw in ("green", "green", "no label")] == ["green", "green", "other"]
    assert reading.unknown == (("colour", "green"), ("colour", "other"))
