"""Times as the providers write them."""

from __future__ import annotations

import pytest

from connwatch.simulator.shapes import stamps

AT = 1772426469.120001


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (stamps.seconds, "2026-03-02T04:41:09Z"),
        (stamps.millis, "2026-03-02T04:41:09.120Z"),
        (stamps.naive, "2026-03-02T04:41:09.120001"),
        (stamps.day, "2026-03-02"),
        (stamps.http_date, "Mon, 02 Mar 2026 04:41:09 GMT"),
    ],
)
def test_times_are_written_as_documented(write: object, text: str) -> None:
    """Each spelling is the one of its provider's examples."""
    assert callable(write)
    assert write(AT) == text


def test_a_whole_second_keeps_its_digits() -> None:
    """A time without a fraction is not shortened."""
    assert stamps.naive(1772426469.0) == "2026-03-02T04:41:09.000000"
    assert stamps.millis(1772426469.0) == "2026-03-02T04:41:09.000Z"
