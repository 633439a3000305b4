"""What a metric family is: one entry of the table, and where its rows come from. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from connwatch.core.fleet import Fleet
from connwatch.core.groups import Labels
from connwatch.core.ports import Vitals

Kind: TypeAlias = Literal["gauge", "counter", "histogram", "gaugehistogram"]
Scope: TypeAlias = Literal["fleet", "live", "process"]
"""fleet: about connections, below the ceiling; live: how sources are doing now; process: what this process did."""
Merge: TypeAlias = Literal["sum", "min", "one"]
"""How rows become one when the ceiling folds them."""
Value: TypeAlias = float | tuple[float, ...]
"""A number; of histograms the count of each bucket (not cumulative), then what their sum is made of."""
Row: TypeAlias = tuple[Labels, Value]


class View(Struct, frozen=True):
    """What there is to be seen at a scrape.

    `folded`: series by family that the ceiling hides; `changes`: by group of the fleet, how often it was touched.
    """

    fleet: Fleet
    vitals: Sequence[Vitals]
    now: float
    folded: Mapping[str, int] = {}
    changes: Mapping[str, int] = {}


class Counted(Struct, frozen=True):
    """The rows of one of the fleet's groups."""

    group: str


class Present(Struct, frozen=True):
    """A histogram of the present: the fleet's groups `<group>_bucket`, `<group>_live` and `<group>_sum`.

    `sign` 1: the clock lies ahead, and what is measured is the rest of those that are live; -1: it lies behind, and it is
    the age of all.
    """

    group: str
    sign: Literal[1, -1]


class Computed(Struct, frozen=True):
    """Rows that are asked for at each scrape; only if they follow from something else than they did, where that can be told."""

    rows: Callable[[View], Iterable[Row]]
    follows_from: Callable[[View], object] | None = None


class PerConnection(Struct, frozen=True):
    """One row for each connection, where `metrics.per_connection` wants them."""


class Recorded(Struct, frozen=True):
    """Counted by `ProcessRecorder` as it happens."""


Source: TypeAlias = Counted | Present | Computed | PerConnection | Recorded


class Family(Struct, frozen=True):
    """A metric family, declared once. `name` is in full, with unit and `_total`; `bounds` are the upper ends of buckets."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    scope: Scope
    source: Source
    merge: Merge = "sum"
    bounds: tuple[float, ...] = ()

    @property
    def folds_by(self) -> int | None:
        """Position of the label by which the ceiling folds rows; None for a family that can't grow with the fleet."""
        if self.scope != "fleet" or isinstance(self.source, PerConnection):
            return None
        return next((self.labels.index(label) for label in ("institution", "company") if label in self.labels), None)

    @property
    def blanked(self) -> frozenset[int]:
        """Positions of the labels that a folded row says `other` in."""
        spot = self.folds_by
        spots = {self.labels.index(label) for label in ("name", "company_id") if label in self.labels}
        return frozenset() if spot is None else frozenset(spots | {spot})
