"""Chance without randomness: every draw is a hash of a key, so that one seed always makes one world."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_WORDS = struct.Struct("<8Q")


class Dice:
    """A stream of draws that depends on nothing but its key."""

    __slots__ = ("_key", "_pool", "_round")

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key)).encode()
        self._round = 0
        self._pool: list[int] = []

    def word(self) -> int:
        """Draw 64 bits."""
        if not self._pool:
            digest = hashlib.blake2b(self._key, salt=self._round.to_bytes(16, "little")).digest()
            self._pool = list(_WORDS.unpack(digest))
            self._round += 1
        return self._pool.pop()

    def roll(self) -> float:
        """Draw a number from 0 up to, but not including, 1."""
        return (self.word() >> 11) / (1 << 53)

    def between(self, low: float, high: float) -> float:
        """Draw a number from low up to high."""
        return low + (high - low) * self.roll()

    def happens(self, share: float) -> bool:
        """Say yes in this share of the draws."""
        return self.roll() < share

    def pick(self, rows: Sequence[T]) -> T:
        """Draw one of the rows, all alike. The rows must not be empty."""
        return rows[self.word() % len(rows)]

    def weighted(self, rows: Sequence[tuple[float, T]]) -> T:
        """Draw one of the rows (weight, value) by weight. At least one weight must be positive."""
        rest = self.roll() * sum(weight for weight, _ in rows)
        for weight, value in rows:
            rest -= weight
            if rest < 0:
                return value
        return rows[-1][1]

    def hex(self, digits: int) -> str:
        """Draw an id of so many hexadecimal digits, 32 at most."""
        return f"{self.word():016x}{self.word():016x}"[:digits]

    def uuid(self) -> str:
        """Draw an id in the shape of a version 4 UUID."""
        raw = self.hex(32)
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"


def trait(grain: int, name: str, one_in: int) -> bool:
    """Say whether the bearer of this grain has the named trait, which one in so many has."""
    return zlib.crc32(name.encode(), grain & 0xFFFFFFFF) % one_in == 0
