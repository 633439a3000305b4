"""`/metrics`: bytes that are ready are written, in pieces, so that nobody else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from aiohttp import web

from connwatch.web.ports import Ports

PIECE: Final = 256 * 1024
"""Bytes that are written before others get their turn."""
COUNTED: Final = 4096
"""Chunks that are counted before others get their turn."""
PATIENCE: Final = 120.0
"""Seconds that a reader may take for all of it."""


def routes(ports: Ports, *, patience: float = PATIENCE) -> Sequence[web.RouteDef]:
    """`/metrics`. A reader who takes longer than `patience` is hung up on."""
    one_by_one = asyncio.Lock()

    async def made(accept: str, *, gzip: bool) -> tuple[str, Sequence[bytes]]:
        """The body, of the moment at which this returns. What is left to be written is written in turns, whoever waits for it."""
        async with one_by_one:
            while ports.refresh(ports.clock.now(), gzip):
                await ports.clock.sleep(0)
            return ports.body(accept, ports.clock.now(), gzip)

    async def scrape(request: web.Request) -> web.StreamResponse:
        gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        try:
            async with asyncio.timeout(patience):
                content_type, chunks = await made(request.headers.get("Accept", ""), gzip=gzip)
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="more changes at a time than can be written\n") from None
        length = 0
        for at in range(0, len(chunks), COUNTED):
            await ports.clock.sleep(0)
            length += sum(map(len, chunks[at : at + COUNTED]))
        response = web.StreamResponse(headers={"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"})
        if gzip:
            response.headers["Content-Encoding"] = "gzip"
        response.content_length = length
        try:
            async with asyncio.timeout(patience):
                await response.prepare(request)
                for piece in pieces(chunks) if request.method == "GET" else ():
                    await response.write(piece)
                    await ports.clock.sleep(0)
                await response.write_eof()
        except (TimeoutError, ConnectionError):
            # Too slow, or gone: whoever scrapes notes that himself.
            if request.transport is not None:
                request.transport.abort()
        return response

    return [web.get("/metrics", scrape)]


def pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth a write."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            joined = b"".join(waiting)
            whole = size - size % PIECE
            yield from (joined[at : at + PIECE] for at in range(0, whole, PIECE))
            waiting, size = [joined[whole:]], size - whole
    if size:
        yield b"".join(waiting)


def accepts_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` allows gzip, and prefers nothing to it (RFC 9110 section 12.5.3)."""
    weights = dict(_weight(part) for part in header.lower().split(",") if part.strip())
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weight(part: str) -> tuple[str, float]:
    coding, _, parameter = part.partition(";")
    _, _, value = parameter.partition("=")
    try:
        return coding.strip(), float(value) if parameter.strip() else 1.0
    except ValueError:
        return coding.strip(), 0.0
