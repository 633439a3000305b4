"""Fault profiles as data, and the decision which request suffers what."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from connwatch.simulator.world.chance import Dice

if TYPE_CHECKING:
    from collections.abc import Iterable

PROVIDERS = ("nectar", "moneyhub", "basiq")


class Effect(Enum):
    """One thing that may be wrong with an answer."""

    # The answer is another one.
    SERVER_ERROR = auto()
    """500 in the provider's own shape."""
    BAD_GATEWAY = auto()
    """502 with HTML, as a proxy answers."""
    UNAVAILABLE = auto()
    """503 without Retry-After."""
    UNAVAILABLE_SECONDS = auto()
    UNAVAILABLE_DATE = auto()
    THROTTLED_SECONDS = auto()
    THROTTLED_DATE = auto()
    THROTTLED_BARE = auto()
    """429 without Retry-After."""
    THROTTLED_DAYS = auto()
    """429 that asks for three days."""
    FORBIDDEN_BARE = auto()
    """403 without the provider's envelope and without a reason."""
    HTML = auto()
    """200 with HTML."""
    REDIRECT = auto()
    """302 to another host."""
    HUGE = auto()
    """200 with 17 MiB of JSON, streamed."""
    BOMB = auto()
    """200 with 17 MiB that are a few kilobytes of gzip."""

    # The answer does not arrive whole or in time.
    SLOW = auto()
    """Twenty seconds go by before the answer."""
    STALL = auto()
    """Ninety seconds go by in the middle of the answer."""
    TRUNCATED = auto()
    """Half of the JSON, as if it were all."""
    HANG_UP_BEFORE = auto()
    HANG_UP_WITHIN = auto()
    WRONG_TYPE = auto()
    """The right JSON, said to be plain text."""
    WRONG_DATE = auto()
    """A Date header that is an hour ahead."""

    # The answer is wrong in what it lists.
    EMPTY = auto()
    """A listing without items, and with 200."""
    ROTATED = auto()
    """Rows have moved since the last page: some come twice, some not at all."""
    REPEATED = auto()
    """The page begins with rows of the page before."""
    LOOPING = auto()
    """Whatever page is asked for, the first one comes, and says that there is more."""
    DRIFT = auto()
    """Unknown statuses, codes and kinds, new fields, odd times."""

    # The provider follows its documents where they are hard on the one who asks.
    CAPPED = auto()
    """Nectar: 100 rows a page, whatever was asked for."""
    NO_TOTAL = auto()
    """Moneyhub: no `meta.total`."""
    NARROW_SCOPE = auto()
    """Moneyhub: the client may not ask for `connection:read`."""
    EXPIRES_AT = auto()
    """Moneyhub: `expires_at` instead of `expires_in`."""
    LIMITED = auto()
    """The published limits hold: Moneyhub's 1000 requests a minute, Basiq's 1500 tokens in five minutes."""

    # The door is shut.
    TOKEN_EXPIRED = auto()
    """The token is over, whatever it promised. Nectar, which has none: 401."""
    KEY_REJECTED = auto()
    """The key, secret or assertion is not accepted."""


class Fault(msgspec.Struct, frozen=True):
    """An effect, and how often it strikes."""

    effect: Effect
    share: float = 1.0
    """Of the requests, from 0 to 1."""
    burst: int = 1
    """So many requests in a row share their fate."""
    providers: tuple[str, ...] = PROVIDERS


_WITH_RETRY_AFTER = ("nectar", "moneyhub")

PROFILES: dict[str, tuple[Fault, ...]] = {
    "none": (),
    "flaky": (
        Fault(Effect.SERVER_ERROR, 0.04),
        Fault(Effect.BAD_GATEWAY, 0.02),
        Fault(Effect.UNAVAILABLE, 0.01),
        Fault(Effect.HANG_UP_BEFORE, 0.02),
        Fault(Effect.HANG_UP_WITHIN, 0.01),
        Fault(Effect.SLOW, 0.01),
    ),
    "storm": (
        Fault(Effect.THROTTLED_SECONDS, 0.15, burst=8, providers=_WITH_RETRY_AFTER),
        Fault(Effect.THROTTLED_DATE, 0.10, burst=8, providers=_WITH_RETRY_AFTER),
        Fault(Effect.THROTTLED_BARE, 0.15, burst=8, providers=("basiq",)),
        Fault(Effect.FORBIDDEN_BARE, 0.10, burst=8, providers=("basiq",)),
        Fault(Effect.UNAVAILABLE_SECONDS, 0.05, burst=4),
        Fault(Effect.UNAVAILABLE_DATE, 0.05, burst=4),
    ),
    "banned": (Fault(Effect.THROTTLED_DAYS, 0.02),),
    "slow": (Fault(Effect.SLOW, 0.40), Fault(Effect.STALL, 0.10)),
    "broken": (
        Fault(Effect.TRUNCATED, 0.05),
        Fault(Effect.WRONG_TYPE, 0.10),
        Fault(Effect.HTML, 0.05),
        Fault(Effect.HUGE, 0.02),
        Fault(Effect.BOMB, 0.02),
        Fault(Effect.REDIRECT, 0.04),
        Fault(Effect.HANG_UP_BEFORE, 0.04),
        Fault(Effect.HANG_UP_WITHIN, 0.04),
    ),
    "drift": (Fault(Effect.DRIFT), Fault(Effect.WRONG_DATE)),
    "shifting": (Fault(Effect.ROTATED, 0.15), Fault(Effect.REPEATED, 0.15), Fault(Effect.LOOPING, 0.05)),
    "hollow": (Fault(Effect.EMPTY, 0.30),),
    "strict": (
        Fault(Effect.CAPPED),
        Fault(Effect.NO_TOTAL),
        Fault(Effect.NARROW_SCOPE),
        Fault(Effect.EXPIRES_AT),
        Fault(Effect.LIMITED),
    ),
    "auth": (Fault(Effect.TOKEN_EXPIRED, 0.20), Fault(Effect.KEY_REJECTED, 0.15, burst=5)),
    "rejected": (Fault(Effect.KEY_REJECTED), Fault(Effect.TOKEN_EXPIRED)),
    "down": (Fault(Effect.UNAVAILABLE),),
}
"""What can be given to `--faults`, `Faults.use` and `POST /control/faults`."""


class Faults:
    """The faults that hold at present, by provider."""

    def __init__(self, seed: int, profile: str = "none") -> None:
        self._seed = seed
        self._of: dict[str, tuple[Fault, ...]] = {}
        self.use("*", profile)

    def use(self, provider: str, profile: str | Iterable[Fault]) -> None:
        """Let a profile, or faults made for the occasion, hold for a provider, or for all with `*`.

        Raises ValueError for an unknown provider or profile, and then changes nothing.
        """
        if provider not in {*PROVIDERS, "*"}:
            raise ValueError(f"no such provider: {provider}")
        if isinstance(profile, str) and profile not in PROFILES:
            raise ValueError(f"no such fault profile: {profile} (there are {', '.join(PROFILES)})")
        faults = PROFILES[profile] if isinstance(profile, str) else tuple(profile)
        for name in PROVIDERS if provider == "*" else (provider,):
            self._of[name] = tuple(fault for fault in faults if name in fault.providers)

    def fate(self, provider: str, number: int) -> frozenset[Effect]:
        """Decide what the provider's request of this number suffers."""
        return frozenset(
            fault.effect
            for fault in self._of[provider]
            if Dice(self._seed, provider, fault.effect.name, number // fault.burst).happens(fault.share)
        )

    def always(self, provider: str, effect: Effect) -> bool:
        """Say whether every request of the provider suffers this at present."""
        return any(fault.effect is effect and fault.share >= 1 for fault in self._of[provider])
