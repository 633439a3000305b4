"""The ways in which the providers write a time (Unix seconds in, text out)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime


def seconds(at: float) -> str:
    """Write `2026-03-02T04:41:09Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")[:19] + "Z"


def millis(at: float) -> str:
    """Write `2026-03-02T04:41:09.120Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def naive(at: float) -> str:
    """Write `2026-03-02T04:41:09.120001`, without a zone (providers/nectar.md section 7)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:26]


def day(at: float) -> str:
    """Write `2026-03-02`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def http_date(at: float) -> str:
    """Write `Mon, 02 Mar 2026 04:41:09 GMT`, as HTTP headers do."""
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)
