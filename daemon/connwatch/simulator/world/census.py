"""What there is at one instant, and who belongs to whom."""

from __future__ import annotations

from connwatch.simulator.world.model import Connection, Owner, in_trouble
from connwatch.simulator.world.places import INSTITUTIONS
from connwatch.simulator.world.roster import Roster
from connwatch.simulator.world.vocabulary import KINDS


class Census:
    """Institutions, owners and connections, found by id, by owner and by institution."""

    def __init__(self) -> None:
        self.institutions = {place.id: place for place in INSTITUTIONS}
        self.owners: dict[str, Roster[Owner]] = {provider: Roster() for provider in KINDS}
        self.connections: Roster[Connection] = Roster()
        self.troubled: Roster[Connection] = Roster()
        self._of_owner: dict[str, dict[str, None]] = {}
        self._of_institution: dict[str, dict[str, None]] = {}

    def owner(self, owner: str) -> Owner:
        """Find a company or user. Raises KeyError if there is none of this id."""
        for roster in self.owners.values():
            found = roster.get(owner)
            if found is not None:
                return found
        raise KeyError(owner)

    def of_owner(self, owner: str) -> list[Connection]:
        """List an owner's connections, in the order in which they came."""
        return [self.connections[id_] for id_ in self._of_owner.get(owner, ())]

    def of_institution(self, institution: str) -> list[Connection]:
        """List an institution's connections, in the order in which they came."""
        return [self.connections[id_] for id_ in self._of_institution.get(institution, ())]

    def put(self, connection: Connection) -> None:
        """Take in a connection, or what became of one."""
        self.connections.put(connection.id, connection)
        self._of_owner.setdefault(connection.owner, {})[connection.id] = None
        self._of_institution.setdefault(connection.institution, {})[connection.id] = None
        if in_trouble(connection):
            self.troubled.put(connection.id, connection)
        elif connection.id in self.troubled:
            self.troubled.drop(connection.id)

    def drop(self, connection: str) -> Connection:
        """Give up a connection. Raises KeyError if it isn't there."""
        gone = self.connections.drop(connection)
        if connection in self.troubled:
            self.troubled.drop(connection)
        del self._of_institution[gone.institution][connection]
        mine = self._of_owner[gone.owner]
        del mine[connection]
        if not mine:
            del self._of_owner[gone.owner]
        return gone
