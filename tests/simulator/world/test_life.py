"""What happens by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connwatch.simulator.world.founding import found
from connwatch.simulator.world.life import Life
from connwatch.simulator.world.model import DAY, Nature
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from connwatch.simulator.world.world import World


def lived(seconds: float, *, step: float | None = None, pace: float = 60.0) -> World:
    """Make a small world and let it live for so long, in one stride or in steps."""
    world = found(3, 400, NOW)
    if pace > 0:
        Life(world, pace).begin()
    at = NOW
    while step is not None and at + step < NOW + seconds:
        at += step
        world.advance(at)
    world.advance(NOW + seconds)
    return world


def test_the_world_does_not_depend_on_who_looks() -> None:
    """Asking often or once makes no difference to what has happened."""
    assert list(lived(3600).connections.values()) == list(lived(3600, step=7.3).connections.values())


def test_things_happen_at_the_pace_that_was_set() -> None:
    """Without a pace nothing breaks; with one, states change, and connections come and go."""
    before = found(3, 400, NOW)
    still, busy = lived(1800, pace=0), lived(1800)

    def moved(world: World) -> int:
        return sum(world.connections.get(each.id) != each for each in before.connections.values())

    assert moved(still) < 20
    assert moved(busy) > 200
    assert set(busy.connections) - set(before.connections)
    assert set(before.connections) - set(busy.connections)


def test_the_world_stays_as_healthy_as_it_was() -> None:
    """After a third of a day neither health nor trouble has taken over, and there are about as many of everything."""
    young, old = found(3, 400, NOW), lived(DAY / 3, pace=10)

    assert len(young.troubled) / 2 < len(old.troubled) < len(young.troubled) * 2
    assert abs(len(old.connections) - len(young.connections)) < 10
    for provider in ("moneyhub", "basiq"):
        assert len(young.owners[provider]) / 2 < len(old.owners[provider]) < len(young.owners[provider]) * 2


def test_outages_strike_many_at_once_and_end() -> None:
    """Sooner or later an institution fails with its connections and comes back."""
    world = found(3, 400, NOW)
    Life(world, 60).begin()
    down_at_first = {place for place in world.institutions if world.is_down(place)}
    seen: set[str] = set()
    for minute in range(80):
        world.advance(NOW + minute * 60)
        seen |= {place for place in world.institutions if world.is_down(place)}

    struck = seen - down_at_first
    assert struck
    assert any(not world.is_down(place) for place in struck)


def test_each_kind_of_trouble_comes() -> None:
    """Passwords, sites, reviews and consents all break in a few hours' life."""
    world = found(3, 400, NOW)
    Life(world, 20).begin()
    seen: set[Nature] = set()
    for minute in range(0, 240, 20):
        world.advance(NOW + minute * 60)
        seen |= {each.state.nature for each in world.connections.values() if each.since > NOW}

    assert {Nature.USER, Nature.SITE, Nature.REVIEW, Nature.EXPIRED, Nature.WORKING} <= seen


def test_the_six_minute_pause_comes_again() -> None:
    """New pairs with the same credentials are made while the world lives, one after the other."""
    world = found(3, 400, NOW)
    Life(world, 60).begin()
    paused: set[str] = set()
    for minute in range(40):
        world.advance(NOW + minute * 60)
        paused |= {each.id for each in world.connections.values() if each.begins > each.created}

    assert len(paused) > 2
