"""When a target is next asked: its slot in the interval, urgency, the provider's pause, backoff (contract.md; decisions.md 2 and 3)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from math import floor
from typing import Final

from connwatch.core.condition import REPAIRABLE
from connwatch.core.model import TargetState
from connwatch.core.policy import Policy

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
PAUSE_SPREAD: Final = 2.0
_GAP: Final = 0.25
"""Share of the interval that lies between a poll and the next slot at the least: a late poll is not followed at once by its slot."""
_FLOOR: Final = 60.0
"""Urgency never asks one target more often than once a minute, unless its interval is shorter anyway."""


@lru_cache(maxsize=65_536)
def spread(text: str) -> float:
    """A fixed number in [0, 1) for an id: spreads polls without chance, and stays the same over restarts."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest()) / float(1 << 48)


def slot_after(at: float, interval: float, phase: float) -> float:
    """The first slot after `at`: instants that lie `phase` intervals into each interval since 1970."""
    slot = (floor(at / interval - phase) + 1 + phase) * interval
    return slot if slot > at else slot + interval


def backoff(failures: int, interval: float) -> float:
    """Seconds until a failing target is asked again: a quarter of the interval (1 s at least), doubling, four intervals at most."""
    return min(max(1.0, interval / 4) * 2.0 ** min(max(failures, 1) - 1, 60), max(1.0, 4 * interval))


def first_due(state: TargetState, policy: Policy, now: float) -> float:
    """When a target is due at the start of the daemon: never polled or late, at once; fresh, in its slot; paused, after the pause."""
    pause = _pause_end(state, policy, now)
    if pause is not None:
        return pause + _pause_spread(state)
    if state.polled_at is None:
        return now
    interval = _interval(state, policy)
    if now - state.polled_at > interval:
        return now
    return max(now, _slot(state, interval, state.polled_at))


def next_due(state: TargetState, policy: Policy, now: float, *, spare: bool) -> float:
    """When a target is due after the event that led to `state`. `spare`: the quota has room for urgency."""
    pause = _pause_end(state, policy, now)
    if pause is not None:
        return pause + _pause_spread(state)
    interval = _interval(state, policy)
    if state.failures:
        return now + backoff(state.failures, interval) * (1 + spread(state.target.id) / 10)
    missing = [one.missing_since for one in state.connections.values() if one.missing_since is not None]
    if missing:
        return max(now, min(missing) + policy.poll_interval)
    if not state.gone and spare:
        interval = max(interval * pace(state, policy, now), min(_FLOOR, interval))
    return _slot(state, interval, now)


def hinted_due(state: TargetState, policy: Policy, now: float) -> float:
    """When a target is due that an event feed named: soon, but not right after a poll, and no earlier in a pause or a backoff."""
    pause = _pause_end(state, policy, now)
    if pause is not None:
        return pause + _pause_spread(state)
    if state.failures:
        return state.due
    rest = min(_FLOOR, policy.poll_interval * _GAP)
    return now if state.polled_at is None else max(now, state.polled_at + rest)


def pace(state: TargetState, policy: Policy, now: float) -> float:
    """Share of its interval after which a target is asked again: less for starting, newly sick and just changed ones."""
    share = 1.0
    if state.changed_at is not None and now - state.changed_at < policy.poll_interval:
        share = 0.5
    for one in state.connections.values():
        if one.verdict.condition == "pending" and not one.verdict.stuck:
            return 0.25
        if one.verdict.condition in REPAIRABLE and now - one.since < DAY:
            share = 0.5
    return share


def _interval(state: TargetState, policy: Policy) -> float:
    if not state.gone:
        return policy.poll_interval
    return policy.discovery_interval if policy.poll_interval <= HOUR else max(DAY, policy.discovery_interval)


def _slot(state: TargetState, interval: float, after: float) -> float:
    return slot_after(after + interval * _GAP, interval, spread(state.target.id))


def _pause_spread(state: TargetState) -> float:
    return PAUSE_SPREAD * spread(state.target.id)


def _pause_end(state: TargetState, policy: Policy, now: float) -> float | None:
    """The end of the last pause that is not over yet."""
    if policy.pause is None:
        return None
    return max((one.paused_until for one in state.connections.values() if one.paused_until > now), default=None)
