"""Most of a listing is the same as at the last poll, byte for byte: that is recognised, and only the rest is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from connwatch.core.model import TargetState
from connwatch.core.poll import SPARE_BITS, Item
from connwatch.core.wire import decoded

T = TypeVar("T", bound=Item)


class Recognition(Generic[T]):
    """Gathers what a listing of a target tells: the marks of all connections, and the items of those that may be news.

    What is not the same to the byte is decoded. Whether that is news is not for this to tell, but for `core.diff`.
    """

    def __init__(self, state: TargetState, decoder: msgspec.json.Decoder[T]) -> None:
        self.marks: dict[str, int] = {}
        self.items: dict[str, T] = {}
        self._decoder = decoder
        self._known = {
            one.fingerprint: id_
            for id_, one in state.connections.items()
            if one.fingerprint and one.missing_since is None
        }

    def take(self, connections: Sequence[msgspec.Raw]) -> None:
        """Some more of the listing. Of a connection that comes twice the later one counts. Raises Refused (`schema`)."""
        for raw, hashed in zip(connections, map(hash, map(bytes, connections)), strict=True):
            mark = hashed >> SPARE_BITS  # `fingerprint`, without a call for each of so many
            id_ = self._known.get(mark)
            if id_ is None:
                item = decoded(raw, self._decoder)
                id_ = item.id
                self.items[id_] = item
            self.marks[id_] = mark
