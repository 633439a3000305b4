"""What a face knows of a request beside the request itself, and how it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connwatch.simulator.faults import Effect

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FATE: web.RequestKey[frozenset[Effect]] = web.RequestKey("fate", frozenset)
"""The effects that strike this request."""
TURN: web.RequestKey[int] = web.RequestKey("turn", int)
"""The number of this request among those to its provider."""
OFFENCE: web.RequestKey[str] = web.RequestKey("offence", str)
"""Why a monitor must not make this request, where the route alone doesn't tell."""


class Face(Protocol):
    """One provider's API."""

    @property
    def provider(self) -> str:
        """The name under which its requests are written down."""

    @property
    def traps(self) -> Mapping[str, str]:
        """Routes that only look like reads, and what is wrong with them."""

    def routes(self) -> Iterable[web.RouteDef]:
        """List the documented reads, and the traps that look like them."""

    def problem(self, status: int) -> web.Response:
        """Make an error of this status in the provider's shape."""


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        body=msgspec.json.encode(value), status=status, headers=headers, content_type="application/json"
    )


def number(request: web.Request, name: str, default: int, low: int, high: int) -> int | None:
    """Read a whole number from the query; None if it is not one from low to high."""
    raw = request.query.get(name)
    if raw is None:
        return default
    return int(raw) if raw.isascii() and raw.isdigit() and low <= int(raw) <= high else None


def bearer(request: web.Request) -> str:
    """Give the bearer token of a request, empty if it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
