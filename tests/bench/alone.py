"""A task in a process of its own: no memory, no garbage and no warm caches of what was measured before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
TOP: Final = Path(__file__).parents[2]
NURSERY: Final = get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.bench.suite"])
"""New processes are copies of one that has only imported everything. They do nothing but their task."""


def processes(count: int) -> ProcessPoolExecutor:
    """New ones, for as many tasks at once."""
    return ProcessPoolExecutor(count, NURSERY)


def alone(task: Callable[P, T], *arguments: P.args, **others: P.kwargs) -> T:
    """Carry a task out in a new process; what it returned. Raises what it raises."""
    with processes(1) as one:
        return one.submit(task, *arguments, **others).result()
