"""What happens in the world by itself, at a steady pace: things break, are mended, come and go."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from connwatch.simulator.world.chance import Dice
from connwatch.simulator.world.model import CADENCE, Connection, Nature
from connwatch.simulator.world.places import offering
from connwatch.simulator.world.vocabulary import KINDS, states, working

if TYPE_CHECKING:
    from collections.abc import Callable

    from connwatch.simulator.world.world import World

OUTAGE_TICKS = (15.0, 60.0)
"""An outage lasts as long as so many ticks, from and to."""
AGAIN = 8.0
"""Seconds after which an impatient user enters the same credentials once more."""


class Life:
    """One thing happens in each tick; what it is, and to whom, follows from the seed and the number of the tick.

    The more trouble there is beyond what the world began with, the likelier a tick mends something: the world stays
    about as healthy as it was found, however long it runs. `per_minute` ticks come in a minute; more than 0.
    """

    def __init__(self, world: World, per_minute: float) -> None:
        self._world = world
        self._usual_trouble = max(1, len(world.troubled) - world.struck)
        self._usual_size = len(world.connections)
        self._start = world.now
        self._gap = 60.0 / per_minute

    def begin(self) -> None:
        """Let the first tick come, and let what is down at first not stay down for good."""
        for place in filter(self._world.is_down, self._world.institutions):
            self._end_outage(place, Dice(self._world.seed, "outage", place))
        self._world.plan(self._start + self._gap, partial(self._tick, 1))

    def _tick(self, number: int) -> None:
        dice = Dice(self._world.seed, "life", number)
        trouble = (len(self._world.troubled) - self._world.struck) / (2 * self._usual_trouble)
        if self._world.connections:
            act = Life._mend if dice.happens(trouble) else dice.weighted(self.EVENTS)
            act(self, dice)
        self._world.plan(self._start + self._gap * (number + 1), partial(self._tick, number + 1))

    def _mend(self, dice: Dice) -> None:
        """Somebody types the new password, consents again, or the site works again."""
        connection = self._world.troubled.draw(dice)
        if self._world.is_down(connection.institution):
            return
        if connection.state.nature is Nature.EXPIRED:
            self._world.renew(connection.id)
        else:
            self._world.enter(connection.id, working(connection.provider, connection.kind))

    def _break_password(self, dice: Dice) -> None:
        self._break(Nature.USER, dice)

    def _lose_site(self, dice: Dice) -> None:
        self._break(Nature.SITE, dice)

    def _be_reviewed(self, dice: Dice) -> None:
        self._break(Nature.REVIEW, dice)

    def _break(self, nature: Nature, dice: Dice) -> None:
        """One connection fails in a way of this nature, if its kind knows one."""
        connection = self._working(dice)
        ways = states(connection.provider, connection.kind, nature) if connection else []
        if connection and ways:
            self._world.enter(connection.id, dice.weighted(ways))

    def _fall_silent(self, dice: Dice) -> None:
        """Data stops coming, and no status tells it."""
        connection = self._working(dice)
        if connection and connection.kind in CADENCE:
            self._world.stall(connection.id)

    def _end_consent(self, dice: Dice) -> None:
        connection = self._working(dice, has_end=True)
        if connection:
            self._world.expire(connection.id)

    def _renew_consent(self, dice: Dice) -> None:
        connection = self._working(dice, has_end=True)
        if connection:
            self._world.renew(connection.id)

    def _black_out(self, dice: Dice) -> None:
        """An institution fails with all its connections; every fourth time the provider doesn't say so."""
        place = self._world.connections.draw(dice).institution
        if not self._world.is_down(place) and not self._world.institutions[place].withdrawn:
            self._world.take_down(place, announced=dice.happens(0.75))
            self._end_outage(place, dice)

    def _end_outage(self, place: str, dice: Dice) -> None:
        lasts = dice.between(*OUTAGE_TICKS) * self._gap
        self._world.plan(self._world.now + lasts, partial(self._world.bring_back, place))

    def _come_or_go(self, dice: Dice) -> None:
        """A connection is made or deleted, whichever keeps their number."""
        connection = self._world.connections.draw(dice)
        if len(self._world.connections) > self._usual_size:
            if connection.state.nature is not Nature.OVER:
                self._world.remove(connection.id)
            return
        owner = self._world.owner(connection.owner)
        if owner.active:
            self._connect(owner.id, dice.weighted(KINDS[owner.provider]), dice)

    def _try_twice(self, dice: Dice) -> None:
        """A user enters the same credentials again while the first connection is still starting."""
        user = self._world.owners["basiq"].draw(dice) if self._world.owners["basiq"] else None
        if user:
            place = self._connect(user.id, "web", dice)
            self._world.plan(self._world.now + AGAIN, partial(self._try_again, user.id, place))

    def _try_again(self, user: str, place: str) -> None:
        if user in self._world.owners["basiq"]:
            self._world.create(user, place, "web")

    def _users_change(self, dice: Dice) -> None:
        """A user signs up with a first connection, and another one leaves."""
        provider = dice.pick(("moneyhub", "basiq"))
        leaver = self._world.owners[provider].draw(dice) if self._world.owners[provider] else None
        if leaver and leaver.deleted is None:
            self._connect(self._world.create_user(provider), dice.weighted(KINDS[provider]), dice)
            self._world.delete_owner(leaver.id)

    def _connect(self, owner: str, kind: str, dice: Dice) -> str:
        """Connect an owner to some institution, and give that."""
        places = offering(self._world.owner(owner).provider, kind)
        place = dice.weighted([row for row in places if not row[1].withdrawn])
        self._world.create(owner, place.id, kind)
        return place.id

    def _working(self, dice: Dice, *, has_end: bool = False) -> Connection | None:
        """Draw a connection that works; a few draws in vain are nobody."""
        for _ in range(20):
            connection = self._world.connections.draw(dice)
            if connection.state.nature is Nature.WORKING and (connection.expires is not None or not has_end):
                return connection
        return None

    EVENTS: ClassVar[tuple[tuple[float, Callable[[Life, Dice], None]], ...]] = (
        (30, _break_password),
        (14, _lose_site),
        (3, _be_reviewed),
        (5, _fall_silent),
        (6, _end_consent),
        (6, _renew_consent),
        (2, _black_out),
        (22, _come_or_go),
        (3, _try_twice),
        (6, _users_change),
    )
    """What a tick does, by weight."""
