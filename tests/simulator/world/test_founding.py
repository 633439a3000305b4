"""The first instant of a world shows everything that the documents list."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from connwatch.simulator.world.founding import found
from connwatch.simulator.world.model import CADENCE, DAY, Nature, data_at
from connwatch.simulator.world.vocabulary import INACTIVE_COMPANY, KINDS, STATES, WITHDRAWN
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from connwatch.simulator.world.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """Give the default world."""
    return found(1, 2000, NOW)


def test_every_documented_state_occurs(world: World) -> None:
    """No status, reason or extended status of the documents is missing from the default world."""
    seen = {each.state for each in world.connections.values()}

    documented = {state for table in STATES.values() for _, state in table} | {INACTIVE_COMPANY, WITHDRAWN}
    assert documented <= seen


def test_every_kind_occurs(world: World) -> None:
    """No type or method of a connection is missing."""
    seen = {(each.provider, each.kind) for each in world.connections.values()}

    assert {(provider, kind) for provider, rows in KINDS.items() for _, kind in rows} == seen


def test_the_providers_share_the_connections(world: World) -> None:
    """Two thousand connections are eight hundred, eight hundred, and four hundred."""
    assert Counter(each.provider for each in world.connections.values()) == {
        "nectar": 800,
        "moneyhub": 800,
        "basiq": 400,
    }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 50])
def test_small_worlds_have_the_size_that_was_asked_for(size: int) -> None:
    """A test that wants three connections gets three."""
    assert len(found(1, size, NOW).connections) == size


def test_no_past_lies_in_the_future(world: World) -> None:
    """Creation, state and data come in this order, and all before now."""
    for each in world.connections.values():
        fed = data_at(each, NOW)
        assert each.created <= each.since <= NOW
        assert fed is None or each.created <= fed <= NOW


def test_consents_end_in_every_bucket(world: World) -> None:
    """Some consents have ended, some end within a day, two, five, seven, fourteen, thirty and ninety."""
    left = [(each.expires - NOW) / DAY for each in world.connections.values() if each.expires is not None]

    bounds = (float("-inf"), 0, 1, 2, 5, 7, 14, 30, 90)
    for low, high in pairwise(bounds):
        assert any(low < days <= high for days in left), (low, high)


def test_consents_without_an_end_exist(world: World) -> None:
    """Legacy and web connections, and some banks, have no end to wait for."""
    endless = {each.kind for each in world.connections.values() if each.expires is None}

    assert {"api", "legacy", "web"} <= endless


def test_some_data_stopped_under_a_good_status(world: World) -> None:
    """The failure that no status tells is there, of every provider, and so is a connection that never had data."""
    quiet = [each for each in world.connections.values() if each.state.nature is Nature.WORKING and not each.flows]
    quiet = [each for each in quiet if each.kind in CADENCE]

    assert {each.provider for each in quiet} == set(KINDS)
    assert any(each.fed is None for each in quiet)


def test_some_new_connections_are_stuck(world: World) -> None:
    """Of each start-up status some are young and some are older than any grace."""
    ages: dict[str, list[float]] = {}
    for each in world.connections.values():
        if each.state.nature is Nature.STARTING:
            ages.setdefault(each.provider, []).append(NOW - each.created)

    assert all(min(found) < 7200 < DAY < max(found) for found in ages.values())


def test_a_pair_is_in_its_pause(world: World) -> None:
    """One new web connection waits while another of the same user and institution is in progress."""
    [paused] = [each for each in world.connections.values() if each.begins > NOW]
    twins = [each for each in world.of_owner(paused.owner) if each.institution == paused.institution]

    assert [each.state.status for each in twins] == ["pending", "pending"]
    assert paused.begins == paused.created + 360


def test_companies_have_twins_and_a_closed_one(world: World) -> None:
    """Two companies share a name, one is closed with all its connections, one has none, one needs a second page."""
    companies = list(world.owners["nectar"].values())
    sizes = {company.id: len(world.of_owner(company.id)) for company in companies}
    [closed] = [company for company in companies if not company.active]

    assert len({company.name for company in companies}) == len(companies) - 1
    assert {each.state for each in world.of_owner(closed.id)} == {INACTIVE_COMPANY}
    assert min(sizes.values()) == 0
    assert max(sizes.values()) > 500


def test_users_without_connections_and_deleted_users_exist(world: World) -> None:
    """The list of users has members that no connections call is needed for."""
    users = list(world.owners["moneyhub"].values())

    assert any(user.deleted is not None for user in users)
    assert any(user.deleted is None and not world.of_owner(user.id) for user in users)


def test_an_announced_outage_has_struck_its_institution(world: World) -> None:
    """What the provider says about an institution agrees with most of its connections."""
    for place in world.institutions.values():
        if place.standing in {"TEMPORARILY_UNAVAILABLE", "major-outage"}:
            natures = Counter(each.state.nature for each in world.of_institution(place.id))
            assert natures[Nature.SITE] > natures[Nature.WORKING]
            assert world.is_down(place.id)


def test_the_seed_makes_the_world() -> None:
    """The same seed gives the same world, another seed another one."""
    once, again, other = found(7, 300, NOW), found(7, 300, NOW), found(8, 300, NOW)

    assert list(once.connections.values()) == list(again.connections.values())
    assert list(once.journal) == list(again.journal)
    assert list(once.connections.values()) != list(other.connections.values())
