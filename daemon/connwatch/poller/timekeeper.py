"""Time passes for the fleet too: what becomes stale, stuck or expired does so at its instant, not at the next poll."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from connwatch.core.fleet import Fleet
from connwatch.core.ports import Clock

TICK: Final = 1.0
"""Counts are right within a second (metrics.md, *Policies and their defaults*)."""
SHORTEST: Final = 0.1


class Timekeeper:
    """Waits for the next deadline of the fleet, and tells whose it was. `tick` is called after each look."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        *,
        passed: Callable[[str, Sequence[str]], None],
        tick: Callable[[float], None],
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._passed = passed
        self._tick = tick

    async def run(self) -> None:
        """Keep time for ever."""
        while True:
            now = self._clock.now()
            due: dict[str, list[str]] = defaultdict(list)
            for source, target in self._fleet.due(now):
                due[source].append(target)
            for source, targets in due.items():
                self._passed(source, targets)
            self._tick(now)
            deadline = self._fleet.next_deadline()
            await self._clock.sleep_until(min(now + TICK, max(now + SHORTEST, deadline)))
