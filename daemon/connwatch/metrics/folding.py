"""The ceiling over all connection families: what is dropped and what becomes `other`, so that the rest fits (decisions.md 21).

Connections go first, then institutions, then companies. Who goes is decided by a hash of the name, never by size or
age, so that the choice stays as it is while the fleet lives.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.groups import Labels
from connwatch.core.weigh import OTHER
from connwatch.metrics.family import Family

Name: TypeAlias = tuple[str, str]
"""(source, institution or company)."""
ByName: TypeAlias = dict[Name, list[tuple[Hashable, int]]]
"""Of each name, what its rows are merged into, and the series that they make."""
Foldable: TypeAlias = tuple[Name, Hashable, int]
"""A row that can be folded: by which name, what it is then merged into, and the series that it makes."""
ALL: Final = 1.0
NONE: Final = 0.0
"""Below these cuts are all names, and none."""


class Census(Struct, frozen=True):
    """Series by what can be done about them."""

    fixed: int
    connections: int
    institutions: Iterable[Foldable] = ()
    companies: Iterable[Foldable] = ()


class Fold(Struct, frozen=True):
    """What keeps series of its own: connections or none, and names whose place by hash is below the cut."""

    connections: bool = True
    institutions: float = ALL
    companies: float = ALL

    def target(self, family: Family, labels: Labels) -> Labels:
        """The row that a row is shown in: itself, or the one for the others."""
        if self.institutions >= ALL and self.companies >= ALL:
            return labels
        spot = family.folds_by
        if spot is None:
            return labels
        cut = self.institutions if family.labels[spot] == "institution" else self.companies
        if cut >= ALL or place((labels[0], labels[spot])) < cut:
            return labels
        blanked = family.blanked
        return tuple(OTHER if at in blanked else label for at, label in enumerate(labels))


Planning: TypeAlias = Generator[int, None, Fold]
"""Comes to a folding bit by bit, each of which says what it cost: about a microsecond is 1."""
COUNTED: Final = 2
NOTHING_FOLDED: Final = Fold()
ALL_FOLDED: Final = Fold(connections=False, institutions=NONE, companies=NONE)


@lru_cache(maxsize=65_536)
def place(name: Name) -> float:
    """Where a name stands between 0 and 1. One that is called `other` is the first to be folded."""
    if name[1] == OTHER:
        return ALL
    return int.from_bytes(blake2b("\0".join(name).encode("utf-8", "replace"), digest_size=6).digest(), "big") / 2**48


def planning(census: Census, ceiling: int) -> Planning:
    """The least folding that fits below the ceiling; all of it where even that doesn't."""
    institutions, by_institution = yield from _by_name(census.institutions)
    companies, by_company = yield from _by_name(census.companies)
    left = ceiling - census.fixed
    if census.connections + institutions + companies <= left:
        return NOTHING_FOLDED
    cut, shown = yield from _cut(by_institution, institutions, left - companies)
    if shown + companies <= left:
        return Fold(connections=False, institutions=cut)
    last, _ = yield from _cut(by_company, companies, left - shown)
    return Fold(connections=False, institutions=cut, companies=last)


def _by_name(rows: Iterable[Foldable]) -> Generator[int, None, tuple[int, ByName]]:
    """How many series the rows make, and the rows by their names."""
    total = 0
    by_name: ByName = {}
    for name, merged, series in rows:
        by_name.setdefault(name, []).append((merged, series))
        total += series
        yield COUNTED
    return total, by_name


def _cut(by_name: ByName, shown: int, budget: int) -> Generator[int, None, tuple[float, int]]:
    """The place below which names keep their series, and how many series are shown then."""
    cut = ALL
    if shown <= budget:
        return cut, shown
    others: set[Hashable] = set()
    for name in sorted(by_name, key=lambda one: (place(one), one), reverse=True):
        rows = by_name.pop(name)  # let go of bit by bit, too: all at once that would take longer than a turn
        yield COUNTED * len(rows)
        if shown <= budget:
            continue
        cut = place(name)
        for merged, series in rows:
            if merged in others:
                shown -= series
            others.add(merged)
    return cut if shown <= budget else NONE, shown
