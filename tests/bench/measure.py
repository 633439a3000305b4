"""The instruments: two clocks, rounds in which everyone has a turn, medians, memory, and the machine that it was."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

from msgspec import Struct

Clock: TypeAlias = Callable[[], float]
Turn: TypeAlias = Callable[[int], object]
"""What is measured, given the number of the round."""
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KEEPING: Final = {-3: 32 << 20, -1: 1 << 30}
"""M_MMAP_THRESHOLD, at the most that glibc goes to, and M_TRIM_THRESHOLD: bytes."""

cpu: Final[Clock] = time.process_time
"""Seconds of processor time of this process, whatever others do on the machine."""
busy: Final[Clock] = time.thread_time
"""Of this thread alone."""
wall: Final[Clock] = time.perf_counter  # noqa: TID251 - the one place that measures real time, beside the daemon's own clock
"""Seconds that pass."""


def timed(turn: Callable[[], object], clock: Clock = cpu) -> float:
    """Seconds that one turn takes. Garbage is collected before; while it runs, the collector does what it does in any process."""
    gc.collect()
    start = clock()
    kept = turn()
    seconds = clock() - start
    del kept  # what it made is taken apart again after the watch has stopped
    return seconds


def rounds(
    turns: Mapping[str, Turn], count: int, clock: Clock = cpu, prepare: Callable[[int], None] = lambda _number: None
) -> dict[str, float]:
    """The median seconds of each turn. In each round everyone has one, and each time another one begins.

    What a round needs is prepared before it, and not measured.
    """
    samples: dict[str, list[float]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(count):
        prepare(number)
        cut = number % len(names)
        for name in names[cut:] + names[:cut]:
            samples[name].append(timed(partial(turns[name], number), clock))
    return {name: median(sample) for name, sample in samples.items()}


async def awaited(turn: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds that pass, and seconds of CPU, until a turn ends that has to be waited for."""
    gc.collect()
    start, work = wall(), cpu()
    await turn()
    return wall() - start, cpu() - work


def keep_memory() -> None:
    """Have the C library keep what up to 32 MB is let go of, as it learns to by itself; but never give it back meanwhile.

    Else a turn pays for its pages or finds them there, by what the others did before it: glibc alone decides that.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, size in _KEEPING.items():
            set_option(option, size)


def resident() -> int:
    """Bytes of memory that this process has now, without what can be collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


class Machine(Struct, frozen=True):
    """Where it was measured."""

    processor: str
    cores: int
    memory: int
    """Bytes."""
    system: str
    python: str


def machine() -> Machine:
    """The one that this runs on."""
    return Machine(
        processor=_field("/proc/cpuinfo", "model name") or platform.machine(),
        cores=os.cpu_count() or 1,
        memory=os.sysconf("SC_PHYS_PAGES") * PAGE,
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
