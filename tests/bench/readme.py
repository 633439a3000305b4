"""The section *Performance* of the README, as the results say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from tests.bench.alone import TOP
from tests.bench.figures import Figure, Growth, Results
from tests.bench.plots import picture
from tests.bench.report import cells, linear, place, short

README: Final = TOP / "README.md"
RESULTS: Final = Path(__file__).parent / "results"
BEGIN: Final = "<!-- performance: begin -->"
END: Final = "<!-- performance: end -->"
HEADS: Final = ("line", "what", "of what", "measured", "floor", "compared", "goal", "held")


def section(results: Results, pictures: str = "tests/bench/results") -> str:
    """Between the markers. `pictures` is the folder in which they are."""
    judged = [one for one in results.figures if not one.extra]
    extra = [one for one in results.figures if one.extra]
    return "\n\n".join(
        (
            f"Measured on {results.date} in {results.minutes:.0f} minutes: {place(results.machine)}.",
            _table(judged),
            f"Floors: {'; '.join(_floors(judged))}.",
            "Beside these, compared with the goal of the line that they belong to:",
            _table(extra),
            *_growth(results, pictures),
        )
    )


def rewritten(text: str, results: Results) -> str:
    """A README with this section. Raises ValueError if it has no markers for it."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError("there are no markers for the performance")
    return f"{before}{BEGIN}\n\n{section(results)}\n\n{END}{after}"


def told(text: str) -> str:
    """What a README says between the markers."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def _table(figures: Sequence[Figure]) -> str:
    rows = [row for _, group in groupby(figures, key=lambda one: one.line) for row in _rows(list(group))]
    lines: Iterable[Sequence[str]] = (HEADS, ("---",) * len(HEADS), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(figures: Sequence[Figure]) -> Iterator[Sequence[str]]:
    """The rows of a line: only the first one says which it is."""
    for number, one in enumerate(figures):
        which = ("", "") if number else (str(one.line), one.goal.what)
        yield *which, ", ".join(word for word in (one.part, one.variant) if word), *cells(one)


def _floors(figures: Sequence[Figure]) -> Iterator[str]:
    said = {one.goal.floor: one.line for one in reversed(figures) if one.goal.floor}
    yield from (f"{floor} ({line})" for floor, line in sorted(said.items(), key=itemgetter(1)))


def _growth(results: Results, pictures: str) -> Iterator[str]:
    if results.growth:
        yield "How lines grow with the fleet:"
        yield "\n".join(_grown(results.growth, pictures))


def _grown(growth: Sequence[Growth], pictures: str) -> Iterator[str]:
    """How each line grows, and its picture; as HTML, so that two have room side by side."""
    for one in growth:
        points = ", ".join(f"{short(point.figure)} at {point.size:,}" for point in one.points)
        yield f"- Line {one.line}, {one.what}, in {one.unit} by {one.sizes}: {points}: {linear(one)}."
    if growth:
        yield ""
    for line in sorted({one.line for one in growth}):
        yield f'<img src="{pictures}/{picture(line)}" alt="growth of line {line}" width="48%">'
