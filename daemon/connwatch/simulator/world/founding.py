"""The first instant of a world: a history that looks as if it had gone on for three years.

Each documented state is dealt once before any is dealt by weight, so that a world of the usual size shows them all.
"""

from __future__ import annotations

from itertools import chain, count
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from connwatch.simulator.world.chance import Dice
from connwatch.simulator.world.journal import MEMORY
from connwatch.simulator.world.making import new_company, new_connection, new_user
from connwatch.simulator.world.model import CADENCE, DAY, TERM, Connection, Institution, Nature, Owner, State
from connwatch.simulator.world.places import CLOSED, COMPANIES, INSTITUTIONS, offering
from connwatch.simulator.world.vocabulary import INACTIVE_COMPANY, KINDS, STANDING_DOWN, START_TAKES, STATES, WITHDRAWN
from connwatch.simulator.world.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

HISTORY = 3 * 365 * DAY
"""The oldest connections are so old."""
OUTAGE_AGE = 7200.0
"""How long before the first instant the institutions went down that are down in it."""
LATELY = 5 * DAY
"""Younger than what is still told of jobs and events."""
PAIR_AGES = (20.0, 5.0)
"""How long ago the two connections with the same credentials were made."""
SILENT_SITE = "Saltmarsh Energy"
"""A utility that is down; Nectar has no list that would say so."""


def found(seed: int, connections: int, now: float) -> World:
    """Make the world of this seed as it is now, with so many connections: two fifths, two fifths, one fifth."""
    world = World(seed, now - OUTAGE_AGE)
    two_fifths = connections * 2 // 5
    one_fifth = connections - 2 * two_fifths
    pair = PAIR_AGES[:one_fifth]
    sizes = {"nectar": two_fifths, "moneyhub": two_fifths, "basiq": one_fifth - len(pair)}
    for provider, size in sizes.items():
        _settle(world, provider, size, now)
    _remember(world)
    for place in INSTITUTIONS:
        if (place.standing and place.standing == STANDING_DOWN[place.provider]) or place.name == SILENT_SITE:
            world.take_down(place.id)
    if pair:
        _pause(world, now, pair)
    world.advance(now)
    return world


def _settle(world: World, provider: str, size: int, now: float) -> None:
    dice = Dice(world.seed, "founding", provider)
    everybody, holders = _owners(dice, provider, size, now)
    for owner in everybody:
        world.admit_owner(owner)
    dealt = chain((state for _, state in STATES[provider]), (dice.weighted(STATES[provider]) for _ in count()))
    for serial, owner, state in zip(range(size), holders, dealt, strict=False):
        connection = _connection(Dice(world.seed, "connection", provider, serial), owner, state, now)
        world.admit_owner(owner)
        world.admit(connection if serial >= len(STATES[provider]) else _lately(connection, now))


def _owners(dice: Dice, provider: str, size: int, now: float) -> tuple[list[Owner], Iterator[Owner]]:
    """Give the owners that are there anyway, and the owner of one connection after the other."""
    if provider == "nectar":
        rows = [
            (float(size), new_company(dice, name, now - HISTORY, active=name != CLOSED)) for name, size in COMPANIES
        ]
        return [company for _, company in rows], (dice.weighted(rows) for _ in count())
    idle = [new_user(dice, provider, now - dice.between(DAY, HISTORY)) for _ in range(5 + size // 12)]
    if provider == "moneyhub":
        idle[::5] = [replace(user, deleted=now - DAY) for user in idle[::5]]
    return idle, _users(dice, provider, now)


def _users(dice: Dice, provider: str, now: float) -> Iterator[Owner]:
    """Yield each user as often as it has connections."""
    while True:
        user = new_user(dice, provider, now - HISTORY * dice.roll() ** 2)
        yield user
        while dice.happens(0.4):
            yield user


def _connection(dice: Dice, owner: Owner, dealt: State, now: float) -> Connection:
    kind = dice.weighted([row for row in KINDS[owner.provider] if not dealt.kinds or row[1] in dealt.kinds])
    place = dice.weighted(offering(owner.provider, kind))
    state = _overruled(dealt, owner, place)
    created = now - _age(dice, state)
    return _aged(dice, new_connection(dice, owner, place, kind, state=state, created=created), now)


def _overruled(dealt: State, owner: Owner, place: Institution) -> State:
    """Nothing runs for a company that is closed, or at an institution that was withdrawn."""
    if not owner.active:
        return INACTIVE_COMPANY
    return WITHDRAWN if place.withdrawn else dealt


def _age(dice: Dice, state: State) -> float:
    """Draw how long ago a connection was made: most of those that are starting are young, the rest are stuck."""
    if state.nature is not Nature.STARTING:
        return DAY + HISTORY * dice.roll() ** 2
    takes = START_TAKES[state.status]
    return takes * dice.between(0.05, 0.95) if dice.happens(0.6) else takes + 10 * DAY * dice.roll()


def _aged(dice: Dice, young: Connection, now: float) -> Connection:
    """Give a connection the past that its state speaks of."""
    nature = young.state.nature
    if nature is Nature.STARTING:
        return young
    since = now - (now - young.created) * dice.roll() ** 3
    if nature is Nature.SITE:
        since = max(young.created, now - 9 * DAY * dice.roll())
    expires = young.expires
    if expires is not None:
        expires = now + TERM[young.kind] * dice.roll() ** 1.5
        if nature is Nature.EXPIRED:
            expires = since = max(young.created, now - 20 * DAY * dice.roll())
    connection = replace(young, since=since, expires=expires, fed=since)
    return _silenced(dice, connection, now) if nature is Nature.WORKING else connection


def _lately(connection: Connection, now: float) -> Connection:
    """Let a failure be so young that what is told for seven days only still speaks of it."""
    since = max(connection.since, now - LATELY)
    failing = connection.state.status == "invalid"
    return replace(connection, since=since, fed=since) if failing else connection


def _silenced(dice: Dice, connection: Connection, now: float) -> Connection:
    """Let one in twenty of those that seem to work get no data any more, and a few never have got any."""
    period = CADENCE.get(connection.kind)
    if period is None:
        return replace(connection, fed=connection.created)
    if dice.happens(0.05):
        fed = max(connection.created, now - period * dice.between(1.6, 12))
        return replace(connection, fed=None if dice.happens(0.2) else fed, flows=False)
    return connection


def _remember(world: World) -> None:
    """Write down the happenings of the last days that the connections and users of Basiq speak of."""
    known: list[tuple[float, str, str, str, Connection | None]] = []
    for user in world.owners["basiq"].values():
        known.append((user.created, "user", "created", user.id, None))
        for each in world.of_owner(user.id):
            known.append((each.created, "connection", "created", user.id, each))
            if each.state.status == "invalid" and each.state.nature in {Nature.USER, Nature.EXPIRED}:
                known.append((each.since, "connection", "invalidated", user.id, each))
            elif each.state.nature is Nature.WORKING and each.kind == "openbanking":
                known.append((each.since, "connection", "activated", user.id, each))
    for happening in sorted(known, key=itemgetter(0)):
        if world.now - MEMORY < happening[0] <= world.now:
            world.journal.tell(*happening)


def _pause(world: World, now: float, ages: tuple[float, ...]) -> None:
    """Make a pair of connections with the same credentials, the second of them in its six-minute pause."""
    user = next(iter(world.owners["basiq"]))
    _, place = offering("basiq", "web")[0]
    for age in ages:
        world.advance(now - age)
        world.create(user, place.id, "web")
