"""What was asked: the requests, and those among them that a monitor must not make."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

KEPT = 100_000
SPOKEN = frozenset({"page", "limit", "offset", "status", "sites", "filter", "clientId", "isDemo"})
"""The query parameters that are written down; the value of any other might be a secret."""


class Asked(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One request and how it ended."""

    at: float
    """Unix seconds, by the simulator's clock."""
    provider: str
    number: int
    """Among the requests to its provider, from 1."""
    method: str
    path: str
    status: int
    """0 if the connection broke before an answer began."""
    in_flight: int
    """The requests to its provider that were open when it came, itself included."""


class Violation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A request that would have changed something, or that no document lists as a read."""

    at: float
    provider: str
    method: str
    path: str
    why: str


class Ledger:
    """The last hundred thousand requests, and all violations."""

    def __init__(self) -> None:
        self.requests: deque[Asked] = deque(maxlen=KEPT)
        self.violations: list[Violation] = []
        self.in_flight: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()

    def open(self, provider: str) -> int:
        """Count a request in, and give its number."""
        self.in_flight[provider] += 1
        self._numbers[provider] += 1
        return self._numbers[provider]

    def close(self, asked: Asked, offence: str | None) -> None:
        """Count a request out, and write it down; with an offence, as a violation too."""
        self.in_flight[asked.provider] -= 1
        self.requests.append(asked)
        if offence is not None:
            self.violations.append(
                Violation(at=asked.at, provider=asked.provider, method=asked.method, path=asked.path, why=offence)
            )
