"""The world up to one instant, and everything that can happen to it."""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from msgspec.structs import replace

from connwatch.simulator.world import vocabulary
from connwatch.simulator.world.census import Census
from connwatch.simulator.world.chance import Dice, trait
from connwatch.simulator.world.journal import Journal
from connwatch.simulator.world.making import new_connection, new_user
from connwatch.simulator.world.model import (
    PAUSE,
    TERM,
    Connection,
    Nature,
    Owner,
    State,
    data_at,
    keeps_flowing,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class World(Census):
    """What there is at `now`, which only `advance` moves.

    Every change that the outside can see is one method here. A test's script calls them; so does `life`.
    """

    def __init__(self, seed: int, now: float) -> None:
        super().__init__()
        self.seed = seed
        self.now = now
        self.journal = Journal()
        self._struck: dict[str, list[str]] = {}
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = 0

    def advance(self, now: float) -> None:
        """Let everything happen that is due by then, in order; an earlier instant changes nothing."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, happen = heappop(self._agenda)
            self.now = max(self.now, at)
            happen()
        self.now = max(self.now, now)
        self.journal.forget(self.now)

    def plan(self, at: float, happen: Callable[[], object]) -> None:
        """Let this happen then."""
        heappush(self._agenda, (at, self.next_serial(), happen))

    def next_serial(self) -> int:
        """Count up: what is made later has the larger number."""
        self._serial += 1
        return self._serial

    # Owners

    def admit_owner(self, owner: Owner) -> None:
        """Take in an owner, or what became of one."""
        self.owners[owner.provider].put(owner.id, owner)

    def create_user(self, provider: str) -> str:
        """Make an end user without connections, and give its id."""
        user = new_user(Dice(self.seed, "user", self.next_serial()), provider, self.now)
        self.admit_owner(user)
        self._tell(provider, "user", "created", user.id)
        return user.id

    def delete_owner(self, owner: str) -> None:
        """Delete a company or user with all connections.

        Every second user of Moneyhub stays listed as deleted for an hour.
        """
        gone = self.owner(owner)
        for connection in self.of_owner(owner):
            self.remove(connection.id)
        if gone.provider == "moneyhub" and trait(gone.grain, "tombstone", 2):
            self.admit_owner(replace(gone, deleted=self.now))
            self.plan(self.now + 3600, partial(self.owners[gone.provider].drop, owner))
        else:
            self.owners[gone.provider].drop(owner)
        self._tell(gone.provider, "user", "deleted", owner)

    def deactivate(self, company: str) -> None:
        """Stop a Nectar company: all its connections become COMPANY_INACTIVE."""
        self.admit_owner(replace(self.owner(company), active=False))
        for connection in self.of_owner(company):
            self.enter(connection.id, vocabulary.INACTIVE_COMPANY)

    # Connections

    def admit(self, connection: Connection) -> None:
        """Take in a connection. What it is on the way to, a first result or an end, comes in its time."""
        self._write(connection)
        if connection.state.nature is Nature.STARTING:
            self._expect_progress(connection, connection.begins)

    def create(self, owner: str, institution: str, kind: str) -> str:
        """Make a connection in its first state, and give its id.

        It is paused for six minutes if the same owner has one with the same credentials in progress
        (providers/basiq.md section 6). Raises KeyError for an unknown owner or institution, ValueError if the two
        cannot have a connection of this kind.
        """
        holder, place = self.owner(owner), self.institutions[institution]
        provider = holder.provider
        offered = place.provider == provider and kind in place.kinds and not place.withdrawn
        if not offered or holder.deleted is not None:
            raise ValueError(f"{institution} has no {kind} connection for {owner}")
        same = [each for each in self.of_owner(owner) if each.institution == institution and each.kind == kind == "web"]
        pause = PAUSE if any(each.state.nature is Nature.STARTING for each in same) else 0.0
        connection = new_connection(
            Dice(self.seed, "connection", self.next_serial()),
            holder,
            place,
            kind,
            state=next(iter(vocabulary.start(provider, kind)), vocabulary.working(provider, kind)),
            created=self.now,
        )
        self.admit(replace(connection, begins=self.now + pause))
        self._tell(provider, "connection", "created", owner, connection)
        return connection.id

    def remove(self, connection: str) -> None:
        """Delete a connection: it is no longer listed."""
        gone = self.drop(connection)
        self._tell(gone.provider, "connection", "deleted", gone.owner, gone)

    def enter(self, connection: str, state: State) -> None:
        """Bring a connection into another state."""
        old = self.connections[connection]
        looked = old.provider == "nectar" or state.nature is Nature.WORKING
        new = replace(
            old,
            state=state,
            since=self.now,
            fed=self.now if looked else data_at(old, self.now),
            flows=keeps_flowing(old.provider, old.kind, state),
        )
        self._write(new)
        if old.state.status == "active" and state.status == "invalid" and state.nature in {Nature.USER, Nature.EXPIRED}:
            self._tell(new.provider, "connection", "invalidated", new.owner, new)
        elif state.nature is Nature.WORKING and new.kind == "openbanking":
            self._tell(new.provider, "connection", "activated", new.owner, new)

    def set_status(self, connection: str, status: str, reason: str = "", extended: str = "") -> None:
        """Bring a connection into the state of these words, documented or not."""
        self.enter(connection, vocabulary.named(self.connections[connection].provider, status, reason, extended))

    def stall(self, connection: str) -> None:
        """Let a connection get no more data while its status stays what it is."""
        old = self.connections[connection]
        self._write(replace(old, fed=data_at(old, self.now), flows=False))

    def expire(self, connection: str) -> None:
        """End a connection's consent now. A kind without consents that end stays as it is."""
        old = self.connections[connection]
        ends = vocabulary.states(old.provider, old.kind, Nature.EXPIRED)
        if ends:
            self._write(replace(old, expires=min(old.expires or self.now, self.now)))
            self.enter(connection, Dice(old.grain, "end").weighted(ends))

    def renew(self, connection: str) -> None:
        """Begin a new term of a connection's consent, and let it work."""
        old = self.connections[connection]
        if old.expires is not None:
            self._write(replace(old, expires=self.now + TERM[old.kind]))
        self.enter(connection, vocabulary.working(old.provider, old.kind))

    # Institutions

    def take_down(self, institution: str, *, announced: bool = True) -> None:
        """Let an institution fail: what works there fails too. Unannounced, the provider doesn't say so."""
        place = self.institutions[institution]
        hit = [each for each in self.of_institution(institution) if each.state.nature is Nature.WORKING]
        hit = [each for each in hit if each.kind not in {"csv", "pdf"}]
        self._struck.setdefault(institution, []).extend(each.id for each in hit)
        for connection in hit:
            self.enter(connection.id, vocabulary.OUTAGE[place.provider])
        if announced:
            self.set_standing(institution, vocabulary.STANDING_DOWN[place.provider])

    def bring_back(self, institution: str) -> None:
        """End an institution's failure: what it struck, and still fails because of the site, works again."""
        for id_ in self._struck.pop(institution, ()):
            connection = self.connections.get(id_)
            if connection is not None and connection.state.nature is Nature.SITE:
                self.enter(id_, vocabulary.working(connection.provider, connection.kind))
        self.set_standing(institution, vocabulary.STANDING_UP[self.institutions[institution].provider])

    @property
    def struck(self) -> int:
        """How many connections the present outages have struck."""
        return sum(map(len, self._struck.values()))

    def is_down(self, institution: str) -> bool:
        """Say whether an institution was taken down and did not come back yet."""
        return institution in self._struck

    def set_standing(self, institution: str, standing: str) -> None:
        """Let the provider say this about an institution's data service."""
        self.institutions[institution] = replace(self.institutions[institution], standing=standing)

    # How it is kept

    def _write(self, connection: Connection) -> None:
        """Put down a connection as it is now; a consent with a new end will end then."""
        old = self.connections.get(connection.id)
        self.put(connection)
        ends = connection.expires
        if ends is not None and ends > self.now and (old is None or old.expires != ends):
            self.plan(ends, partial(self._lapse, connection.id, ends))

    def _lapse(self, connection: str, ends: float) -> None:
        """End a consent in its time, unless it was renewed; where no consent can fail, it is renewed."""
        there = self.connections.get(connection)
        if there is None or there.expires != ends or there.state.nature is Nature.OVER:
            return
        if vocabulary.states(there.provider, there.kind, Nature.EXPIRED):
            self.expire(connection)
        else:
            self._write(replace(there, expires=ends + TERM[there.kind]))

    def _expect_progress(self, connection: Connection, begins: float) -> None:
        """Let a start-up state end in its time. One that should have ended long ago is stuck for good."""
        due = begins + vocabulary.START_TAKES[connection.state.status]
        if due > self.now:
            self.plan(due, partial(self._progress, connection.id, connection.state))

    def _progress(self, connection: str, seen: State) -> None:
        there = self.connections.get(connection)
        if there is None or there.state is not seen:
            return
        stages = vocabulary.start(there.provider, there.kind)
        rest = stages[stages.index(seen) + 1 :]
        self.enter(connection, rest[0] if rest else vocabulary.working(there.provider, there.kind))
        if rest:
            self._expect_progress(self.connections[connection], self.now)

    def _tell(self, provider: str, entity: str, type_: str, owner: str, connection: Connection | None = None) -> None:
        if provider == "basiq":
            self.journal.tell(self.now, entity, type_, owner, connection)
