"""Line 12: a million targets in one agenda."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from connwatch.core.agenda import Agenda
from connwatch.core.schedule import spread
from tests.bench.figures import Figure
from tests.bench.measure import cpu, resident
from tests.bench.pages import NOW, UUID, identity

HOUR: Final = 3600.0


class Kept(Struct, frozen=True):
    """What an agenda takes."""

    loaded: float
    """Bytes a target."""
    swept: float
    """After an hour in which each target was due once."""
    start: float
    """Seconds of CPU to put all in."""
    dispatch: float
    """Seconds of CPU to take one that is due and give it back."""


def scheduled(agenda: Kept, poll: float) -> Sequence[Figure]:
    """The line, given the seconds of CPU that a poll takes."""
    said = f"{agenda.dispatch * 1e6:.1f} of {poll * 1e6:.0f} µs of CPU"
    return (
        Figure(12, agenda.loaded, part="memory", variant="put in"),
        Figure(12, agenda.swept, part="memory", variant="after an hour of polls"),
        Figure(12, agenda.start, part="start"),
        Figure(12, agenda.dispatch / poll * 100, part="dispatch", variant=said),
    )


def kept(targets: int) -> Kept:
    """All are put in, spread over an hour; then an hour passes, and whoever is due is taken and given back for the next one.

    The ids and instants that a fleet has anyway are not counted.
    """
    names = [identity(number, UUID) for number in range(targets)]
    dues = [NOW + HOUR * spread(name) for name in names]
    agenda, before, start = Agenda(), resident(), cpu()
    for name, due in zip(names, dues, strict=True):
        agenda.put(name, due)
    start = cpu() - start
    loaded = resident() - before
    work, polled = cpu(), 0
    for second in range(int(HOUR) + 1):
        now = NOW + second
        while (taken := agenda.take(now)) is not None:
            dues[polled] = now + HOUR
            agenda.give_back(taken, dues[polled])
            polled += 1
    work = cpu() - work
    if polled != targets or len(agenda) != targets:
        raise AssertionError("not every target was due once")
    return Kept(loaded / targets, (resident() - before) / targets, start, work / targets)
