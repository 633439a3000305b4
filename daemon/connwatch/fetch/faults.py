"""Every way in which the network fails, as one of the closed outcomes (contract.md, *Outcomes*)."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import aiohttp

from connwatch.core.model import Failure, Outcome


class BrokenOffError(aiohttp.ClientError):
    """A kept-alive connection was closed under a request. aiohttp would repeat the request by itself: outside the quota."""


class TooLargeError(Exception):
    """The body is larger than what is read."""


_BEFORE_THE_ANSWER: Final[tuple[tuple[type[BaseException], Outcome], ...]] = (
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientConnectorCertificateError, "tls"),
    (aiohttp.ClientConnectorSSLError, "tls"),
    (aiohttp.ServerFingerprintMismatch, "tls"),
    (ssl.SSLError, "tls"),
    (aiohttp.ClientHttpProxyError, "connect"),
    (aiohttp.ClientResponseError, "schema"),
    (aiohttp.ClientError, "connect"),
    (OSError, "connect"),
    (asyncio.IncompleteReadError, "connect"),
)
_WITHIN_THE_ANSWER: Final[tuple[tuple[type[BaseException], Outcome], ...]] = (
    (TooLargeError, "too_large"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientError, "truncated"),
    (OSError, "truncated"),
    (asyncio.IncompleteReadError, "truncated"),
)
FAULTS: Final[tuple[type[BaseException], ...]] = tuple(
    dict.fromkeys(kind for table in (_BEFORE_THE_ANSWER, _WITHIN_THE_ANSWER) for kind, _ in table)
)
"""What may be raised while a request is made; anything else is a fault of ours."""


def failure_of(fault: BaseException, status: int | None) -> Failure:
    """The failure for a fault. `status` is None until the first byte of the answer was read."""
    table = _BEFORE_THE_ANSWER if status is None else _WITHIN_THE_ANSWER
    outcome = next(outcome for kind, outcome in table if isinstance(fault, kind))
    return Failure(outcome=outcome, status=status, detail=type(fault).__name__)


async def unrepeated(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: a request is made once. What breaks is told, never silently made again."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as fault:
        raise BrokenOffError(type(fault).__name__) from fault
