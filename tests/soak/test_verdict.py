"""A soak that went wrong is said to have gone wrong, in words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.soak.verdict import SHOWN, Census, Observed, problems, summary

HELD = Census(tasks=2, files=10, threads=3)
GOOD = Observed(
    date="2026-11-21",
    days=14,
    connections=100,
    requests=2000,
    polls=1000,
    restarts=7,
    deaths=4,
    reloads=70,
    waits=300,
    memory_after_first_day=100_000_000,
    memory_at_end=104_000_000,
    before=HELD,
    alive=(replace(HELD, tasks=50), replace(HELD, tasks=50)),
    after=(HELD, HELD),
    busiest={"nectar": 60},
    quota={"nectar": 60},
)


def test_a_good_soak_passes() -> None:
    """Nothing is said of it, and its summary says so."""
    assert list(problems(GOOD)) == []
    assert summary(GOOD) == {
        "date": "2026-11-21",
        "days": 14,
        "connections": 100,
        "requests": 2000,
        "polls": 1000,
        "restarts": 7,
        "deaths": 4,
        "reloads": 70,
        "waits": 300,
        "memory_after_first_day_mb": 100.0,
        "memory_at_end_mb": 104.0,
        "growth": 0.04,
        "passed": True,
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"memory_at_end": 105_000_000}, "memory grew by 5.0% after the first day; less than 5% is allowed"),
        ({"alive": (HELD, replace(HELD, tasks=5))}, "3 tasks more are at work than after the first day"),
        ({"after": (HELD, replace(HELD, files=11))}, "life 2 left 1 files behind"),
        ({"after": (replace(HELD, tasks=4), HELD)}, "life 1 left 2 tasks behind"),
        ({"after": (replace(HELD, threads=4),)}, "life 1 left 1 threads behind"),
        ({"after": (replace(HELD, daemons=1),)}, "life 1 left 1 daemons behind"),
        ({"busiest": {"nectar": 61}}, "nectar was asked 61 times in a minute; 60 are allowed"),
        ({"differences": ["nectar CONNECTED"]}, "counted wrong: nectar CONNECTED"),
        ({"violations": ["basiq DELETE /users"]}, "forbidden: basiq DELETE /users"),
        ({"undercut": ["nectar /company"]}, "too early: nectar /company"),
        ({"errors": ["reading_broke"]}, "logged: reading_broke"),
    ],
)
def test_each_fault_fails_it(change: dict[str, Any], told: str) -> None:
    """One fault of any kind is enough, and is told."""
    bad = replace(GOOD, **change)
    assert list(problems(bad)) == [told]
    assert summary(bad)["passed"] is False


def test_many_faults_of_a_kind_are_counted() -> None:
    """Nobody reads a thousand lines."""
    told = list(problems(replace(GOOD, differences=[str(number) for number in range(SHOWN + 3)])))
    assert len(told) == SHOWN + 1
    assert told[-1] == "counted wrong: 3 more"
