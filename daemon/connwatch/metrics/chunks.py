"""Lines kept ready: joined into chunks when they change, compressed when someone asks for it. A scrape only lists them."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Iterable
from typing import Final

LEAVES: Final = 64
ROOM: Final = 16 * 1024
LIMIT: Final = 256 * 1024
_GZIP: Final = 31


def member(text: bytes) -> bytes:
    """A gzip member of its own. Members may simply follow one another (RFC 1952, 2.2)."""
    return zlib.compress(text, level=1, wbits=_GZIP)


def pieces(text: bytes) -> list[bytes]:
    """Text in pieces that can be written without holding up others."""
    return [text] if len(text) <= LIMIT else [text[at : at + LIMIT] for at in range(0, len(text), LIMIT)]


class Chunk:
    """Some leaves that are written together."""

    __slots__ = ("leaves", "members", "pieces", "size")

    def __init__(self) -> None:
        self.leaves: dict[Hashable, bytes] = {}
        self.size = 0
        self.pieces: list[bytes] = []
        self.members: list[bytes] | None = None

    def join(self) -> None:
        """Make it ready."""
        self.pieces = pieces(b"".join(self.leaves.values()))
        self.members = None

    def compressed(self) -> list[bytes]:
        """The same as gzip members, compressed once."""
        if self.members is None:
            self.members = [member(piece) for piece in self.pieces]
        return self.members

    @property
    def has_room(self) -> bool:
        """Whether it takes another leaf."""
        return len(self.leaves) < LEAVES and self.size < ROOM


class Sheet:
    """The leaves of one family by key: lines that come, change and go together."""

    def __init__(self) -> None:
        self._homes: dict[Hashable, Chunk] = {}
        self._chunks: dict[Chunk, None] = {}
        self._roomy: dict[Chunk, None] = {}
        self._dirty: set[Chunk] = set()

    def get(self, key: Hashable) -> bytes:
        """A leaf as it is; empty if there is none."""
        home = self._homes.get(key)
        return home.leaves[key] if home else b""

    def put(self, key: Hashable, leaf: bytes) -> None:
        """Add or replace a leaf; an empty one goes."""
        if not leaf:
            self._drop(key)
            return
        home = self._homes.get(key)
        if home is None:
            home = self._homes[key] = next(iter(self._roomy), None) or self._new_chunk()
        elif home.leaves[key] == leaf:
            return
        home.size += len(leaf) - len(home.leaves.get(key, b""))
        home.leaves[key] = leaf
        self._changed(home)

    def settle(self, *, gzip: bool) -> None:
        """Make ready what has changed."""
        for chunk in self._dirty:
            chunk.join()
            if gzip:
                chunk.compressed()
        self._dirty.clear()

    def written(self, *, gzip: bool) -> Iterable[bytes]:
        """All of it, in pieces that are not changed any more."""
        self.settle(gzip=gzip)
        if gzip:
            return [piece for chunk in self._chunks for piece in chunk.compressed()]
        return [piece for chunk in self._chunks for piece in chunk.pieces]

    def _drop(self, key: Hashable) -> None:
        home = self._homes.pop(key, None)
        if home is None:
            return
        home.size -= len(home.leaves.pop(key))
        self._changed(home)
        if not home.leaves:
            del self._chunks[home]
            self._roomy.pop(home, None)

    def _new_chunk(self) -> Chunk:
        chunk = Chunk()
        self._chunks[chunk] = None
        return chunk

    def _changed(self, chunk: Chunk) -> None:
        self._dirty.add(chunk)
        if chunk.has_room:
            self._roomy[chunk] = None
        else:
            self._roomy.pop(chunk, None)
