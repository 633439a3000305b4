"""What every source can be told, whatever its provider: intervals, limits, budget, the way there (contract.md, *Configuration*)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from connwatch.core.model import NEVER

_UNITS: Final[Mapping[str, float]] = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "y": 31_536_000.0,
}
_DURATION: Final = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")


def duration(value: object) -> float:
    """Seconds of a duration as Prometheus writes it: `90s`, `15m`, `1h30m`, `2d`. Raises ValueError."""
    text = str(value) if isinstance(value, str) else ""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("a duration like 90s, 15m, 1h30m or 2d is expected")
    units = ("y", "w", "d", "h", "m", "s", "ms")
    return sum(int(number) * _UNITS[unit] for unit, number in zip(units, match.groups(), strict=True) if number)


def limit(value: object) -> float:
    """A duration, or `never`. Raises ValueError."""
    return NEVER if value == "never" else duration(value)


def provider_url(value: str) -> str:
    """A base URL, without a trailing slash: https, or http on the loopback. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("a URL like https://host/path is expected")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a base URL has no credentials, no query and no fragment")
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise ValueError("http is accepted for the loopback only: use https")
    return value.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Duration = Annotated[float, BeforeValidator(duration)]
Limit = Annotated[float, BeforeValidator(limit)]
Interval = Annotated[float, BeforeValidator(duration), Field(ge=1.0)]
ProviderUrl = Annotated[str, AfterValidator(provider_url)]


class Strict(BaseModel):
    """A part of the configuration: unknown keys are refused, nothing is changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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

    poll_interval: Interval
    discovery_interval: Interval | None = None
    """Default: ten minutes, or the poll interval if that is shorter."""
    request_timeout: Annotated[float, BeforeValidator(duration), Field(ge=0.1)] = 30.0
    quota: QuotaOptions
    stale_after: dict[str, Limit] = {}
    never_updated_after: dict[str, Limit] = {}
    stuck_after: dict[str, Limit] = {}
    expiring_within: Duration = 7 * 86_400.0
    ca_file: str = ""
    proxy: str = ""
    trust_env: bool = False

    @property
    def discovery_seconds(self) -> float:
        """The discovery interval in force."""
        return self.discovery_interval if self.discovery_interval is not None else min(600.0, self.poll_interval)

    @model_validator(mode="after")
    def _one_place_a_secret(self) -> SourceOptions:
        for name in self.secrets:
            if getattr(self, name) is not None and getattr(self, f"{name}_file"):
                raise ValueError(f"{name} and {name}_file are both given: give one of them")
        return self


Secret = SecretStr | None
