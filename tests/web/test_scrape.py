from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.web.scrape import PIECE, accepts_gzip, pieces, routes
from tests.web.scene import CONTENT_TYPE, CountingClock, ports, served

PLAIN = {"Accept-Encoding": "identity"}
COMPRESSED = {"Accept-Encoding": "gzip"}
LARGE = [bytes(PIECE)] * 80


class Untouched:
    """A port that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def large(_accept: str, _now: float, _gzip: bool) -> tuple[str, Sequence[bytes]]:
    """More than any socket takes in at once."""
    return CONTENT_TYPE, LARGE


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0.2, identity;q=0.8", False),
        ("gzip;q=0.8, identity;q=0.2", True),
        ("gzip, identity", True),
        ("gzip;q=much", False),
        (",,", False),
    ],
)
def test_gzip_only_where_it_is_wanted(header: str, accepted: bool) -> None:
    """A reader gets no encoding that it can't read, or likes less than none."""
    assert accepts_gzip(header) is accepted


@settings(deadline=None)
@given(st.text())
def test_any_header_has_an_answer(header: str) -> None:
    """No header breaks a scrape."""
    assert accepts_gzip(header) in {True, False}


@settings(deadline=None)
@given(st.lists(st.integers(0, 3 * PIECE).map(bytes), max_size=6))
def test_pieces_are_the_same_bytes(chunks: list[bytes]) -> None:
    """Nothing is lost between chunks and writes, only the last write is small, and none is large."""
    made = list(pieces(chunks))
    assert b"".join(made) == b"".join(chunks)
    assert all(len(piece) == PIECE for piece in made[:-1])
    assert all(0 < len(piece) <= PIECE for piece in made)


async def test_a_scrape_is_what_the_exposition_gives() -> None:
    """Type and bytes go through as they are, without a look into the store; caches are told what they depend on."""
    asked: list[tuple[str, float, bool]] = []

    def body(accept: str, now: float, compressed: bool) -> tuple[str, Sequence[bytes]]:
        asked.append((accept, now, compressed))
        return CONTENT_TYPE, [b"a 1\n", b"b 2\n"]

    given_ = ports(body=body, store=Untouched())
    async with served(given_) as reader, reader.get("/metrics", headers=PLAIN | {"Accept": "text/plain"}) as answer:
        assert await answer.read() == b"a 1\nb 2\n"
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert asked == [("text/plain", given_.clock.now(), False)]


async def test_a_compressed_scrape_says_so() -> None:
    """Members of gzip that were ready are sent as they are, one after another."""

    def body(_accept: str, _now: float, compressed: bool) -> tuple[str, Sequence[bytes]]:
        assert compressed
        return CONTENT_TYPE, [gzip.compress(b"a 1\n"), gzip.compress(b"b 2\n")]

    async with served(ports(body=body)) as reader, reader.get("/metrics", headers=COMPRESSED) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.read() == b"a 1\nb 2\n"


async def test_a_scrape_that_never_gets_ready_is_refused(aiohttp_server: Any) -> None:
    """Changes that come faster than they can be written: no scrape waits for ever, and none says what is half written."""
    app = web.Application()
    app.add_routes(routes(ports(refresh=lambda _now, _gzip: True, body=Untouched()), patience=0.05))
    server = await aiohttp_server(app)
    async with ClientSession() as reader, reader.get(server.make_url("/metrics")) as answer:
        assert answer.status == 503


async def test_head_has_the_length_and_no_body() -> None:
    """HEAD is GET without the bytes."""
    async with served(ports()) as reader, reader.head("/metrics") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "8")
        assert await answer.read() == b""


async def test_a_large_scrape_is_written_in_turns() -> None:
    """Before the first piece and after each, whatever else is to be done is done."""
    clock = CountingClock()
    async with served(ports(body=large, clock=clock)) as reader, reader.get("/metrics", headers=PLAIN) as answer:
        assert len(await answer.read()) == len(LARGE) * PIECE
    assert clock.turns == 1 + len(LARGE)


async def test_what_is_left_is_written_in_turns_first() -> None:
    """The body is asked for when nothing is left, with no turn of anybody else in between."""
    clock, told = CountingClock(), list[tuple[str, int]]()

    def refresh(_now: float, compressed: bool) -> bool:
        assert not compressed
        told.append(("refresh", clock.turns))
        return len(told) < 5

    def body(_accept: str, _now: float, _compressed: bool) -> tuple[str, Sequence[bytes]]:
        told.append(("body", clock.turns))
        return CONTENT_TYPE, [b"a 1\n"]

    given_ = ports(refresh=refresh, body=body, clock=clock)
    async with served(given_) as reader, reader.get("/metrics", headers=PLAIN) as answer:
        assert await answer.read() == b"a 1\n"
    assert told == [("refresh", turn) for turn in range(5)] + [("body", 4)]


async def test_one_scrape_at_a_time_has_things_written() -> None:
    """Many who scrape at once take no more turns than one."""
    told: list[bool] = []
    begun = asyncio.Event()

    def refresh(_now: float, compressed: bool) -> bool:
        told.append(compressed)
        begun.set()
        return not compressed and len(told) < 2000

    async with served(ports(refresh=refresh)) as reader:

        async def read(headers: dict[str, str]) -> int:
            async with reader.get("/metrics", headers=headers) as answer:
                return answer.status

        async with asyncio.TaskGroup() as group:
            first = group.create_task(read(PLAIN))
            await begun.wait()
            second = group.create_task(read(COMPRESSED))
        assert (first.result(), second.result()) == (200, 200)
    assert told == [False] * 2000 + [True]


async def test_a_reader_who_stops_reading_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """While one reader takes nothing of its scrape, others get theirs; that it goes away is no fault."""
    async with served(ports(body=large)) as reader, reader.get("/metrics", headers=PLAIN) as unread:
        async with reader.get("/-/healthy") as answer:
            assert answer.status == 200
        async with reader.get("/metrics", headers=PLAIN) as answer:
            assert len(await answer.read()) == len(LARGE) * PIECE
        assert unread.status == 200
    assert caplog.records == []


async def test_a_reader_who_takes_too_long_is_hung_up_on(aiohttp_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A scrape that nobody reads ends in bounded time, and what was not sent by then is not sent later."""
    ended = asyncio.Event()

    @web.middleware
    async def watched(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        ended.set()
        return response

    app = web.Application(middlewares=[watched])
    app.add_routes(routes(ports(body=large), patience=0.05))
    server = await aiohttp_server(app)
    idle, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
    await asyncio.wait_for(ended.wait(), 1.5)
    received = 0
    with suppress(ConnectionResetError):
        while chunk := await idle.read(PIECE):
            received += len(chunk)
    writer.close()
    assert 0 < received < len(LARGE) * PIECE
    assert caplog.records == []
