"""What happened lately at Basiq, which is the only provider that tells."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from connwatch.simulator.world.model import DAY, Connection, Happening

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 7 * DAY
"""How long a happening is told (providers/basiq.md section 8.2)."""
LONGEST = 5000
"""More are not told at once, whatever happens: the list has no pages."""


class Journal:
    """Happenings, oldest first."""

    def __init__(self) -> None:
        self._told: deque[Happening] = deque(maxlen=LONGEST)

    def __iter__(self) -> Iterator[Happening]:
        return iter(self._told)

    def __reversed__(self) -> Iterator[Happening]:
        return reversed(self._told)

    def tell(self, at: float, entity: str, type_: str, owner: str, connection: Connection | None = None) -> None:
        """Write down what happened to a user or a connection."""
        self._told.append(Happening(at=at, entity=entity, type=type_, owner=owner, connection=connection))

    def forget(self, now: float) -> None:
        """Drop what is too old to be told."""
        while self._told and self._told[0].at <= now - MEMORY:
            self._told.popleft()
