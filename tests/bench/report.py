"""A run as a table on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.figures import Figure, Growth, Results
from tests.bench.measure import Machine

FILE: Final = "results.json"
HEADS: Final = ("", "measured", "floor", "compared", "goal", "held")
LARGE: Final = 100


def saved(results: Results, folder: Path) -> Path:
    """Write the JSON; the file."""
    file = folder / FILE
    file.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    return file


def loaded(folder: Path) -> Results:
    """What was written."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Results)


def table(results: Results) -> str:
    """All figures, line by line; `+` is before what is told beside, and not judged."""
    rows = [HEADS, *_rows(results.figures)]
    widths = [max(len(row[column]) for row in rows if row[1]) for column in range(len(HEADS))]
    return "\n".join((*(_aligned(row, widths) for row in rows), *map(_grown, results.growth)))


def _rows(figures: Sequence[Figure]) -> Iterator[Sequence[str]]:
    for line, group in groupby(figures, key=lambda one: one.line):
        for number, one in enumerate(group):
            if not number:
                yield f"{line:>2}  {one.goal.what}", ""
            what = " ".join(word for word in (one.part, one.variant) if word)
            yield f"    {'+' if one.extra else ' '} {what}", *cells(one)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    cells = "  ".join(f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=False))
    return f"{first:<{widths[0]}}  {cells}".rstrip()


def cells(one: Figure) -> tuple[str, str, str, str, str]:
    """Measured, floor, compared, goal, held."""
    goal, compared = one.goal, short(one.compared)
    said = {
        "x": f"{compared}x",
        "x faster": f"{compared}x faster",
        "more": f"{'+' if one.compared >= 0 else ''}{compared} {goal.unit}",
        "itself": "",
    }
    floor = "" if one.floor is None else short(one.floor)
    return f"{short(one.figure)} {goal.unit}", floor, said[goal.compared], goal.said, "yes" if one.holds else "NO"


def _grown(growth: Growth) -> str:
    points = ", ".join(f"{point.size:,}: {short(point.figure)} {growth.unit}" for point in growth.points)
    return f"growth of {growth.line}, {growth.what}: {points}: {linear(growth)}"


def linear(growth: Growth) -> str:
    """In words."""
    return "no faster than linearly" if growth.linear else "FASTER THAN LINEARLY"


def short(figure: float) -> str:
    """A number with as many digits as mean something."""
    return f"{figure:,.0f}" if abs(figure) >= LARGE else f"{figure:.3g}"


def place(machine: Machine) -> str:
    """The machine in words."""
    memory = machine.memory / 2**30
    return f"{machine.processor}, {machine.cores} cores, {memory:.0f} GiB, {machine.system}, {machine.python}"
