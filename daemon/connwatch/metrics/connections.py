"""One series for each connection, where the configuration wants them: written for a whole target when something in it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from connwatch.core.fleet import Book, Fleet
from connwatch.core.model import Held, Target, TargetState
from connwatch.metrics.chunks import Sheet
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Family, PerConnection
from connwatch.metrics.lines import encoded, pairs, sample

Mode: TypeAlias = Literal["none", "unhealthy", "all"]
Key: TypeAlias = tuple[str, str]
"""(source, target)."""

FAMILIES_OF_ONE: Final[tuple[Family, ...]] = tuple(one for one in FAMILIES if isinstance(one.source, PerConnection))
STATUS: Final = "connwatch_connection_status"
CHECKED: Final = "connwatch_connection_checked_timestamp_seconds"
FADING: Final = 300.0
"""Seconds for which what a connection was stays at 0, at least (decisions.md 21)."""

_VALUES: Final[Mapping[str, Callable[[Held, TargetState], float | None]]] = {
    STATUS: lambda _one, _state: 1.0,
    "connwatch_connection_status_since_timestamp_seconds": lambda one, _state: one.status_since,
    CHECKED: lambda one, state: state.polled_at if one.seen.checked_at is None else one.seen.checked_at,
    "connwatch_connection_last_updated_timestamp_seconds": lambda one, _state: one.seen.data_at,
    "connwatch_connection_expires_timestamp_seconds": lambda one, _state: one.seen.expires_at,
}
_WANTED: Final[Mapping[Mode, Callable[[Held], bool]]] = {
    "none": lambda _one: False,
    "unhealthy": lambda one: one.verdict.condition != "healthy" or one.verdict.stale or one.verdict.expiring,
    "all": lambda _one: True,
}


class ConnectionSeries:
    """The per-connection families. The ceiling switches them on and off: while they are off, series are only counted."""

    def __init__(self, fleet: Fleet, mode: Mode) -> None:
        self.mode: Final[Mode] = mode
        self.shown = False
        self.counts: dict[str, int] = dict.fromkeys(_VALUES, 0)
        """Series by family, shown or not; what fades is not in it."""
        self._fleet = fleet
        self._sheets: dict[str, Sheet] = {}
        self._looks: dict[Key, tuple[Target, Mapping[str, Held]]] = {}
        self._sizes: dict[Key, tuple[int, ...]] = {}
        self._fading: dict[Key, dict[bytes, float]] = {}

    @property
    def series(self) -> int:
        """What all of them make, shown or not."""
        return sum(self.counts.values())

    def sheet(self, family: Family) -> Sheet:
        """The lines of one family."""
        return self._sheets.setdefault(family.name, Sheet())

    def show(self, shown: bool, now: float) -> None:  # noqa: FBT001 - the one thing that it says
        """Switch the series on or off."""
        if shown == self.shown:
            return
        self.shown = shown
        self._sheets.clear()
        self._fading.clear()
        looks, self._looks = self._looks, {}
        for key in looks:
            self.touch(key, now)

    def touch(self, key: Key, now: float) -> None:
        """Something in a target may have changed."""
        if self.mode == "none":
            return
        source, target = key
        book = self._fleet.books.get(source)
        record = book.records.get(target) if book else None
        if book is None or record is None:
            self._forget(key)
            return
        state = record.state
        look = (state.target, state.connections)
        moved = self._looks.get(key) != look
        self._looks[key] = look
        chosen = [one for one in state.connections.values() if _WANTED[self.mode](one)]
        if moved:
            self._count(key, chosen, state)
        if self.shown and (moved or any(one.seen.checked_at is None for one in chosen)):
            self._write(key, book, chosen, state, now, names=tuple(_VALUES) if moved else (CHECKED,))

    def settle(self, *, gzip: bool) -> None:
        """Make ready what has changed, so that the scrape needn't."""
        for sheet in self._sheets.values():
            sheet.settle(gzip=gzip)

    def fade_out(self, now: float) -> None:
        """Let go of what was 0 for long enough."""
        for key, fading in tuple(self._fading.items()):
            if min(fading.values()) <= now:
                del self._looks[key]
                self.touch(key, now)

    def _forget(self, key: Key) -> None:
        self._looks.pop(key, None)
        self._fading.pop(key, None)
        for sheet in self._sheets.values():
            sheet.put(key, b"")
        for name, gone in zip(_VALUES, self._sizes.pop(key, ()), strict=False):
            self.counts[name] -= gone

    def _count(self, key: Key, chosen: Sequence[Held], state: TargetState) -> None:
        before = self._sizes.get(key, (0,) * len(_VALUES))
        after = tuple(sum(value(one, state) is not None for one in chosen) for value in _VALUES.values())
        self._sizes[key] = after
        for name, gone, come in zip(_VALUES, before, after, strict=True):
            self.counts[name] += come - gone

    def _write(
        self, key: Key, book: Book, chosen: Sequence[Held], state: TargetState, now: float, *, names: Sequence[str]
    ) -> None:
        labels = [_labels(book, state, one) for one in chosen]
        for family in FAMILIES_OF_ONE:
            if family.name not in names:
                continue
            value, own = _VALUES[family.name], family.name == STATUS
            values = (value(one, state) for one in chosen)
            leaf = encoded(
                "".join(
                    sample(family.name, with_status if own else said, at)
                    for (said, with_status), at in zip(labels, values, strict=True)
                    if at is not None
                )
            )
            sheet = self.sheet(family)
            if own:
                leaf += self._faded(key, sheet.get(key), leaf, book, state, now)
            sheet.put(key, leaf)

    def _faded(self, key: Key, before: bytes, ones: bytes, book: Book, state: TargetState, now: float) -> bytes:
        """The zeros of what the connections of a target were before, as long as those connections exist."""
        until = now + max(book.policy.poll_interval, FADING)
        fading = {line: end for line, end in self._fading.pop(key, {}).items() if end > now}
        current = set(_ones(ones))
        fading |= {line: until for line in _ones(before) if line not in current}
        if not fading:
            return b""
        alive = {encoded(pairs(("connection",), (id_,))[:-1]) for id_ in state.connections}
        fading = {line: end for line, end in fading.items() if line not in current and _connection_of(line) in alive}
        if fading:
            self._fading[key] = fading
        return b"".join(b"%b 0.0\n" % line for line in fading)


def _labels(book: Book, state: TargetState, one: Held) -> tuple[str, str]:
    """The labels of a connection, and those with its status behind them."""
    seen, word = one.seen, book.vocabulary.word
    family = FAMILIES_OF_ONE[0]
    own = (*book.prefix, seen.id, state.target.company, seen.institution, word(seen.kind))
    status = (word(seen.status), word(seen.reason or ""), one.verdict.condition)
    said = pairs(family.labels[: len(own)], own)
    return said, f"{said},{pairs(family.labels[len(own) :], status)}"


def _ones(leaf: bytes) -> Iterator[bytes]:
    """Each line that says 1, without its value."""
    return (line[: -len(b" 1.0")] for line in leaf.split(b"\n") if line.endswith(b" 1.0"))


def _connection_of(line: bytes) -> bytes:
    """The label `connection` of a line, without its closing quote. Quotes within are escaped, so these marks are unmistakable."""
    start = line.index(b',connection="') + 1
    return line[start : line.index(b'",company="', start)]
