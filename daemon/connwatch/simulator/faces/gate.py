"""Who may ask: the keys that are accepted, the tokens that were given out, the published limits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connwatch.simulator.shapes.private import CANARY

MOURNING = 3600.0
"""An expired token is remembered for so long, to be told from one that never was."""


@dataclass
class Credentials:
    """What the simulator accepts at present: obviously invented."""

    nectar_key: str = "nectar-simulator-key"
    moneyhub_client_id: str = "moneyhub-simulator-client"
    moneyhub_client_secret: str = "moneyhub-simulator-secret"  # noqa: S105 - invented, and accepted by nobody else
    basiq_key: str = "basiq-simulator-key"
    moneyhub_keys: list[dict[str, Any]] = field(default_factory=list)
    """Public JSON Web Keys of the client, for private_key_jwt."""

    def rotate(self, provider: str) -> str:
        """Replace a provider's key or secret, and give the new one."""
        name = {
            "nectar": "nectar_key",
            "moneyhub": "moneyhub_client_secret",
            "basiq": "basiq_key",
        }[provider]
        new = f"{getattr(self, name)}-next"
        setattr(self, name, new)
        return new


class Grant(msgspec.Struct, frozen=True, gc=False):
    """What a token is good for, and until when."""

    provider: str
    scope: str
    expires: float


class Tokens:
    """The tokens that were given out. They are opaque: what they grant is known here only."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._issued = 0

    def issue(self, provider: str, scope: str, life: float, now: float) -> str:
        """Give out a token that lives for so many seconds."""
        self._grants = {token: grant for token, grant in self._grants.items() if grant.expires > now - MOURNING}
        self._issued += 1
        token = f"{provider}-{CANARY}-token-{self._issued:06d}"
        self._grants[token] = Grant(provider, scope, now + life)
        return token

    def grant(self, provider: str, token: str) -> Grant | None:
        """Say what a token grants, expired ones included; None if this provider never gave it out."""
        grant = self._grants.get(token)
        return grant if grant is not None and grant.provider == provider else None

    def expire(self, provider: str, now: float) -> None:
        """Let all tokens of a provider be over."""
        for token, grant in self._grants.items():
            if grant.provider == provider:
                self._grants[token] = msgspec.structs.replace(grant, expires=min(grant.expires, now))


class Limit:
    """At most so many requests in any window of so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests = requests
        self._seconds = seconds
        self._times: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Count a request, unless it is one too many."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) >= self._requests:
            return False
        self._times.append(now)
        return True


def published_limits() -> dict[str, Limit]:
    """Give what each provider says it admits: Moneyhub of all requests, Basiq of tokens, Nectar says nothing.

    Sources: providers/moneyhub.md section 5.1, providers/basiq.md section 5.1.
    """
    return {"moneyhub": Limit(1000, 60.0), "basiq": Limit(1500, 300.0)}
