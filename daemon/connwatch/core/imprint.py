"""How a page of a listing read, byte for byte. What stands there again at the next poll is found again, and not parsed anew.

A stretch is the text of some connections in a row, with the commas before and between them. A page which begins with the same
bytes as before is, for any parser, at the same place after them; and so it is from where it ends with the same bytes. Only what
stands in between is parsed, as a list of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from xxhash import xxh3_64_intdigest

STRETCH: Final = 8
"""Connections of a stretch. One that changed has all of its stretch split; and each stretch takes some 230 bytes."""
FEWEST: Final = 2 * STRETCH
"""A page with fewer connections is parsed at once: what would be kept of it takes more room than it saves time."""

_texts: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Stretch(Struct, frozen=True, gc=False):
    """Connections in a row: their text, by its length in bytes and its hash, and their ids."""

    length: int
    mark: int
    ids: tuple[str, ...]


class Rest(NamedTuple):
    """What of a page is not as it was: its text and the connections in it, between stretches that are as they were."""

    before: tuple[Stretch, ...]
    text: bytes
    connections: Sequence[msgspec.Raw]
    gone: tuple[Stretch, ...]
    """What stood there before."""
    after: tuple[Stretch, ...]


class Imprint(Struct, frozen=True, gc=False):
    """A page: what stands before the first connection, all connections, and what stands behind the last one."""

    head: bytes
    stretches: tuple[Stretch, ...]
    tail: bytes
    count: int
    """How many connections there are."""

    @property
    def envelope(self) -> bytes:
        """The page without its connections."""
        return self.head + self.tail

    def rest(self, body: bytes) -> Rest | None:
        """What is news on a page. None if that can't be told by its text alone, or if it is no list of connections."""
        start, stop = len(self.head), len(body) - len(self.tail)
        if start > stop or not body.startswith(self.head) or not body.endswith(self.tail):
            return None
        text, stretches = memoryview(body), self.stretches
        first, last = 0, len(stretches)
        while first < last:
            stretch = stretches[first]
            if xxh3_64_intdigest(text[start : start + stretch.length]) != stretch.mark:
                break
            first, start = first + 1, start + stretch.length
        while last > max(first, 1):  # no comma stands before the first stretch: it is at the beginning, or it is news
            stretch = stretches[last - 1]
            if xxh3_64_intdigest(text[max(start, stop - stretch.length) : stop]) != stretch.mark:
                break
            last, stop = last - 1, stop - stretch.length
        if start > stop:
            return None
        # Zeros stand for the neighbours, so that there must be commas where they belong.
        before, after = (b"[0" if first else b"["), (b",0]" if last < len(stretches) else b"]")
        middle = body[start:stop]
        try:
            found = _texts.decode(before + middle + after)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        connections = found[bool(first) : len(found) - (last < len(stretches))]
        return Rest(stretches[:first], middle, connections, stretches[first:last], stretches[last:])

    def renewed(self, rest: Rest, texts: Sequence[bytes], ids: Sequence[str]) -> Imprint | None:
        """The page as it reads now. `texts` and `ids` are those of the rest. None if too little would be found again."""
        if not rest.text and not rest.gone:
            return self
        if not texts and rest.text:
            return None
        stretches = (*rest.before, *_stretches(rest.text, texts, ids), *rest.after)
        count = self.count + len(texts) - sum(len(one.ids) for one in rest.gone)
        if count < max(FEWEST, len(stretches) * STRETCH / 2):
            return None
        return Imprint(self.head, stretches, self.tail, count)


def imprint(body: bytes, texts: Sequence[bytes], ids: Sequence[str]) -> Imprint | None:
    """How a page reads on which these connections stand, in this order; None if it isn't worth it.

    Whoever makes one must see that its `envelope` has no connections: else these texts stand elsewhere on the page, too.
    """
    if len(texts) < FEWEST:
        return None
    start = end = body.index(texts[0])
    for text in texts:
        end = _end(body, text, end)
    return Imprint(body[:start], tuple(_stretches(body[start:end], texts, ids)), body[end:], len(texts))


def _stretches(text: bytes, texts: Sequence[bytes], ids: Sequence[str]) -> Iterator[Stretch]:
    """The text in stretches. What stands behind the last connection belongs to it."""
    start = end = 0
    left = iter(ids)
    for number, one in enumerate(texts, 1):
        end = _end(text, one, end) if number < len(texts) else len(text)
        if number % STRETCH == 0 or number == len(texts):
            yield Stretch(end - start, xxh3_64_intdigest(text[start:end]), tuple(islice(left, STRETCH)))
            start = end


def _end(text: bytes, one: bytes, start: int) -> int:
    """Where a connection ends that is the next one in a list: nothing but commas and blanks stands before it."""
    return text.index(one[:1], start) + len(one)
