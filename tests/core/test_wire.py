"""How HTTP is read: bodies of any shape, ids that stay in their path, waits in every spelling."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from connwatch.core.model import Failure, Outcome
from connwatch.core.wire import (
    Refused,
    Reply,
    Request,
    Token,
    expect,
    http_date,
    read,
    refusal,
    retry_after,
    segment,
    word,
)
from tests.core.cast import NOW


class Row(Struct, frozen=True):
    """Something to decode."""

    id: str
    size: int | None = None
    parts: tuple[Row, ...] = ()


ROWS: msgspec.json.Decoder[list[Row]] = msgspec.json.Decoder(list[Row])
SECRET = "jane@example.test"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "size", "parts", SECRET]), inner, max_size=4)
    ),
    max_leaves=12,
)


def ended(body: bytes) -> list[Row] | Failure:
    """What a conversation has in hand after a body: its value, or the failure that ended it."""
    try:
        return read(Reply(200, body), ROWS)
    except Refused as refused:
        return refused.failure


class TestReading:
    """A body becomes a value, or the end of the conversation; never anything else."""

    @given(anything)
    def test_json_of_any_shape_is_read_or_refused(self, document: Any) -> None:
        """What is not of the expected shape is `schema`, and the refusal quotes nothing of it."""
        result = ended(json.dumps(document).encode())
        if isinstance(result, Failure):
            assert (result.outcome, result.status) == ("schema", 200)
            assert SECRET not in repr(result)
        else:
            assert [row.id for row in result] == [row["id"] for row in document]

    @given(st.binary())
    def test_bytes_of_any_kind_are_read_or_refused(self, body: bytes) -> None:
        """Not even JSON, not even text."""
        result = ended(body)
        assert isinstance(result, list) or result.outcome == "schema"

    @pytest.mark.parametrize("body", [b"[" * 100_000, b'[{"id": "", "parts": ' * 50_000])
    def test_a_bottomless_body_is_refused(self, body: bytes) -> None:
        """Nesting without end ends the conversation, not the process."""
        result = ended(body)
        assert isinstance(result, Failure)
        assert result.outcome == "schema"

    def test_what_failed_before_stays_what_it_was(self) -> None:
        """A failure in place of a reply ends the conversation as it is."""
        failure = Failure("timeout")
        with pytest.raises(Refused) as refused:
            read(failure, ROWS)
        assert refused.value.failure is failure
        with pytest.raises(Refused):
            expect(failure)
        assert expect(Reply(204, b"")).status == 204


class TestSegments:
    """An id never reaches another path."""

    @given(st.text() | st.text("./%?#\\ a\n\x00", max_size=6))
    def test_a_segment_is_one_segment_or_nothing(self, raw: str) -> None:
        """Whatever the id: it stays a single, literal step below its list, and cannot be walked out of."""
        try:
            shown = segment(raw)
        except Refused:
            return
        parts = urlsplit(f"https://host/users/{shown}/connections")
        assert parts.path.split("/") == ["", "users", shown, "connections"]
        assert (unquote(shown), parts.query, parts.fragment) == (raw, "", "")
        assert shown.strip(".")

    @pytest.mark.parametrize("raw", ["", ".", "..", "...", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\n", "é", "a" * 201])
    def test_what_could_reach_another_path_is_refused(self, raw: str) -> None:
        """Dots, slashes, queries, escapes, and what is no id of any provider."""
        with pytest.raises(Refused):
            segment(raw)

    @pytest.mark.parametrize("raw", ["a", "a.b", "..a", "0b6f-4c", "user:1@x~y_z", "a" * 200])
    def test_ids_of_providers_pass_as_they_are(self, raw: str) -> None:
        """What providers use needs no escape."""
        assert segment(raw) == raw


class TestWaits:
    """`Retry-After` as numbers, dates and nonsense."""

    @given(st.integers(0, 10**20), st.sampled_from(["", " "]))
    def test_numbers_are_seconds(self, seconds: int, blank: str) -> None:
        """However many: an absurd wait is one, not none."""
        assert retry_after(f"{blank}{seconds}{blank}", NOW) == float(seconds)

    @given(st.integers(-100_000, 100_000))
    def test_dates_are_waits_from_now(self, seconds: int) -> None:
        """An HTTP date; one that is past is no wait."""
        at = datetime.fromtimestamp(NOW, tz=UTC) + timedelta(seconds=seconds)
        assert retry_after(format_datetime(at, usegmt=True), NOW) == max(0.0, seconds)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "soon",
            "-5",
            "1e3",
            "١٢",
            "nan",
            "inf",
            "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
            "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
        ],
    )
    def test_nonsense_is_none(self, value: str | None) -> None:
        """What can't be read is as if it were not there."""
        assert retry_after(value, NOW) is None

    @given(st.text() | st.from_regex(r"(Mon, )?\d{1,3} Jan \d{1,25} \d{1,3}:\d{1,25}(:\d{1,25})? [+-]?(GMT|\d{1,25})"))
    def test_no_header_breaks_us(self, value: str) -> None:
        """Whatever stands in a header, it is a wait, an instant, or nothing."""
        wait, at = retry_after(value, NOW), http_date(value)
        assert wait is None or wait >= 0
        assert at is None or isinstance(at, float)

    def test_part_of_a_second_counts(self) -> None:
        """Some servers are exact."""
        assert retry_after("1.5", NOW) == 1.5

    def test_a_date_without_a_zone_is_utc(self) -> None:
        """HTTP knows no other (RFC 9110 section 5.6.7)."""
        assert http_date("Thu, 01 Jan 1970 00:00:30 -0000") == 30.0
        assert http_date("Thu, 01 Jan 1970 01:00:30 +0100") == 30.0


@pytest.mark.parametrize(
    ("status", "outcome", "waits"),
    [
        (401, "auth", False),
        (403, "forbidden", False),
        (404, "not_found", False),
        (429, "throttled", True),
        (503, "server", True),
        (500, "server", False),
        (302, "server", False),
        (418, "server", False),
    ],
)
def test_a_refusal_is_what_its_status_says(status: int, outcome: Outcome, *, waits: bool) -> None:
    """contract.md, *Outcomes*; and a wait is asked for by 429 and 503 only."""
    failure = refusal(Reply(status, b"jane", {"retry-after": "7"}), NOW)
    assert (failure.outcome, failure.status) == (outcome, status)
    assert failure.retry_after == (7.0 if waits else None)
    assert "jane" not in repr(failure)


@given(st.text() | st.from_regex(r"[A-Z_]{1,80}"))
def test_a_word_is_a_word_or_nothing(text: str) -> None:
    """Free text never gets into the log as if it were a code."""
    shown = word(text)
    assert shown in {"", text}
    assert len(shown) <= 64
    assert shown.isprintable()


@pytest.mark.parametrize("value", [None, 7, ["CODE"], "jane@example.test", "", "-CODE", "A" * 65, "two\nlines"])
def test_what_is_no_word_is_nothing(value: object) -> None:
    """Another type, an address, too much."""
    assert word(value) == ""
    assert word("E_MFA.2: no") == "E_MFA.2: no"


def test_nothing_secret_is_shown_by_repr() -> None:
    """Whatever is logged or stands in a traceback: neither headers nor forms nor bodies nor tokens."""
    request = Request("token", "/token", method="POST", form=(("client_secret", SECRET),), headers={"x": SECRET})
    values = (request, Reply(200, SECRET.encode()), Token(SECRET, NOW, NOW, scope=SECRET))
    assert not [one for one in values if SECRET in repr(one)]
