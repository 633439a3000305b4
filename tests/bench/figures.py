"""The lines of performance.md as data, what was measured of them, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from tests.bench.measure import Machine
from tests.bench.scale import Scale

Compared: TypeAlias = Literal["x", "x faster", "more", "itself"]
Key: TypeAlias = tuple[int, str]
COMPARISONS: Final[Mapping[Compared, Callable[[float, float], float]]] = {
    "x": lambda figure, floor: figure / floor,
    "x faster": lambda figure, floor: floor / figure,
    "more": lambda figure, floor: figure - floor,
    "itself": lambda figure, _floor: figure,
}
LINEAR: Final = 1.15
"""What a size ten times as large may cost more than ten times, for noise alone."""


class Goal(Struct, frozen=True):
    """What is promised of a line, or of a part of it. `what` and `floor` are performance.md's own words."""

    line: int
    part: str
    what: str
    floor: str
    unit: str
    compared: Compared
    limit: float
    at_least: bool = False

    @property
    def said(self) -> str:
        """The goal as performance.md writes it."""
        sign, unit = "≥" if self.at_least else "≤", self.compared
        if unit == "itself":
            return f"{sign} {self.limit:g} {self.unit}" if self.limit else "0"
        return f"{sign} +{self.limit:g} {self.unit}" if unit == "more" else f"{sign} {self.limit:g}{unit}"


def _goal(
    line: int,
    what: str,
    floor: str,
    unit: str,
    compared: Compared,
    *,
    part: str = "",
    least: float | None = None,
    most: float = 0.0,
) -> tuple[Key, Goal]:
    limit = most if least is None else least
    return (line, part), Goal(line, part, what, floor, unit, compared, limit, at_least=least is not None)


_PIPELINE: Final = "pipeline: GET a page of 100, decode, diff, step, count, render, store; 1 % changed"
_LAG: Final = "event-loop lag while 1 000 000 series are scraped"
_AGENDA: Final = "scheduler: 1 000 000 targets, hourly"
_OPEN_LOOP: Final = "open loop: 278 polls/s of 100-object pages"
_SCRAPE: Final = "body of a scrape, 1 % of targets changed since the last"

GOALS: Final[Mapping[Key, Goal]] = dict(
    (
        _goal(1, _PIPELINE, "aiohttp GET + `msgspec` typed decode of the same pages", "pages/s", "x", least=0.5),
        _goal(2, "decode and normalise one provider page", "bare `Decoder(Page).decode`", "pages/s", "x", least=0.7),
        _goal(3, "decode + diff, 1 % changed", "typed decode alone", "µs a page", "x", most=2.0),
        _goal(4, f"{_SCRAPE}, 100 000 series", "`memcpy` of the same bytes", "ms", "x", most=6.0),
        _goal(5, f"{_SCRAPE}, 1 000 000 series", "`memcpy` of the same bytes", "ms", "x", most=3.0),
        _goal(6, f"{_SCRAPE}, 100 000 series", "`generate_latest` of the same series", "ms", "x faster", least=50.0),
        _goal(7, _LAG, "idle lag", "ms", "more", part="plain", most=10.0),
        _goal(7, _LAG, "idle lag", "ms", "more", part="gzip", most=10.0),
        _goal(8, "scrape with gzip, nothing changed, 1 000 000 series", "plain scrape", "ms", "x", most=1.0),
        _goal(9, "memory, 1 000 000 connections loaded", "", "B a connection", "itself", most=650.0),
        _goal(10, "restart: 1 000 000 connections from SQLite to ready", "bare `fetchmany`", "s", "x", most=2.5),
        _goal(11, "store: upsert in batches of 1000", "bare `executemany`, same table", "rows/s", "x", least=0.6),
        _goal(12, _AGENDA, "", "B a target", "itself", part="memory", most=200.0),
        _goal(12, _AGENDA, "", "s", "itself", part="start", most=2.0),
        _goal(12, _AGENDA, "", "% of a poll's CPU", "itself", part="dispatch", most=5.0),
        _goal(13, _OPEN_LOOP, "", "% of a core", "itself", part="CPU", most=50.0),
        _goal(13, _OPEN_LOOP, "idle lag p99", "ms", "more", part="lag p99", most=5.0),
        _goal(14, "upstream requests made by 10 concurrent scrapers", "", "requests", "itself", most=0.0),
    )
)


class Figure(Struct, frozen=True):
    """One row: what was measured, and the floor of the same run."""

    line: int
    figure: float
    floor: float | None = None
    part: str = ""
    variant: str = ""
    """What tells it from others of the line: what exactly was measured."""
    extra: bool = False
    """Beside what the line asks for: told, compared with the goal, and not judged."""

    @property
    def goal(self) -> Goal:
        """What it is compared with."""
        return GOALS[self.line, self.part]

    @property
    def compared(self) -> float:
        """The figure as the goal has it: a ratio to the floor, or a difference."""
        return COMPARISONS[self.goal.compared](self.figure, self.floor or 0.0)

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return self.compared >= self.goal.limit if self.goal.at_least else self.compared <= self.goal.limit


class Point(Struct, frozen=True):
    """A figure at one size."""

    size: int
    figure: float
    floor: float | None = None


class Growth(Struct, frozen=True):
    """How a line grows with the fleet."""

    line: int
    what: str
    sizes: str
    """What the sizes count."""
    unit: str
    points: Sequence[Point]
    floor: str = ""

    @property
    def linear(self) -> bool:
        """Whether it grows no faster than its size; or than its floor, where the machine itself does so."""
        return all(
            after.figure / before.figure <= LINEAR * max(after.size / before.size, _growth(before, after))
            for before, after in pairwise(self.points)
        )


def _growth(before: Point, after: Point) -> float:
    return after.floor / before.floor if after.floor and before.floor else 0.0


class Measured(Struct, frozen=True):
    """What one benchmark found out."""

    figures: Sequence[Figure] = ()
    growth: Sequence[Growth] = ()


class Results(Struct, frozen=True):
    """One run."""

    machine: Machine
    date: str
    scale: Scale
    minutes: float
    figures: Sequence[Figure]
    growth: Sequence[Growth]
