"""Counters that outlive a restart: changes of condition, repairs, undocumented values. Committed first, then shown (decisions.md 18)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Final

from connwatch.core.condition import CONDITIONS, REPAIRABLE
from connwatch.core.model import NEVER, Step
from connwatch.core.policy import Policy

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
REPAIR_BOUNDS: Final = (300.0, _HOUR, 6 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, NEVER)
SUM: Final = "sum"

Key = tuple[str, tuple[str, ...]]
"""(name of the counter, label values): `transitions` (from, to), `unknown` (field), `repair` (condition, bucket index or `sum`)."""


class Tally:
    """The totals of one source, twice: as promised to the store, and as shown. What is shown was committed before."""

    def __init__(self, policy: Policy, restored: Mapping[Key, float]) -> None:
        self._promised: dict[Key, float] = dict.fromkeys(_zeros(policy), 0.0) | dict(restored)
        self.shown: dict[Key, float] = dict(self._promised)

    def promise(self, step: Step) -> dict[Key, float]:
        """The totals that a step raises, to be committed with it."""
        raised = {}
        for key, amount in _raises(step):
            self._promised[key] = raised[key] = self._promised.get(key, 0.0) + amount
        return raised

    def count(self, step: Step) -> None:
        """Show what a committed step raised."""
        for key, amount in _raises(step):
            self.shown[key] = self.shown.get(key, 0.0) + amount


def _raises(step: Step) -> Iterator[tuple[Key, float]]:
    for change in step.transitions:
        if change.before is None or change.after is None:
            continue
        if change.before != change.after:
            yield ("transitions", (change.before, change.after)), 1.0
        if change.lasted is not None:
            yield ("repair", (change.before, str(bisect_left(REPAIR_BOUNDS, change.lasted)))), 1.0
            yield ("repair", (change.before, SUM)), change.lasted
    for field, _ in step.unknown:
        yield ("unknown", (field,)), 1.0


def _zeros(policy: Policy) -> Iterator[Key]:
    """Every counter starts at zero, so that its first rise is seen (decisions.md 19)."""
    for pair in permutations(CONDITIONS, 2):
        yield "transitions", pair
    for field in policy.unknown_fields:
        yield "unknown", (field,)
    for condition in sorted(REPAIRABLE):
        for bucket in (*(str(index) for index in range(len(REPAIR_BOUNDS))), SUM):
            yield "repair", (condition, bucket)
