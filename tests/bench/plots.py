"""How a line grows with the fleet, as a picture: both axes by powers of ten, so that a straight slope of one is linear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure as Canvas

from tests.bench.figures import Growth

SIZE: Final = (4.8, 3.4)
DPI: Final = 90


def plotted(growth: Sequence[Growth], folder: Path) -> Sequence[Path]:
    """A picture for each line; the files."""
    return [_plot(line, list(group), folder) for line, group in groupby(growth, key=lambda one: one.line)]


def picture(line: int) -> str:
    """The name of a line's file."""
    return f"growth-{line:02d}.png"


def _plot(line: int, growth: Sequence[Growth], folder: Path) -> Path:
    canvas = Canvas(figsize=SIZE, layout="constrained")
    axes = canvas.add_subplot()
    for number, one in enumerate(growth):
        colour, sizes = f"C{number}", [point.size for point in one.points]
        figures = [point.figure for point in one.points]
        axes.loglog(sizes, figures, "o-", color=colour, label=one.what)
        axes.loglog(sizes, [figures[0] * size / sizes[0] for size in sizes], ":", color=colour, alpha=0.5)
        floors = [point.floor for point in one.points if point.floor is not None]
        if floors:
            axes.loglog(sizes, floors, "x--", color=colour, alpha=0.7, label=f"{one.floor} ({one.what})")
    axes.set_title(f"line {line}; dotted: linear", fontsize="medium")
    axes.set_xlabel(growth[0].sizes)
    axes.set_ylabel(growth[0].unit)
    axes.legend(fontsize="x-small")
    axes.grid(visible=True, alpha=0.3)
    file = folder / picture(line)
    canvas.savefig(file, dpi=DPI, metadata={"Software": None})
    return file
