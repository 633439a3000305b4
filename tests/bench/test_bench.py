from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bench import readme, report
from tests.bench.alone import TOP
from tests.bench.command import main
from tests.bench.figures import GOALS, Figure, Growth, Point
from tests.bench.plots import picture
from tests.bench.scale import FULL
from tests.bench.suite import GROUPS, LINES, Group, run

GROWING = (4, 7, 9, 10)
"""Lines that performance.md wants plotted."""
PNG = b"\x89PNG"


def name(group: Group) -> str:
    """Of a test."""
    return group.name


def test_every_line_is_measured() -> None:
    """None of the fourteen is forgotten, and none is measured twice."""
    assert sorted(LINES) == sorted({line for line, _ in GOALS}) == list(range(1, 15))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS, ids=name)
def test_the_measuring_works(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With very little to measure, each benchmark comes to its figures, the table, JSON, pictures and the README's section."""
    out = tmp_path / "out"
    main(["--quick", "--only", ",".join(map(str, group.lines)), "--out", str(out)])

    results = report.loaded(out)
    assert {(one.line, one.part) for one in results.figures if not one.extra} == {
        key for key in GOALS if key[0] in group.lines
    }
    assert all(one.figure > 0 or one.line == 14 for one in results.figures)
    assert {one.line for one in results.growth} == {*group.lines} & {*GROWING}
    assert all((out / picture(one.line)).read_bytes().startswith(PNG) for one in results.growth)
    assert capsys.readouterr().out == report.table(results) + "\n"
    assert (out / "performance.md").read_text(encoding="utf-8").strip() == readme.section(results, ".")


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("group", GROUPS, ids=name)
def test_every_goal_is_met(group: Group) -> None:
    """Measured in full, each figure holds, and nothing grows faster than the fleet."""
    with TemporaryDirectory() as folder:
        results = run(folder, FULL, group.lines, lambda _text: None)
    missed = [report.cells(one) for one in results.figures if not one.extra and not one.holds]
    assert (missed, [one for one in results.growth if not one.linear]) == ([], [])


def test_the_readme_says_what_was_measured() -> None:
    """Nobody has edited the figures: they are those of the last results."""
    assert readme.told(readme.README.read_text(encoding="utf-8")) == readme.section(report.loaded(readme.RESULTS))


def test_the_readme_shows_each_plot() -> None:
    """Of the four lines whose growth is measured: the pictures are there."""
    shown = re.findall(r'<img src="(.*?)"', readme.section(report.loaded(readme.RESULTS)))
    assert shown == [f"tests/bench/results/{picture(line)}" for line in GROWING]
    assert all((TOP / one).read_bytes().startswith(PNG) for one in shown)


def test_the_readme_is_rewritten_between_its_markers() -> None:
    """The rest stays as it is; without markers nothing is written."""
    results = report.loaded(readme.RESULTS)
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
    after = readme.rewritten(text, results)
    assert (after.startswith(f"before\n{readme.BEGIN}\n"), after.endswith(f"{readme.END}\nafter\n")) == (True, True)
    assert readme.told(after) == readme.section(results)
    with pytest.raises(ValueError, match="no markers"):
        readme.rewritten("before\nafter\n", results)


@pytest.mark.parametrize(
    ("figure", "compared", "holds"),
    [
        (Figure(1, 500.0, 1000.0), 0.5, True),
        (Figure(1, 499.0, 1000.0), 0.499, False),
        (Figure(3, 2.1, 1.0), 2.1, False),
        (Figure(6, 2.0, 100.0), 50.0, True),
        (Figure(6, 2.0, 99.0), 49.5, False),
        (Figure(7, 13.0, 2.0, "gzip"), 11.0, False),
        (Figure(7, 12.0, 2.0, "gzip"), 10.0, True),
        (Figure(9, 651.0), 651.0, False),
        (Figure(14, 0.0), 0.0, True),
        (Figure(14, 1.0), 1.0, False),
    ],
)
def test_a_figure_is_held_against_its_goal(figure: Figure, compared: float, holds: bool) -> None:
    """By a ratio, by how many times faster, by a difference, or by itself; the goal itself still holds."""
    assert figure.compared == pytest.approx(compared)
    assert figure.holds is holds


@pytest.mark.parametrize(
    ("points", "linear"),
    [
        ([Point(10, 1.0), Point(100, 10.0)], True),
        ([Point(10, 1.0), Point(100, 12.0)], False),
        ([Point(10, 5.0), Point(100, 6.0), Point(1000, 90.0)], False),
        ([Point(10, 1.0, 1.0), Point(100, 30.0, 30.0)], True),
        ([Point(10, 1.0, 1.0), Point(100, 30.0, 20.0)], False),
    ],
)
def test_growth_is_linear_or_not(points: list[Point], linear: bool) -> None:
    """At each step; what the machine itself makes worse, as the floor shows, is nobody's fault."""
    assert Growth(4, "a body", "series", "ms", points).linear is linear
