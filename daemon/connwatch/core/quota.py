"""The budget of a credential as arithmetic: rate, burst, requests in flight; halved when throttled, recovering bit by bit.

The law: in any window of w minutes at most `per_minute * w + burst` requests start. Buckets start empty, so that a
restart saves nothing up (decisions.md 7).
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

FLOOR: Final = 1 / 16
RECOVERY_PER_SECOND: Final = 0.1 / 60
MINUTE: Final = 60.0
_MOMENT: Final = 1e-6
"""Seconds that move any clock on: whoever waits for less waits for nothing, and asks again at the same instant."""


class Rule(Struct, frozen=True):
    """What a source may ask at the most: requests a minute, requests at once after a rest, requests in flight."""

    per_minute: float
    burst: int
    max_in_flight: int

    def halved(self) -> Rule:
        """The share of a one-shot command that runs beside the daemon."""
        return Rule(per_minute=self.per_minute / 2, burst=max(1, self.burst // 2), max_in_flight=self.max_in_flight)


class Quota(Struct, frozen=True, gc=False):
    """What is left at an instant: whole and part requests, and the share of the rate that is in force."""

    at: float
    tokens: float = 0.0
    factor: float = 1.0


class Taken(Struct, frozen=True, gc=False):
    """The answer to a wish: granted if `wait` is 0, else ask again after that many seconds."""

    quota: Quota
    wait: float


def refill(quota: Quota, rule: Rule, now: float) -> Quota:
    """The quota at `now`. A clock that goes back brings nothing."""
    if now <= quota.at:
        return quota
    passed = now - quota.at
    factor = min(1.0, quota.factor + passed * RECOVERY_PER_SECOND)
    rising = min(passed, (1.0 - quota.factor) / RECOVERY_PER_SECOND)
    share_seconds = rising * (quota.factor + factor) / 2 + (passed - rising)
    tokens = min(float(rule.burst), quota.tokens + share_seconds * rule.per_minute / MINUTE)
    return Quota(at=now, tokens=tokens, factor=factor)


def take(quota: Quota, rule: Rule, now: float) -> Taken:
    """Take one request, or learn how long to wait for one."""
    full = refill(quota, rule, now)
    if full.tokens >= 1.0:
        return Taken(replace(full, tokens=full.tokens - 1.0), 0.0)
    return Taken(full, max(_MOMENT, (1.0 - full.tokens) * MINUTE / (rule.per_minute * full.factor)))


def throttled(quota: Quota, rule: Rule, now: float) -> Quota:
    """The provider said that it is too much: half the rate, and nothing saved up."""
    full = refill(quota, rule, now)
    return Quota(at=full.at, tokens=min(0.0, full.tokens), factor=max(FLOOR, full.factor / 2))


def in_flight(quota: Quota, rule: Rule) -> int:
    """How many requests may be in flight now."""
    return max(1, int(rule.max_in_flight * quota.factor))
