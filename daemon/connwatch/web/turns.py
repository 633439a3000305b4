"""Long walks, in turns: whoever looks at a million connections lets others run in between."""

from __future__ import annotations

from typing import Final

from connwatch.core.ports import Clock

SLICE: Final = 500
"""Things that are looked at before others get their turn."""


class Turns:
    """One long walk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked = 0

    async def look(self) -> None:
        """Say that one more thing is looked at. What may change while others have their turn must be walked as a copy."""
        self._looked += 1
        if self._looked % SLICE == 0:
            await self._clock.sleep(0)
