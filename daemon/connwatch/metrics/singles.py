"""How one connection is written: what each family tells of it, and in which words. Pure, but for labels that are kept for the next one of their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from connwatch.core.book import Book
from connwatch.core.groups import Labels
from connwatch.core.model import Condition, Held, TargetState, Words
from connwatch.core.weigh import Vocabulary
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Family, PerConnection
from connwatch.metrics.lines import encoded, escaped, number, pairs

FAMILIES_OF_ONE: Final[tuple[Family, ...]] = tuple(one for one in FAMILIES if isinstance(one.source, PerConnection))
NAMES: Final = tuple(family.name for family in FAMILIES_OF_ONE)
STATUS: Final = NAMES.index("connwatch_connection_status")
CHECKED: Final = NAMES.index("connwatch_connection_checked_timestamp_seconds")

_LABELS: Final = FAMILIES_OF_ONE[STATUS].labels
_ID: Final = _LABELS.index("connection")
_OWN: Final = len(FAMILIES_OF_ONE[CHECKED].labels)
_KEPT: Final = 65_536

_VALUES: Final[Mapping[str, Callable[[Held, TargetState], float | None]]] = {
    "connwatch_connection_status": lambda _one, _state: 1.0,
    "connwatch_connection_status_since_timestamp_seconds": lambda one, _state: one.status_since,
    "connwatch_connection_checked_timestamp_seconds": lambda one, state: (
        state.polled_at if one.seen.checked_at is None else one.seen.checked_at
    ),
    "connwatch_connection_last_updated_timestamp_seconds": lambda one, _state: one.seen.data_at,
    "connwatch_connection_expires_timestamp_seconds": lambda one, _state: one.seen.expires_at,
}
VALUES: Final = tuple(_VALUES[name] for name in NAMES)
"""What each family tells of a connection; None: nothing."""


class Labelling(NamedTuple):
    """The labels of connections that are alike: what stands before the id, behind it, and behind it with the status."""

    before: str
    behind: str
    status: str


class Scribe:
    """Writes the lines of single connections. Labels of those that are alike are written once."""

    def __init__(self) -> None:
        self._alike = lru_cache(maxsize=_KEPT)(_labelling)

    def lines(self, book: Book, state: TargetState, one: Held, families: Iterable[int]) -> list[bytes]:
        """What these families say of a connection: a line each, or nothing."""
        said = self._alike(book.prefix, book.vocabulary, state.target.company, one.seen.words, one.verdict.condition)
        before, behind = f"{said.before}{escaped(one.seen.id)}", said.behind
        return [
            b""
            if (value := VALUES[family](one, state)) is None
            else encoded(f"{NAMES[family]}{{{before}{said.status if family == STATUS else behind}}} {number(value)}\n")
            for family in families
        ]


def _labelling(prefix: Labels, vocabulary: Vocabulary, company: str, words: Words, condition: Condition) -> Labelling:
    word = vocabulary.word
    behind = (company, words.institution, word(words.kind))
    status = (word(words.status), word(words.reason or ""), condition)
    own = pairs(_LABELS[_ID + 1 : _OWN], behind)
    return Labelling(
        before=f'{pairs(_LABELS[:_ID], prefix)},{_LABELS[_ID]}="',
        behind=f'",{own}',
        status=f'",{own},{pairs(_LABELS[_OWN:], status)}',
    )
