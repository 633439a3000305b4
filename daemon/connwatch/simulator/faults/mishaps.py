"""What goes wrong on the wire: each effect on the transport is one function of an exchange."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache

from aiohttp import web

from connwatch.simulator.faults.profiles import Effect
from connwatch.simulator.shapes.stamps import http_date

SLOW = 20.0
STALL = 90.0
RETRY_AFTER = 7
DAYS = 3 * 86400
HUGE = 17 * 1024 * 1024
CHUNK = b'{"filler": "' + b"x" * 65_520 + b'"},\n'
PAGE = "<!doctype html><title>Sorry</title><h1>We will be back soon</h1>"
ELSEWHERE = "https://elsewhere.invalid/login"


@dataclass(frozen=True)
class Exchange:
    """One request on its way to an answer."""

    request: web.Request
    answer: Callable[[], Awaitable[web.StreamResponse]]
    problem: Callable[[int], web.Response]
    """Makes an error of this status in the provider's shape."""
    now: float
    sleep: Callable[[float], Awaitable[None]]


Mishap = Callable[[Exchange], Awaitable[web.StreamResponse]]


async def suffer(exchange: Exchange, fate: frozenset[Effect]) -> web.StreamResponse:
    """Answer a request as its fate wants it; the first effect in the order of the table is the one that strikes."""
    for effect, mishap in MISHAPS.items():
        if effect in fate:
            return await mishap(exchange)
    return await exchange.answer()


def _instead(status: int, retry_after: Callable[[Exchange], str] | None = None) -> Mishap:
    """Give another answer, in the provider's shape."""

    async def mishap(exchange: Exchange) -> web.StreamResponse:
        response = exchange.problem(status)
        if retry_after is not None:
            response.headers["Retry-After"] = retry_after(exchange)
        return response

    return mishap


def _seconds(_: Exchange) -> str:
    return str(RETRY_AFTER)


def _date(exchange: Exchange) -> str:
    return http_date(exchange.now + RETRY_AFTER)


def _days(_: Exchange) -> str:
    return str(DAYS)


async def _forbidden_bare(_: Exchange) -> web.StreamResponse:
    return web.json_response({"message": "Forbidden"}, status=403)


async def _bad_gateway(_: Exchange) -> web.StreamResponse:
    return web.Response(text=PAGE, status=502, content_type="text/html")


async def _html(_: Exchange) -> web.StreamResponse:
    return web.Response(text=PAGE, content_type="text/html")


async def _redirect(_: Exchange) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": ELSEWHERE})


async def _huge(exchange: Exchange) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(exchange.request)
    await response.write(b"[")
    for _ in range(HUGE // len(CHUNK) + 1):
        await response.write(CHUNK)
    await response.write(b"{}]")
    return response


@cache
def _bomb_bytes() -> bytes:
    return gzip.compress(b"[" + b" " * HUGE + b"]", mtime=0)


async def _bomb(_: Exchange) -> web.StreamResponse:
    return web.Response(body=_bomb_bytes(), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


async def _slow(exchange: Exchange) -> web.StreamResponse:
    await exchange.sleep(SLOW)
    return await exchange.answer()


async def _truncated(exchange: Exchange) -> web.StreamResponse:
    answer, body = await _whole(exchange)
    return web.Response(status=answer.status, body=body[: len(body) // 2], content_type="application/json")


async def _wrong_type(exchange: Exchange) -> web.StreamResponse:
    answer, body = await _whole(exchange)
    return web.Response(status=answer.status, body=body, content_type="text/plain")


async def _hang_up_before(exchange: Exchange) -> web.StreamResponse:
    _hang_up(exchange.request)
    return web.Response()


async def _hang_up_within(exchange: Exchange) -> web.StreamResponse:
    response = await _half(exchange)
    _hang_up(exchange.request)
    return response


async def _stall(exchange: Exchange) -> web.StreamResponse:
    response = await _half(exchange)
    await exchange.sleep(STALL)
    _hang_up(exchange.request)
    return response


async def _whole(exchange: Exchange) -> tuple[web.StreamResponse, bytes]:
    answer = await exchange.answer()
    body = answer.body if isinstance(answer, web.Response) else b""
    return answer, body if isinstance(body, bytes) else b""


async def _half(exchange: Exchange) -> web.StreamResponse:
    """Begin the right answer, promise all of it, and send half."""
    answer, body = await _whole(exchange)
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(exchange.request)
    await response.write(body[: len(body) // 2])
    return response


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


MISHAPS: dict[Effect, Mishap] = {
    Effect.HANG_UP_BEFORE: _hang_up_before,
    Effect.SERVER_ERROR: _instead(500),
    Effect.BAD_GATEWAY: _bad_gateway,
    Effect.UNAVAILABLE: _instead(503),
    Effect.UNAVAILABLE_SECONDS: _instead(503, _seconds),
    Effect.UNAVAILABLE_DATE: _instead(503, _date),
    Effect.THROTTLED_SECONDS: _instead(429, _seconds),
    Effect.THROTTLED_DATE: _instead(429, _date),
    Effect.THROTTLED_BARE: _instead(429),
    Effect.THROTTLED_DAYS: _instead(429, _days),
    Effect.FORBIDDEN_BARE: _forbidden_bare,
    Effect.HTML: _html,
    Effect.REDIRECT: _redirect,
    Effect.HUGE: _huge,
    Effect.BOMB: _bomb,
    Effect.SLOW: _slow,
    Effect.STALL: _stall,
    Effect.TRUNCATED: _truncated,
    Effect.WRONG_TYPE: _wrong_type,
    Effect.HANG_UP_WITHIN: _hang_up_within,
}
"""The effects on the transport, in the order in which they go before each other."""
