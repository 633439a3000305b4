"""How much is measured: all of it, or so little that it only proves that the measuring works."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Scale(Struct, frozen=True):
    """The sizes of everything."""

    name: str
    growth: tuple[int, ...]
    """Connections, or series, at which growth is measured: lines 4, 7, 9 and 10."""
    rounds: int
    """Of what takes seconds at the most."""
    starts: int
    """Rounds of what takes long: restarts, sweeps."""
    pages: int
    """Pages of 100 that are read in one round: lines 2 and 3."""
    companies: int
    """Nectar's companies of 100 connections that are polled: lines 1 and 13."""
    window: float
    """Seconds for which polls go on, and for which the loop is idle beside them: line 13."""
    batches: int
    """Commits of 1000 rows: line 11."""
    targets: int
    """Entries of an agenda: line 12."""
    institutions: int
    ceiling: int
    """`metrics.max_series`, where there are more series than that."""

    @property
    def most(self) -> int:
        """The largest size."""
        return self.growth[-1]


FULL: Final = Scale(
    name="full",
    growth=(10_000, 100_000, 1_000_000),
    rounds=7,
    starts=3,
    pages=100,
    companies=2000,
    window=10.0,
    batches=60,
    targets=1_000_000,
    institutions=2000,
    ceiling=100_000,
)
QUICK: Final = Scale(
    name="quick",
    growth=(500, 1000),
    rounds=2,
    starts=1,
    pages=2,
    companies=10,
    window=0.3,
    batches=3,
    targets=2000,
    institutions=20,
    ceiling=500,
)
