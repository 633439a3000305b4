"""The soak itself, as short as it can be: that a long one is worth its time."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.soak.course import Settings
from tests.soak.processes import soak
from tests.soak.verdict import problems

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_two_days_with_a_restart_and_a_death(tmp_path: Path) -> None:
    """Two hundred connections, everything that goes wrong in two days: in the end all is counted right, and nothing is left behind."""
    told: list[str] = []
    settings = Settings(days=2, connections=200, seed=2, grain=300.0, per_connection="unhealthy")
    seen = soak(settings, tmp_path, told.append)
    assert [line.split(":")[0] for line in told] == ["day  1", "day  2"]
    assert (seen.restarts, seen.deaths, len(seen.after)) == (1, 1, 3)
    assert seen.reloads > 10
    assert seen.waits > 0
    assert seen.requests > seen.polls > 2 * 80
    # The memory of so few in so short a time is that of everything else in this process.
    assert list(problems(replace(seen, memory_at_end=seen.memory_after_first_day))) == []
