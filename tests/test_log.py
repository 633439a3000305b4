"""Logs say what happened, and nothing secret."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.log import BLOT, Redaction, Volume, set_up


def logged(
    facts: Mapping[str, object], *, level: str = "debug", style: str = "json", redaction: Redaction | None = None
) -> str:
    """What one event looks like."""
    stream = io.StringIO()
    set_up(Volume(level), style, redaction or Redaction(), stream=stream).info("poll_failed", **facts)
    return stream.getvalue()


def test_an_event_is_one_line_of_json() -> None:
    """Time, level, event and facts, for a machine to read."""
    line = json.loads(logged({"source": "bank", "failures": 2}))
    assert line.pop("time").endswith("Z")
    assert line == {"event": "poll_failed", "level": "info", "source": "bank", "failures": 2}


def test_the_volume_can_be_turned_while_it_runs() -> None:
    """A reload changes the level without a restart."""
    stream, volume = io.StringIO(), Volume("warning")
    log = set_up(volume, "json", Redaction(), stream=stream).bind(source="bank")
    log.info("unheard")
    volume.level = "debug"
    log.debug("heard")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["heard"]


def test_the_console_style_is_for_people() -> None:
    """No JSON, no colours where nobody sees them."""
    line = logged({"source": "bank"}, style="console")
    assert "poll_failed" in line
    assert "\x1b" not in line


def test_what_is_below_the_level_is_not_written() -> None:
    """Warning means warning."""
    assert logged({}, level="warning") == ""


@pytest.mark.parametrize(
    "key",
    ["api_key", "apikey", "client_secret", "access_token", "Authorization", "body", "password", "email", "username"],
)
def test_a_key_that_names_a_secret_is_blotted_out(key: str) -> None:
    """Whoever logs it, whatever it is."""
    assert "hunter2" not in logged({key: "hunter2"})


@given(st.text("abcdefgh0123", min_size=6), st.text("xyz ", max_size=5))
def test_a_secret_in_force_is_blotted_out_wherever_it_turns_up(secret: str, around: str) -> None:
    """Even inside another text."""
    redaction = Redaction()
    redaction.know([secret])
    assert secret not in json.loads(logged({"detail": f"{around}{secret}{around}"}, redaction=redaction))["detail"]


def test_an_exception_is_blotted_out_too() -> None:
    """A traceback can quote what failed."""
    redaction = Redaction()
    redaction.know(["s3cret-value"])
    stream = io.StringIO()
    log = set_up(Volume("debug"), "json", redaction, stream=stream)
    try:
        int("s3cret-value")
    except ValueError:
        log.exception("crashed")
    assert "s3cret-value" not in stream.getvalue()
    assert BLOT in stream.getvalue()


def test_short_words_are_no_secrets() -> None:
    """A secret of three letters would blot out half of the log; checking the configuration is the place to refuse it."""
    redaction = Redaction()
    redaction.know(["ok"])
    assert redaction.blot("it is ok") == "it is ok"
