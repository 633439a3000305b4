"""The keys of the whole daemon. Those of a source are its provider's (contract.md, *Configuration*)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from connwatch.core.model import NEVER
from connwatch.providers.options import Duration, Strict, web_url

_ADDRESS: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_.-]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT: Final = 65_535
_POSTGRES: Final = re.compile(r"postgres(ql)?(\+\w+)?:")
_STORE: Final = re.compile(r"memory:|sqlite:///(?=.*[^/])[^?#]+")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
PATTERNS: Final = ("source", "company", "institution", "user", "connection")


class Address(NamedTuple):
    """Where to listen. An empty host is every interface; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(value: object) -> Address:
    """`host:port`, `[v6]:port` or `:port`. Raises ValueError."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is not None and int(match["port"]) <= _HIGHEST_PORT:
            host = str(IPv6Address(match["v6"])) if match["v6"] else match["host"].lower()
            return Address(host, int(match["port"]))
    except ValueError:
        pass
    raise ValueError("an address like 127.0.0.1:10750, [::1]:10750 or :10750 is expected")


def store_url(value: str) -> str:
    """`sqlite:///PATH` or `memory:`. Raises ValueError, which never shows the URL: it might hold a password."""
    if _POSTGRES.match(value):
        raise ValueError("PostgreSQL isn't supported yet: use sqlite:///PATH, or memory:")
    if not _STORE.fullmatch(value) or not value.isprintable():
        raise ValueError("sqlite:///PATH (with four slashes if the path is absolute) or memory: is expected")
    return value


def instant(value: object) -> float:
    """Unix seconds of a time by RFC 3339, or of the start of a day in UTC. Raises ValueError."""
    text = value if isinstance(value, str) else ""
    try:
        at = datetime.fromisoformat(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - as good as any without a zone
    seconds = -1.0 if at.tzinfo is None else (at - datetime.fromtimestamp(0, UTC)).total_seconds()
    if not 0 <= seconds <= _LAST:
        raise ValueError("a date like 2026-12-24, or a time with a zone like 2026-12-24T18:00:00Z, is expected")
    return seconds


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _distinct(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    twice = {str(one) for one in addresses if addresses.count(one) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is given twice")
    return addresses


def _unbuilt(_: object) -> NoReturn:
    raise ValueError("TLS and basic auth aren't supported yet: put a reverse proxy in front, and leave this key out")


def _link(value: str) -> str:
    if value and "@" in web_url(value).netloc:
        raise ValueError("a URL without credentials is expected")
    return value.rstrip("/")


class Web(Strict):
    """The HTTP server."""

    listen: Annotated[
        tuple[Annotated[Address, BeforeValidator(address)], ...],
        BeforeValidator(_one_or_more),
        AfterValidator(_distinct),
        Field(min_length=1),
    ] = (Address("127.0.0.1", 10750),)
    config_file: Annotated[str, BeforeValidator(_unbuilt)] = ""


class Log(Strict):
    """The log, on stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: "warning" if value == "warn" else value),
    ] = "info"
    format: Literal["json", "console"] = "json"


class Metrics(Strict):
    """What is exported, and how much of it."""

    per_connection: Literal["none", "unhealthy", "all"] = "none"
    institutions: bool = True
    max_series: int = Field(default=100_000, ge=1)


class MuteOptions(Strict):
    """Connections that aren't judged, by patterns with `*` and `?` (decisions.md 10)."""

    reason: str = Field(min_length=1)
    source: str = ""
    company: str = ""
    institution: str = ""
    user: str = ""
    connection: str = ""
    until: Annotated[float, BeforeValidator(instant)] = NEVER

    @model_validator(mode="after")
    def _of_something(self) -> MuteOptions:
        if not any(getattr(self, pattern) for pattern in PATTERNS):
            raise ValueError(f"mutes everything: give a pattern for {', '.join(PATTERNS[:-1])} or {PATTERNS[-1]}")
        return self


class Schema(Strict):
    """The whole file. What a source can be told depends on its provider, and is judged by itself."""

    store: Annotated[str, AfterValidator(store_url)] = "sqlite:////var/lib/connwatch/state.db"
    web: Web = Web()
    log: Log = Log()
    metrics: Metrics = Metrics()
    sources: dict[str, Any] = Field(default_factory=dict)
    shutdown_grace: Duration = 10.0
    retention: Duration = 30 * 86_400.0
    external_url: Annotated[str, AfterValidator(_link)] = ""
    mute: tuple[MuteOptions, ...] = ()
