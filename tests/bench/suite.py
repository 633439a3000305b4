"""All benchmarks, and a run of them. What is measured runs in processes of its own; here it is only put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final, NamedTuple

from connwatch.clock import SystemClock
from tests.bench import living, pacing, pipeline, reading, scraping, serving, storing
from tests.bench.figures import Measured, Results
from tests.bench.measure import machine, wall
from tests.bench.pages import written
from tests.bench.scale import Scale


class Group(NamedTuple):
    """Lines that are measured together."""

    lines: tuple[int, ...]
    measure: Callable[[str, Scale], Measured]

    @property
    def name(self) -> str:
        """Of the module that measures them."""
        return self.measure.__module__.rpartition(".")[2]


GROUPS: Final = (
    Group((1, 12), pipeline.measure),
    Group((2, 3), reading.measure),
    Group((4, 5, 6), scraping.measure),
    Group((7, 8), serving.measure),
    Group((9, 10), living.measure),
    Group((11,), storing.measure),
    Group((13, 14), pacing.measure),
)
LINES: Final = tuple(line for group in GROUPS for line in group.lines)


def run(folder: str, scale: Scale, lines: Collection[int], tell: Callable[[str], None]) -> Results:
    """Measure these lines. What is made for it, gigabytes at the full scale, is put into the folder and found there again."""
    start = wall()
    tell("making connections")
    written(folder, scale.most)
    found = []
    for group in GROUPS:
        if not set(lines).isdisjoint(group.lines):
            tell(f"measuring {group.name}: lines {', '.join(map(str, group.lines))}")
            found.append(group.measure(folder, scale))
    return Results(
        machine=machine(),
        date=datetime.fromtimestamp(SystemClock().now(), UTC).date().isoformat(),
        scale=scale,
        minutes=(wall() - start) / 60,
        figures=sorted((one for each in found for one in each.figures if one.line in lines), key=lambda one: one.line),
        growth=sorted((one for each in found for one in each.growth if one.line in lines), key=lambda one: one.line),
    )
