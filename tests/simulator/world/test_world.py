"""Everything that can happen to the world, one event at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connwatch.simulator.world.founding import found
from connwatch.simulator.world.model import DAY, Connection, Nature, data_at
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from connwatch.simulator.world.world import World


@pytest.fixture
def world() -> World:
    """Give a small world in which nothing happens by itself."""
    return found(5, 400, NOW)


def working(world: World, provider: str, kind: str) -> Connection:
    """Find a connection that works and gets data."""
    return next(
        each
        for each in world.connections.values()
        if (each.provider, each.kind, each.state.nature, each.flows) == (provider, kind, Nature.WORKING, True)
    )


def test_time_goes_forward_only(world: World) -> None:
    """A clock that was set back does not undo what has happened."""
    world.advance(NOW + 100)
    world.advance(NOW)

    assert world.now == NOW + 100


def test_data_comes_at_the_cadence_of_the_kind(world: World) -> None:
    """A bank feed is read every four hours, a utility once a week."""
    for provider, kind, period in (("moneyhub", "api", 4 * 3600), ("nectar", "utility", 7 * DAY)):
        each = working(world, provider, kind)
        late, later = data_at(each, NOW + 30 * DAY), data_at(each, NOW + 30 * DAY + period)
        assert late is not None
        assert later == late + period


def test_a_broken_connection_keeps_its_last_data(world: World) -> None:
    """After the password breaks, the data clock stands still; the repair sets it going again."""
    each = working(world, "moneyhub", "api")
    before = data_at(each, NOW)
    world.set_status(each.id, "error", "credentials_error")
    world.advance(NOW + DAY)

    assert data_at(world.connections[each.id], world.now) == before

    world.set_status(each.id, "ok")
    assert data_at(world.connections[each.id], world.now) == NOW + DAY


def test_a_stalled_connection_still_looks_well(world: World) -> None:
    """Data stops, and the status stays."""
    each = working(world, "basiq", "web")
    before = data_at(each, NOW)
    world.stall(each.id)
    world.advance(NOW + 3 * DAY)

    after = world.connections[each.id]
    assert after.state.status == "active"
    assert data_at(after, world.now) == before


def test_a_consent_runs_out_in_its_time(world: World) -> None:
    """At the end of its consent a bank connection stops, unless the consent was renewed before."""
    lapsing, renewed = [
        each
        for each in world.connections.values()
        if each.kind == "api" and each.state.nature is Nature.WORKING and each.expires is not None
    ][:2]
    assert lapsing.expires is not None
    assert renewed.expires is not None
    world.renew(renewed.id)
    world.advance(lapsing.expires - 1)
    assert world.connections[lapsing.id].state.nature is Nature.WORKING

    world.advance(max(lapsing.expires, renewed.expires))
    assert world.connections[lapsing.id].state.nature is Nature.EXPIRED
    assert world.connections[renewed.id].state.nature is Nature.WORKING


def test_valuations_renew_themselves(world: World) -> None:
    """Where no state means an ended consent, the end moves on."""
    each = next(each for each in world.connections.values() if each.kind == "zoopla" and each.expires is not None)
    assert each.expires is not None
    world.advance(each.expires + 1)

    after = world.connections[each.id]
    assert after.expires == each.expires + 90 * DAY
    assert after.state == each.state


def test_a_new_connection_comes_to_its_first_result(world: World) -> None:
    """Open banking goes from pre-init through init to active."""
    user = next(iter(world.owners["basiq"]))
    made = world.create(user, "AU00101", "openbanking")

    seen = []
    for second in range(0, 600, 10):
        world.advance(NOW + second)
        seen.append(world.connections[made].state.status)

    assert list(dict.fromkeys(seen)) == ["pre-init", "init", "active"]


def test_the_second_connection_with_the_same_credentials_waits_six_minutes(world: World) -> None:
    """The pause holds for the newer one only, and for web only; then it goes on as usual."""
    user = world.create_user("basiq")
    first = world.create(user, "AU00101", "web")
    world.advance(NOW + 5)
    second = world.create(user, "AU00101", "web")
    elsewhere = world.create(user, "AU00102", "web")
    world.advance(NOW + 300)

    def status(connection: str) -> str:
        return world.connections[connection].state.status

    assert (status(first), status(second), status(elsewhere)) == ("active", "pending", "active")
    world.advance(NOW + 5 + 360)
    assert status(second) == "pending"
    world.advance(NOW + 5 + 360 + 60)
    assert status(second) == "active"


def test_an_impossible_connection_is_refused(world: World) -> None:
    """A script that makes a web connection at a utility is told so."""
    user = next(iter(world.owners["basiq"]))

    with pytest.raises(ValueError, match="has no web connection"):
        world.create(user, "Saltmarsh Energy", "web")


def test_an_outage_strikes_what_works_and_nothing_else(world: World) -> None:
    """What failed before goes on failing for its own reason when the institution comes back."""
    place = "Cedar Valley Power & Light"
    before = {each.id: each.state for each in world.of_institution(place)}
    world.take_down(place)
    during = {each.state.status for each in world.of_institution(place)}
    world.bring_back(place)

    assert "CONNECTED" not in during
    assert {each.id: each.state for each in world.of_institution(place)} == before


def test_the_end_of_an_outage_mends_no_password(world: World) -> None:
    """What broke for another reason while the institution was down stays broken."""
    each = working(world, "nectar", "utility")
    world.take_down(each.institution)
    world.set_status(each.id, "PASSWORD_INCORRECT")
    world.bring_back(each.institution)

    assert world.connections[each.id].state.status == "PASSWORD_INCORRECT"


def test_an_outage_may_be_unannounced(world: World) -> None:
    """The provider's word follows the outage only if it is told."""
    banks = [place.id for place in world.institutions.values() if place.standing == "operational"]
    world.take_down(banks[0])
    world.take_down(banks[1], announced=False)

    assert world.institutions[banks[0]].standing == "major-outage"
    assert world.institutions[banks[1]].standing == "operational"
    world.bring_back(banks[0])
    assert world.institutions[banks[0]].standing == "operational"


def test_the_troubled_are_those_in_trouble(world: World) -> None:
    """A connection is among them from the moment when it breaks until it is mended."""
    each = working(world, "nectar", "utility")
    assert each.id not in world.troubled
    world.set_status(each.id, "WEBSITE_DOWN")
    assert each.id in world.troubled
    world.set_status(each.id, "CONNECTED")

    assert each.id not in world.troubled


def test_a_removed_connection_is_nowhere(world: World) -> None:
    """Neither its owner nor its institution nor the troubled list it any more."""
    each = next(iter(world.troubled.values()))
    world.remove(each.id)

    assert each.id not in world.connections
    assert each.id not in world.troubled
    assert each not in world.of_owner(each.owner)
    assert each not in world.of_institution(each.institution)


def test_a_deleted_user_takes_the_connections_along(world: World) -> None:
    """Some users of Moneyhub are listed as deleted for a while, the others vanish at once."""
    users = [user for user in world.owners["moneyhub"].values() if world.of_owner(user.id)][:12]
    for user in users:
        world.delete_owner(user.id)

    told = [user for user in users if user.id in world.owners["moneyhub"]]
    assert 0 < len(told) < len(users)
    assert all(world.owner(user.id).deleted == NOW for user in told)
    assert not any(world.of_owner(user.id) for user in users)
    world.advance(NOW + 3600)
    assert not any(user.id in world.owners["moneyhub"] for user in users)


def test_an_unknown_owner_is_told(world: World) -> None:
    """A script that means nobody is told so."""
    with pytest.raises(KeyError):
        world.delete_owner("nobody")


def test_a_deactivated_company_stops(world: World) -> None:
    """All its connections show it."""
    company = next(owner for owner in world.owners["nectar"].values() if owner.active)
    world.deactivate(company.id)

    assert {each.state.status for each in world.of_owner(company.id)} == {"COMPANY_INACTIVE"}


def test_words_that_no_document_lists_can_be_put_in_a_mouth(world: World) -> None:
    """A script may try any status."""
    each = working(world, "nectar", "utility")
    world.set_status(each.id, "HAUNTED")

    assert world.connections[each.id].state.status == "HAUNTED"


def test_basiq_remembers_seven_days(world: World) -> None:
    """What happened is told for a week, and the others' connections are not told at all."""
    user = world.create_user("basiq")
    made = world.create(user, "AU00101", "openbanking")
    world.advance(NOW + 600)
    world.set_status(made, "invalid", "authorization-failed")
    world.remove(made)
    world.delete_owner(user)
    world.create_user("moneyhub")

    told = [(each.entity, each.type) for each in world.journal if each.owner == user]
    assert told == [
        ("user", "created"),
        ("connection", "created"),
        ("connection", "activated"),
        ("connection", "invalidated"),
        ("connection", "deleted"),
        ("user", "deleted"),
    ]
    assert all(world.owners["basiq"].get(each.owner) or each.owner == user for each in world.journal)
    world.advance(NOW + 600 + 8 * DAY)
    assert not any(each.owner == user for each in world.journal)
