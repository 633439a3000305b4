"""What `python -m tests.bench` does: measure, print the table, write JSON and pictures, and say it in the README."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from tests.bench import plots, readme, report
from tests.bench.figures import Results
from tests.bench.scale import FULL, QUICK
from tests.bench.suite import LINES, run


def main(arguments: Sequence[str] | None = None) -> None:
    """What was asked for on the command line."""
    asked = _parser().parse_args(arguments)
    if asked.readme:
        _rewrite(report.loaded(readme.RESULTS))
        return
    lines = LINES if asked.only is None else [int(line) for line in asked.only.split(",")]
    scale = QUICK if asked.quick else FULL
    with TemporaryDirectory() as scratch:
        results = run(asked.folder or scratch, scale, lines, lambda text: _say(f"{text} ...", sys.stderr))
        _say(report.table(results))
        _write(results, Path(asked.out or (scratch if asked.quick or asked.only else readme.RESULTS)))
    if not (asked.out or asked.quick or asked.only):
        _rewrite(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the lines of performance.md.")
    parser.add_argument("--quick", action="store_true", help="so little that it only proves that the measuring works")
    parser.add_argument("--only", metavar="LINES", help="these lines only, as 4,5; writes no results but with --out")
    parser.add_argument("--out", metavar="FOLDER", help="write JSON, pictures and the README's section there instead")
    parser.add_argument("--folder", metavar="FOLDER", help="keep what is made for the measuring, for the next time")
    parser.add_argument("--readme", action="store_true", help="measure nothing: write the README by the last results")
    return parser


def _write(results: Results, out: Path) -> None:
    out.mkdir(exist_ok=True)
    report.saved(results, out)
    plots.plotted(results.growth, out)
    if out != readme.RESULTS:
        (out / "performance.md").write_text(f"{readme.section(results, '.')}\n", encoding="utf-8")


def _rewrite(results: Results) -> None:
    text = readme.README.read_text(encoding="utf-8")
    readme.README.write_text(readme.rewritten(text, results), encoding="utf-8")
    _say("README.md: the section on performance is as the results have it.")


def _say(text: str, where: TextIO | None = None) -> None:
    out = where or sys.stdout
    out.write(f"{text}\n")
    out.flush()
