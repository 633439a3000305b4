"""What a step leaves behind in the store, if anything: pure."""

from __future__ import annotations

from connwatch.core.model import Held, Moved, Step, TargetState
from connwatch.core.ports import Tallies, TargetMemory


def worth_storing(before: TargetState, after: Step) -> bool:
    """Whether a step left something behind that the time alone would not bring about again."""
    if after.transitions or _kept(before) != _kept(after.state):
        return True
    return any(_changed(pair) for pair in after.moved)


def trace(source: str, after: Step, tallies: Tallies, now: float, *, dropped: bool) -> TargetMemory:
    """What is to be stored of a step."""
    return TargetMemory(
        source=source,
        state=after.state,
        moved=tuple(pair for pair in after.moved if _changed(pair)),
        transitions=after.transitions,
        tallies=tallies,
        at=now,
        dropped=dropped,
    )


def _kept(state: TargetState) -> tuple[object, ...]:
    return state.target, state.polled_at, state.failures, state.outcome, state.absent_since, state.gone


def _changed(pair: Moved) -> bool:
    """Whether what is stored of a connection changed."""
    return pair.before is None or pair.after is None or _stored(pair.before) != _stored(pair.after)


def _stored(one: Held) -> tuple[object, ...]:
    return one.seen, one.verdict.condition, one.since, one.status_since, one.missing_since, one.learned_at
