"""Per-connection series: who has them, and how they end (decisions.md 21)."""

from __future__ import annotations

import pytest

from connwatch.core.fleet import Fleet
from connwatch.core.tally import Tally
from connwatch.metrics import Exposition
from connwatch.metrics.connections import Mode
from tests.core.cast import DAY, HOUR, INTERVAL, NO_FACTS, NOW, POLICY, Item
from tests.metrics.scene import NASTY, exposed, listed, pass_until, text

STATUS = "connwatch_connection_status{"


@pytest.fixture
def fleet() -> Fleet:
    """An empty source."""
    fleet = Fleet()
    fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    return fleet


def statuses(exposition: Exposition, now: float) -> dict[tuple[str, str], float]:
    """(connection, condition) -> value of its status series."""
    found = {}
    for line in text(exposition, now).splitlines():
        if line.startswith(STATUS):
            labels, at = line.rsplit(" ", 1)
            key = labels.split('connection="')[1].split('"')[0], labels.split('condition="')[1].split('"')[0]
            assert key not in found
            found[key] = float(at)
    return found


def lines(exposition: Exposition, name: str, now: float) -> list[str]:
    """The samples of one family, without its name."""
    return [line for line in text(exposition, now).splitlines() if line.startswith(f"{name}{{")]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", set()),
        ("unhealthy", {"bad", "stale", "soon", "odd"}),
        ("all", {"good", "bad", "stale", "soon", "odd"}),
    ],
)
def test_who_has_series(fleet: Fleet, mode: Mode, expected: set[str]) -> None:
    """`unhealthy`: whose condition isn't healthy, who is stale, and whose consent ends soon."""
    listed(
        fleet,
        "bank",
        "u",
        Item("good"),
        Item("bad", status="bad"),
        Item("stale", data_at=NOW - 40 * HOUR),
        Item("soon", expires_at=NOW + DAY),
        Item("odd", status="odd"),
    )
    assert {id_ for id_, _ in statuses(exposed(fleet, mode), NOW)} == expected


def test_recovery_is_told_and_then_forgotten(fleet: Fleet) -> None:
    """The old label set at 0 for an interval, then gone; no 1 of a healthy connection."""
    listed(fleet, "bank", "u", Item("a", status="bad"))
    exposition = exposed(fleet, "unhealthy")
    assert statuses(exposition, NOW) == {("a", "action_required"): 1.0}
    listed(fleet, "bank", "u", Item("a"), at=NOW + 60)
    assert statuses(exposition, NOW + 60) == {("a", "action_required"): 0.0}
    listed(fleet, "bank", "u", Item("a"), at=NOW + 61)
    assert statuses(exposition, NOW + 59 + INTERVAL) == {("a", "action_required"): 0.0}
    assert statuses(exposition, NOW + 60 + INTERVAL) == {}


def test_a_change_is_told_from_both_sides(fleet: Fleet) -> None:
    """`all`: what it is now is 1, what it was is 0; back again, there is no second line of the same labels."""
    listed(fleet, "bank", "u", Item("a"), Item("b"))
    exposition = exposed(fleet, "all")
    assert statuses(exposition, NOW) == {("a", "healthy"): 1.0, ("b", "healthy"): 1.0}
    listed(fleet, "bank", "u", Item("a", status="bad"), Item("b"), at=NOW + 60)
    assert statuses(exposition, NOW + 60) == {
        ("a", "healthy"): 0.0,
        ("a", "action_required"): 1.0,
        ("b", "healthy"): 1.0,
    }
    listed(fleet, "bank", "u", Item("a"), Item("b"), at=NOW + 120)
    assert statuses(exposition, NOW + 120) == {
        ("a", "healthy"): 1.0,
        ("a", "action_required"): 0.0,
        ("b", "healthy"): 1.0,
    }


def test_time_alone_brings_and_takes_series(fleet: Fleet) -> None:
    """A connection that becomes stale has series from that instant."""
    listed(fleet, "bank", "u", Item("a", data_at=NOW))
    exposition = exposed(fleet, "unhealthy")
    pass_until(fleet, NOW + 36 * HOUR - 1)
    assert statuses(exposition, NOW + 36 * HOUR - 1) == {}
    pass_until(fleet, NOW + 36 * HOUR)
    assert statuses(exposition, NOW + 36 * HOUR) == {("a", "healthy"): 1.0}


def test_what_vanished_has_not_recovered(fleet: Fleet) -> None:
    """A removed connection just ends, and so does one of a removed target."""
    listed(fleet, "bank", "u", Item("a", status="bad"), Item("b", status="bad"))
    exposition = exposed(fleet, "unhealthy")
    assert len(statuses(exposition, NOW)) == 2
    for sweep in (1, 2):
        listed(fleet, "bank", "u", Item("b", status="bad"), at=NOW + sweep * INTERVAL)
    assert statuses(exposition, NOW + 2 * INTERVAL) == {("b", "action_required"): 1.0}
    fleet.remove("bank", "u")
    assert statuses(exposition, NOW + 2 * INTERVAL) == {}


def test_what_fades_goes_with_its_connection(fleet: Fleet) -> None:
    """Whoever takes the place of one that recovered and vanished has nothing to do with what that one was."""
    listed(fleet, "bank", "u", Item("a", status="bad"))
    exposition = exposed(fleet, "all")
    assert statuses(exposition, NOW) == {("a", "action_required"): 1.0}
    listed(fleet, "bank", "u", Item("a"), at=NOW + 60)
    assert statuses(exposition, NOW + 60) == {("a", "action_required"): 0.0, ("a", "healthy"): 1.0}
    fleet.remove("bank", "u")
    listed(fleet, "bank", "v", Item("b"), at=NOW + 60)
    assert statuses(exposition, NOW + 60) == {("b", "healthy"): 1.0}


def test_clocks_that_are_not_known_are_absent(fleet: Fleet) -> None:
    """Missing is absent; where the provider doesn't say when it looked, it is our own look."""
    listed(fleet, "bank", "u", Item("a", data_at=None))
    exposition = exposed(fleet, "all")
    assert lines(exposition, "connwatch_connection_last_updated_timestamp_seconds", NOW) == []
    assert lines(exposition, "connwatch_connection_expires_timestamp_seconds", NOW) == []
    for at in (NOW, NOW + 60):
        listed(fleet, "bank", "u", Item("a", data_at=None), at=at)
        (line,) = lines(exposition, "connwatch_connection_checked_timestamp_seconds", at)
        assert float(line.rsplit(" ", 1)[1]) == at


def test_a_nasty_id_recovers_too(fleet: Fleet) -> None:
    """Quotes and commas in an id don't hide which connection a line is about."""
    id_ = f'x",company="y {NASTY}'
    listed(fleet, "bank", "u", Item(id_, status="bad"))
    exposition = exposed(fleet, "unhealthy")
    exposition.refresh(NOW)
    listed(fleet, "bank", "u", Item(id_), at=NOW + 60)
    (line,) = lines(exposition, "connwatch_connection_status", NOW + 60)
    assert line.endswith(" 0.0")
