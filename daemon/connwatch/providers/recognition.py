"""Most of a listing is the same as at the last poll, byte for byte: that is recognised, and only the rest is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Generic, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from connwatch.core.diff import completed
from connwatch.core.imprint import Imprint, Stretch, imprint
from connwatch.core.model import Connection, Failure, Held, TargetState
from connwatch.core.poll import SPARE_BITS, Learned, Listing
from connwatch.core.wire import Refused, Reply, decoded, expect


class Page(Protocol):
    """A page of a listing, whose connections are left to be decoded."""

    @property
    def connections(self) -> Sequence[msgspec.Raw]:
        """Each as it came."""


P = TypeVar("P", bound=Page)
T = TypeVar("T")


class Recognition(Generic[P, T]):
    """Gathers what a listing of a target tells, page by page: which connections there are, and those that may be news.

    What is not the same to the byte is read. Whether that is news is not for this to tell, but for `core.diff`.
    """

    def __init__(
        self,
        state: TargetState,
        pages: msgspec.json.Decoder[P],
        items: msgspec.json.Decoder[T],
        read: Callable[[T], Connection],
    ) -> None:
        self._listed: dict[str, None] = {}  # a set would be looked through by the collector of garbage
        self.told: dict[str, Connection] = {}
        self._marks: dict[str, int] = {}
        self._connections = state.connections
        self._remembered = iter(state.imprints)
        self._imprints: list[Imprint | None] = []
        self._pages = pages
        self._items = items
        self._read = read

    @property
    def listed(self) -> AbstractSet[str]:
        """The ids of all connections so far."""
        return self._listed.keys()

    def page(self, answer: Reply | Failure) -> P:
        """One more page. Of a connection that comes twice the later one counts. Raises Refused: see `wire.read`."""
        reply = expect(answer)
        body = reply.body
        known = next(self._remembered, None)
        rest = None if known is None else known.rest(body)
        if known is None or rest is None:
            page = decoded(body, self._pages, reply.status)
            texts, ids = self._take(page.connections, self._connections)
            self._imprints.append(self._checked(imprint(body, texts, ids)))
        else:
            page = decoded(known.envelope, self._pages, reply.status)
            self._pass(rest.before)
            texts, ids = self._take(rest.connections, [id_ for one in rest.gone for id_ in one.ids])
            self._pass(rest.after)
            self._imprints.append(known.renewed(rest, texts, ids))
        return page

    def seen(self) -> Sequence[Connection]:
        """All connections, as far as the listing tells them: those of which the same is said are as they are remembered."""
        return [self.told.get(id_) or self._connections[id_].seen for id_ in self.listed]

    def listing(self, learned: Mapping[str, Learned] | None = None) -> Listing:
        """All of it."""
        found = [one for one in self._imprints if one is not None]
        # Where one comes twice, the later one would have to be found again together with the earlier one.
        whole = len(found) == len(self._imprints) and sum(one.count for one in found) == len(self.listed)
        return Listing(self.listed, self.told, self._marks, learned or {}, tuple(found) if whole else ())

    def _take(
        self, connections: Sequence[msgspec.Raw], expected: Iterable[str]
    ) -> tuple[Sequence[bytes], Sequence[str]]:
        """Texts and ids of connections, of which those that are the same as one that is expected are not decoded."""
        held = self._connections
        known = {
            one.fingerprint: id_
            for id_, one in ((id_, held[id_]) for id_ in (expected if connections else ()))
            if one.fingerprint and one.missing_since is None
        }
        texts, ids = [*map(bytes, connections)], []
        for raw, hashed in zip(connections, map(hash, texts), strict=True):
            mark = hashed >> SPARE_BITS  # `fingerprint`, without a call for each of so many
            id_ = known.get(mark)
            if id_ is None:
                id_ = self._decode(raw, mark)
            elif id_ in self._marks:
                self._forget(id_)
            ids.append(id_)
        self._listed.update(dict.fromkeys(ids))
        return texts, ids

    def _decode(self, raw: msgspec.Raw, mark: int) -> str:
        """The id of a connection. What is said of it is mostly news.

        After a restart it hardly ever is, and all is decoded: then it is let go of at once, and not kept until all is there.
        """
        told = self._read(decoded(raw, self._items))
        before = self._connections.get(told.id)
        if before is not None:
            told = replace(told, id=before.seen.id)  # there once, not in each page again
        if before is not None and _is_told_again(told, before):
            self.told.pop(told.id, None)
        else:
            self.told[told.id] = told
        self._marks[told.id] = mark
        return told.id

    def _pass(self, stretches: Iterable[Stretch]) -> None:
        """These stand where they stood, as they were."""
        ids = dict.fromkeys(chain.from_iterable(one.ids for one in stretches))
        self._listed.update(ids)
        for id_ in self._marks.keys() & ids.keys():
            self._forget(id_)

    def _forget(self, id_: str) -> None:
        """A connection came before, and comes again as it was at the last poll."""
        del self._marks[id_]
        self.told.pop(id_, None)

    def _checked(self, made: Imprint | None) -> Imprint | None:
        """An imprint, if all connections were found where they stand."""
        try:
            return None if made is None or decoded(made.envelope, self._pages).connections else made
        except Refused:
            return None


def _is_told_again(told: Connection, before: Held) -> bool:
    """Whether the same is said of a connection of which it isn't known any more how it read."""
    if before.fingerprint or before.missing_since is not None:
        return False
    return completed(told, before) == before.seen
