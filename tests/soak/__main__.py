"""`python -m tests.soak`: soak, tell a line a day, and end with 0 if nothing is wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import typer

from tests.soak.course import Settings
from tests.soak.processes import soak
from tests.soak.verdict import problems, summary

RESULT = Path(__file__).parent / "result.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--grain", type=float, default=120.0, help="seconds that time jumps at the least")
    parser.add_argument("--per-connection", choices=("none", "unhealthy", "all"), default="none")
    parser.add_argument("--result", type=Path, default=RESULT, help="file for the summary")
    told = parser.parse_args(arguments)
    settings = Settings(told.days, told.connections, told.seed, told.grain, told.per_connection)
    with TemporaryDirectory(prefix="soak-") as folder:
        seen = soak(settings, Path(folder), typer.echo)
    found = list(problems(seen))
    for problem in found:
        typer.echo(problem)
    told.result.write_bytes(msgspec.json.format(msgspec.json.encode(summary(seen))) + b"\n")
    typer.echo("failed" if found else "passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
