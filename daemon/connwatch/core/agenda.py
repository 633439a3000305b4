"""The targets of a source in the order in which they are due: one heap, whatever their number."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

_SMALL: Final = 64
"""A heap that is not worth tidying up."""


class Agenda:
    """Each target is due at one instant at the most, and in one pair of hands at a time.

    Moving a target leaves its old entry in the heap, to be passed over later.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._taken: set[str] = set()
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, target: str) -> bool:
        return target in self._due

    def put(self, target: str, due: float) -> None:
        """Set when a target is due, in place of what was set before. One that is taken is due when it is given back."""
        if target in self._taken or self._due.get(target) == due:
            return
        self._due[target] = due
        heappush(self._heap, (due, target))
        if len(self._heap) > _SMALL + 4 * len(self._due):
            self._heap = [(at, who) for who, at in self._due.items()]
            heapify(self._heap)

    def give_back(self, target: str, due: float) -> None:
        """A target that was taken has been asked, and is next due then."""
        self._taken.discard(target)
        self.put(target, due)

    def remove(self, target: str) -> None:
        """Strike a target off."""
        self._due.pop(target, None)
        self._taken.discard(target)

    def next_at(self) -> float | None:
        """When the first target is due; None if there is none."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> str | None:
        """Take the target that is due the longest, until it is given back; None if none is due by now."""
        at = self.next_at()
        if at is None or at > now:
            return None
        _, target = heappop(self._heap)
        del self._due[target]
        self._taken.add(target)
        return target
