"""Lines kept ready, each in a place of its own: joined into chunks when they change, compressed if someone asks for that.

A chunk's text is the only copy of its lines. It is never changed, only replaced: a scrape lists what is there.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable
from heapq import heappop, heappush
from struct import pack
from typing import Final

PLACES: Final = 64
"""Places whose lines make a chunk: few enough that a change is soon written, enough to be worth compressing."""
PORTION: Final = 50
"""Work that is done without looking at the clock: enough that to be asked for it weighs little, too little to be waited for."""
JOINED: Final = 10
PACKED: Final = 100
"""What it costs to join a chunk, and to compress one: about a microsecond is 1."""
_GZIP: Final = 31
_STORED: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01"
_SHORT: Final = 0xFFFF
_EMPTY: Final = bytes(4 * PLACES)


def numbers(packed: bytes) -> array[int]:
    """Numbers that were packed: as an object of its own each of them would weigh ten times as much."""
    return array("I", packed)


def member(text: bytes) -> bytes:
    """A gzip member of its own. Members may simply follow one another (RFC 1952, 2.2)."""
    return zlib.compress(text, level=1, wbits=_GZIP)


def stored(text: bytes) -> bytes:
    """A gzip member around a short text as it is (RFC 1951, 3.2.4): for what is sent only once, compressing isn't worth it."""
    if len(text) > _SHORT:
        return member(text)
    size = len(text)
    return b"%b%b%b%b" % (_STORED, pack("<HH", size, size ^ _SHORT), text, pack("<II", zlib.crc32(text), size))


class Places:
    """Numbers for whoever has lines, from 0 on. One that was given back is given out again, the smallest first."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        """A place that nobody has."""
        if self._free:
            return heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, place: int) -> None:
        """Nobody has this place any more."""
        heappush(self._free, place)


class Column:
    """The lines of one family by place. What was put is to be seen once it is settled.

    Only numbers and bytes in dicts: of these the collector of garbage takes no notice, however many they are.
    """

    def __init__(self) -> None:
        self._texts: dict[int, bytes] = {}
        self._members: dict[int, bytes] = {}
        self._lengths: dict[int, bytes] = {}
        self._waiting: dict[int, dict[int, bytes]] = {}
        self._unpacked: set[int] = set()

    def get(self, place: int) -> bytes:
        """The lines of a place; empty if there are none."""
        chunk, at = divmod(place, PLACES)
        waiting = self._waiting.get(chunk)
        if waiting is not None and at in waiting:
            return waiting[at]
        lengths = numbers(self._lengths.get(chunk, _EMPTY))
        start = sum(lengths[:at])
        return self._texts.get(chunk, b"")[start : start + lengths[at]]

    def put(self, place: int, lines: bytes) -> None:
        """Set the lines of a place."""
        chunk, at = divmod(place, PLACES)
        waiting = self._waiting.get(chunk)
        if waiting is None:
            waiting = self._waiting[chunk] = {}
        waiting[at] = lines
        if len(waiting) == PLACES:
            del self._waiting[chunk]
            self._join(chunk, waiting)

    def settle(self, *, gzip: bool) -> int:
        """Make some chunks ready, if any have changed. What it cost; 0 if all are ready."""
        cost = 0
        while self._waiting and cost < PORTION:
            self._join(*self._waiting.popitem())
            cost += JOINED
        if cost:
            return cost
        if gzip and self._unpacked:
            chunk = self._unpacked.pop()
            self._members[chunk] = member(self._texts[chunk])
            return PACKED
        return 0

    def written(self, *, gzip: bool) -> Iterable[bytes]:
        """All of it, as it was last settled."""
        return (self._members if gzip else self._texts).values()

    def _join(self, chunk: int, waiting: dict[int, bytes]) -> None:
        text = memoryview(self._texts.get(chunk, b""))  # its parts are copied once, into the new text
        lengths = numbers(self._lengths.get(chunk, _EMPTY))
        parts: list[bytes | memoryview] = []
        taken = passed = start = 0
        for at in sorted(waiting):
            start += sum(lengths[passed:at])
            end, lines = start + lengths[at], waiting[at]
            if text[start:end] != lines:
                parts += (text[taken:start], lines)
                lengths[at] = len(lines)
                taken = end
            passed, start = at + 1, end
        if parts:
            self._replace(chunk, b"".join((*parts, text[taken:])), lengths.tobytes())

    def _replace(self, chunk: int, text: bytes, lengths: bytes) -> None:
        if text:
            self._texts[chunk] = text
            self._lengths[chunk] = lengths
            self._members[chunk] = b""
            self._unpacked.add(chunk)
        else:
            self._unpacked.discard(chunk)
            for held in (self._texts, self._members, self._lengths):
                held.pop(chunk, None)
