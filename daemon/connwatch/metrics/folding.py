"""The ceiling over all connection families: what is dropped and what becomes `other`, so that the rest fits (decisions.md 21).

Connections go first, then institutions, then companies. Who goes is decided by a hash of the name, never by size or
age, so that the choice stays as it is while the fleet lives.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.core.groups import Labels
from connwatch.core.weigh import OTHER
from connwatch.metrics.family import Family

Name: TypeAlias = tuple[str, str]
"""(source, institution or company)."""
Foldable: TypeAlias = tuple[Name, Hashable, int]
"""A row that can be folded: by which name, what it is then merged into, and the series that it makes."""
ALL: Final = 1.0
NONE: Final = 0.0
"""Below these cuts are all names, and none."""


class Census(Struct, frozen=True):
    """Series by what can be done about them."""

    fixed: int
    connections: int
    institutions: tuple[Foldable, ...] = ()
    companies: tuple[Foldable, ...] = ()


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


NOTHING_FOLDED: Final = Fold()
ALL_FOLDED: Final = Fold(connections=False, institutions=NONE, companies=NONE)


@lru_cache(maxsize=65_536)
def place(name: Name) -> float:
    """Where a name stands between 0 and 1. One that is called `other` is the first to be folded."""
    if name[1] == OTHER:
        return ALL
    return int.from_bytes(blake2b("\0".join(name).encode("utf-8", "replace"), digest_size=6).digest(), "big") / 2**48


def plan(census: Census, ceiling: int) -> Fold:
    """The least folding that fits below the ceiling; all of it where even that doesn't."""
    institutions = sum(series for _, _, series in census.institutions)
    companies = sum(series for _, _, series in census.companies)
    left = ceiling - census.fixed
    if census.connections + institutions + companies <= left:
        return NOTHING_FOLDED
    cut, shown = _cut(census.institutions, left - companies)
    if shown + companies <= left:
        return Fold(connections=False, institutions=cut)
    return Fold(connections=False, institutions=cut, companies=_cut(census.companies, left - shown)[0])


def _cut(rows: Sequence[Foldable], budget: int) -> tuple[float, int]:
    """The place below which names keep their series, and how many series are shown then."""
    shown, cut = sum(series for _, _, series in rows), ALL
    if shown <= budget:
        return cut, shown
    by_name: dict[Name, list[tuple[Hashable, int]]] = {}
    for name, merged, series in rows:
        by_name.setdefault(name, []).append((merged, series))
    others: set[Hashable] = set()
    for name in sorted(by_name, key=lambda one: (place(one), one), reverse=True):
        if shown <= budget:
            break
        cut = place(name)
        for merged, series in by_name[name]:
            if merged in others:
                shown -= series
            others.add(merged)
    return cut if shown <= budget else NONE, shown
