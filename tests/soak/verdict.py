"""What a soak has observed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

GROWTH: Final = 0.05
"""Share by which memory may grow after the first day."""
SHOWN: Final = 20
"""Lines of one kind that are told; the others are counted."""


class Census(Struct, frozen=True):
    """What the daemon's process holds. `daemons` are those that have ended and are still in memory."""

    tasks: int
    files: int
    threads: int
    daemons: int = 0


class Observed(Struct, frozen=True, kw_only=True):
    """A soak, once it is over. Memory is in bytes."""

    date: str
    days: float
    connections: int
    requests: int
    polls: int
    restarts: int
    deaths: int
    reloads: int
    waits: int
    """How often a provider asked to be left alone for a while."""
    memory_after_first_day: int
    memory_at_end: int
    before: Census
    """Before the first life."""
    alive: Sequence[Census]
    """At the end of each day."""
    after: Sequence[Census]
    """After each life."""
    differences: Sequence[str] = ()
    violations: Sequence[str] = ()
    undercut: Sequence[str] = ()
    busiest: Mapping[str, int] = {}
    """Requests to a provider in its busiest minute."""
    quota: Mapping[str, int] = {}
    """The most that it allows in one."""
    errors: Sequence[str] = ()

    @property
    def growth(self) -> float:
        """Share by which memory grew after the first day."""
        return self.memory_at_end / self.memory_after_first_day - 1.0


def problems(seen: Observed) -> Iterator[str]:
    """Why the soak has failed; nothing if it has not."""
    if seen.growth >= GROWTH:
        yield f"memory grew by {seen.growth:.1%} after the first day; less than {GROWTH:.0%} is allowed"
    if (more := seen.alive[-1].tasks - seen.alive[0].tasks) > 0:
        yield f"{more} tasks more are at work than after the first day"
    for number, census in enumerate(seen.after, 1):
        for what in Census.__struct_fields__:
            held, left = getattr(seen.before, what), getattr(census, what)
            if left > held:
                yield f"life {number} left {left - held} {what} behind"
    for provider, requests in seen.busiest.items():
        if requests > seen.quota[provider]:
            yield f"{provider} was asked {requests} times in a minute; {seen.quota[provider]} are allowed"
    yield from _told("counted wrong", seen.differences)
    yield from _told("forbidden", seen.violations)
    yield from _told("too early", seen.undercut)
    yield from _told("logged", seen.errors)


def _told(kind: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"{kind}: {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"{kind}: {len(lines) - SHOWN} more"


def summary(seen: Observed) -> dict[str, object]:
    """What is worth keeping of a soak; memory in megabytes."""
    return {
        "date": seen.date,
        "days": seen.days,
        "connections": seen.connections,
        "requests": seen.requests,
        "polls": seen.polls,
        "restarts": seen.restarts,
        "deaths": seen.deaths,
        "reloads": seen.reloads,
        "waits": seen.waits,
        "memory_after_first_day_mb": round(seen.memory_after_first_day / 1e6, 1),
        "memory_at_end_mb": round(seen.memory_at_end / 1e6, 1),
        "growth": round(seen.growth, 4),
        "passed": not any(problems(seen)),
    }
