"""How complete the picture of a source is: which targets are fresh, late, lost or new, kept up as time passes (decisions.md 20)."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final, Literal, TypeAlias

Freshness: TypeAlias = Literal["fresh", "late", "lost", "new", "gone"]
STATES: Final[tuple[Freshness, ...]] = ("fresh", "late", "lost", "new")
LATE_AFTER: Final = 1.5
LOST_AFTER: Final = 4.0


class Sweep:
    """Targets by the age of their last complete poll, in intervals. Nothing walks them all, however many there are.

    Each state is a heap, since a store remembers targets in no order of time: as time passes, its head moves on to the
    next state. Entries that a newer poll made obsolete are passed over when they come to the head.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._state: dict[str, Freshness] = {}
        self._polled: dict[str, float] = {}
        self._first_seen: dict[str, float] = {}
        self._heaps: dict[Freshness, list[tuple[float, str]]] = {"fresh": [], "late": [], "lost": []}
        self._counts: dict[Freshness, int] = {"fresh": 0, "late": 0, "lost": 0, "new": 0, "gone": 0}
        self._complete_once = False

    def place(self, target: str, *, first_seen: float, polled_at: float | None, gone: bool) -> None:
        """Take in a target, or what its last poll said."""
        state: Freshness = "gone" if gone else "new" if polled_at is None else "fresh"
        if self._state.get(target) not in {None, "gone"} and self._polled.get(target) == polled_at and not gone:
            return
        self._move(target, state)
        if state == "new":
            self._first_seen[target] = first_seen
        else:
            self._first_seen.pop(target, None)
        if polled_at is not None:
            self._polled[target] = polled_at
        if state == "fresh" and polled_at is not None:
            heappush(self._heaps["fresh"], (polled_at, target))

    def remove(self, target: str) -> None:
        """Forget a target."""
        state = self._state.pop(target, None)
        if state is not None:
            self._counts[state] -= 1
        self._polled.pop(target, None)
        self._first_seen.pop(target, None)

    def advance(self, now: float) -> None:
        """Let time pass: what is older than 1.5 intervals is late, older than 4 is lost."""
        self._age("fresh", "late", now - LATE_AFTER * self.interval)
        self._age("late", "lost", now - LOST_AFTER * self.interval)
        self._complete_once = self._complete_once or (self._counts["new"] == 0 and bool(self._state))

    def counts(self) -> Mapping[Freshness, int]:
        """Targets by state; those that are gone count for no sweep."""
        return self._counts

    def coverage(self) -> float | None:
        """Share of targets that are fresh; None where there are no targets."""
        total = sum(self._counts[state] for state in STATES)
        return self._counts["fresh"] / total if total else None

    def complete_since(self, now: float) -> float | None:
        """Since then every target was polled completely at least once; None before that was ever so.

        Targets younger than an interval are passed over; one that never answered counts from when it was first seen.
        """
        if not self._complete_once:
            return None
        oldest = [head[0] for head in (self._head("lost"), self._head("late"), self._head("fresh")) if head is not None]
        waiting = [at for at in self._first_seen.values() if at <= now - self.interval]
        return min(oldest[:1] + waiting, default=None)

    def _age(self, state: Freshness, older: Freshness, before: float) -> None:
        while (head := self._head(state)) is not None and head[0] <= before:
            self._move(head[1], older)
            heappush(self._heaps[older], heappop(self._heaps[state]))

    def _head(self, state: Freshness) -> tuple[float, str] | None:
        heap = self._heaps[state]
        while heap and not self._current(state, *heap[0]):
            heappop(heap)
        return heap[0] if heap else None

    def _current(self, state: Freshness, at: float, target: str) -> bool:
        return self._state.get(target) == state and self._polled.get(target) == at

    def _move(self, target: str, state: Freshness) -> None:
        before = self._state.get(target)
        if before is not None:
            self._counts[before] -= 1
        self._state[target] = state
        self._counts[state] += 1
