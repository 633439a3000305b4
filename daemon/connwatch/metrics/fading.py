"""What a connection was before stays at 0 for a while (decisions.md 21)."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

FADING: Final = 300.0
"""Seconds for which what a connection was stays at 0, at least."""
_ONE: Final = b" 1.0"
_ZERO: Final = b" 0.0"


class Fading:
    """What fades, by the place of its connection: the lines without their value, and until when."""

    def __init__(self) -> None:
        self._ends: dict[int, dict[bytes, float]] = {}
        self._due: list[tuple[float, int]] = []

    def follow(self, place: int, before: bytes, after: bytes, until: float) -> bytes:
        """The lines of a place that had `before`, and whose line is `after` from now on; with what fades."""
        if not before and place not in self._ends:
            return after
        ends = self._ends.pop(place, {})
        gone, current = set(_ones(before)), set(_ones(after))
        for line in gone - current:
            ends[line] = until
            heappush(self._due, (until, place))
        for line in current:
            ends.pop(line, None)
        if ends:
            self._ends[place] = ends
        return after + b"".join(b"%b%b\n" % (line, _ZERO) for line in ends)

    def forget(self, place: int) -> None:
        """The connection is gone, and with it what it was."""
        self._ends.pop(place, None)

    def over(self, now: float) -> int | None:
        """A place of which something has faded; None if there is none by now."""
        while self._due and self._due[0][0] <= now:
            _, place = heappop(self._due)
            if any(end <= now for end in self._ends.get(place, {}).values()):
                return place
        return None

    def rest(self, place: int, lines: bytes, now: float) -> bytes:
        """The lines of a place without what has faded by now."""
        ends = self._ends.pop(place, {})
        left = {line: end for line, end in ends.items() if end > now}
        if left:
            self._ends[place] = left
        return b"".join(
            b"%b\n" % line
            for line in lines.split(b"\n")
            if line and line[: -len(_ZERO)] not in ends.keys() - left.keys()
        )


def _ones(lines: bytes) -> Iterator[bytes]:
    """Each line that says 1, without its value."""
    return (line[: -len(_ONE)] for line in lines.split(b"\n") if line.endswith(_ONE))
