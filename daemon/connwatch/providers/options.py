"""What every source can be told, whatever its provider: intervals, limits, budget, the way there (contract.md, *Configuration*)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connwatch.core.model import NEVER
from connwatch.core.wire import Refused, segment

_UNITS: Final[Mapping[str, float]] = {
    "y": 31_536_000.0,
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
}
_DURATION: Final = re.compile("".join(rf"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS))
_LONGEST: Final = 100 * _UNITS["y"]
"""So that every instant that is reckoned from a duration can be written as a date."""
_LARGEST: Final = 1_000_000_000
_PLAIN: Final[Mapping[object, tuple[frozenset[type], str]]] = {
    bool: (frozenset({bool}), "true or false"),
    int: (frozenset({int}), "a whole number"),
    float: (frozenset({int, float}), "a number"),
}
"""Type of a field -> the types of values that are taken for it, and what to call them."""


class FromEnvironment(str):
    """A value from the environment, where everything is text: it may stand for a number or a switch."""

    __slots__ = ()


def duration(value: object) -> float:
    """Seconds of a duration as Prometheus writes it: `90s`, `15m`, `1h30m`, `2d`. Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not value or match is None:
        raise ValueError("a duration like 90s, 15m, 1h30m or 2d is expected")
    seconds = sum(int(number) * unit for number, unit in zip(match.groups(), _UNITS.values(), strict=True) if number)
    if seconds > _LONGEST:
        raise ValueError("a duration of at most 100y is expected")
    return seconds


def spelled(seconds: float) -> str:
    """A duration as it is written in the configuration: the inverse of `duration` and `limit`."""
    if seconds == NEVER:
        return "never"
    rest, text = round(seconds * 1000), ""
    for unit, length in list(_UNITS.items())[2:]:
        count, rest = divmod(rest, round(length * 1000))
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def at_least(least: str) -> BeforeValidator:
    """A duration that isn't shorter than this one."""

    def long_enough(value: object) -> float:
        seconds = duration(value)
        if seconds < duration(least):
            raise ValueError(f"a duration of at least {least} is expected")
        return seconds

    return BeforeValidator(long_enough)


def limit(value: object) -> float:
    """A duration, or `never`. Raises ValueError."""
    return NEVER if value == "never" else duration(value)


def web_url(value: str, like: str = "https://host/path") -> SplitResult:
    """The parts of an http or https URL. Raises ValueError, which never shows the URL: it might hold a password."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not value.isprintable() or " " in value:
        raise ValueError(f"a URL like {like} is expected")
    return parts


def provider_url(value: str) -> str:
    """A base URL, without a trailing slash: https, or http on the loopback. Raises ValueError."""
    parts = web_url(value)
    if any(mark in value for mark in "@?#"):
        raise ValueError("a base URL has no credentials, no query and no fragment")
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise ValueError("http is accepted for the loopback only: use https")
    return value.rstrip("/")


def proxy_url(value: str) -> str:
    """A proxy without credentials, which would be a secret in plain sight; empty for none. Raises ValueError."""
    if value and "@" in web_url(value, "http://proxy:3128").netloc:
        raise ValueError("a proxy's credentials belong into the environment's HTTPS_PROXY, with trust_env: true")
    return value


def target_id(value: str) -> str:
    """The id of a company or user, fit for a path. Raises ValueError."""
    try:
        segment(value)
    except Refused as refused:
        raise ValueError(refused.failure.detail) from None
    return value


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Duration = Annotated[float, BeforeValidator(duration)]
Limit = Annotated[float, BeforeValidator(limit)]
Interval = Annotated[float, at_least("1s")]
ProviderUrl = Annotated[str, AfterValidator(provider_url)]
TargetId = Annotated[str, AfterValidator(target_id)]


def _plain(value: object, types: frozenset[type], phrase: str) -> object:
    if isinstance(value, FromEnvironment):
        with suppress(ValueError, RecursionError):
            value = json.loads(value.lower())
    if type(value) not in types:
        raise ValueError(f"{phrase} is expected")
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise ValueError(f"{phrase} of at most {_LARGEST} is expected")
    return value


class Strict(BaseModel):
    """A part of the configuration: unknown keys are refused, nothing is changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_guessed(cls, value: object, info: ValidationInfo) -> object:
        """A quoted number is a text, and `true` is no number: only what comes from the environment is converted."""
        field = cls.model_fields[info.field_name or ""]
        kind = None if any(isinstance(one, BeforeValidator) for one in field.metadata) else field.annotation
        return _plain(value, *_PLAIN[kind]) if kind in _PLAIN else value


class QuotaOptions(Strict):
    """The budget of a credential."""

    requests_per_minute: float = Field(gt=0)
    burst: int = Field(ge=1)
    max_in_flight: int = Field(ge=1)


class UsersFile(Strict):
    """A file with one user id a line, read again when it changes."""

    file: str = Field(min_length=1)


class SourceOptions(Strict):
    """The keys of every source."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Keys whose values are secret; each can be given as a file too."""
    needed: ClassVar[tuple[str, ...]] = ()
    """Those of them without which there is no way in."""
    kinds: ClassVar[tuple[str, ...]] = ()
    """The kinds of connections that limits can be set for."""
    statuses: ClassVar[tuple[str, ...]] = ()
    """The statuses in which a connection can be stuck."""

    poll_interval: Interval
    discovery_interval: Interval | None = None
    """Default: ten minutes, or the poll interval if that is shorter."""
    request_timeout: Annotated[float, at_least("100ms")] = 30.0
    quota: QuotaOptions
    stale_after: dict[str, Limit] = {}
    never_updated_after: dict[str, Limit] = {}
    stuck_after: dict[str, Limit] = {}
    expiring_within: Duration = 7 * 86_400.0
    ca_file: str = ""
    proxy: Annotated[str, AfterValidator(proxy_url)] = ""
    trust_env: bool = False

    @property
    def discovery_seconds(self) -> float:
        """The discovery interval in force."""
        return self.discovery_interval if self.discovery_interval is not None else min(600.0, self.poll_interval)

    @field_validator("stale_after", "never_updated_after", "stuck_after")
    @classmethod
    def _of_something(cls, limits: dict[str, Limit], info: ValidationInfo) -> dict[str, Limit]:
        known = cls.statuses if info.field_name == "stuck_after" else cls.kinds
        if strange := limits.keys() - set(known):
            raise ValueError(f"{', '.join(sorted(strange))}: not one of {', '.join(known)}")
        return limits

    @model_validator(mode="after")
    def _one_place_a_secret(self) -> SourceOptions:
        for name in self.secrets:
            if getattr(self, name) is not None and getattr(self, f"{name}_file"):
                raise ValueError(f"{name} and {name}_file are both given: give one of them")
        for name in self.needed:
            if getattr(self, name) is None and not getattr(self, f"{name}_file"):
                raise ValueError(f"{name} or {name}_file is needed")
        return self


Secret = SecretStr | None
