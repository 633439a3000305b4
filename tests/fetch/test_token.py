"""The one token of a source: had once, renewed in time, by one request."""

from __future__ import annotations

import asyncio
from itertools import count

from aiohttp import web

from connwatch.core.model import Failure
from tests.fakes import FakeClock
from tests.fetch.conftest import Loopback, Outside
from tests.fetch.toy import Toy


def tokens_for(server: Loopback, *, good: tuple[str, ...] = (), status: int = 200) -> list[str]:
    """Let the server give tokens `t1`, `t2`, …, and accept all of them, or only the good ones. The scopes asked for."""
    numbers, scopes = count(1), list[str]()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            scopes.append(str((await request.post())["scope"]))
            return web.Response(text=f"t{next(numbers)}", status=status)
        sent = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response([1]) if not good or sent in good else web.Response(status=401)

    server.answer = answer
    return scopes


async def test_one_token_serves_all(outside: Outside, server: Loopback) -> None:
    """Ten polls at once ask for one token."""
    tokens_for(server)
    toy = Toy(server.url, tokens=True)
    client = await outside.client(toy)
    answers = await asyncio.gather(*[client.converse(toy.numbers()) for _ in range(10)])
    assert answers == [[1]] * 10
    assert server.paths.count("/token") == 1


async def test_a_token_is_renewed_before_it_ends(outside: Outside, server: Loopback) -> None:
    """At four fifths of its life there is a new one, asked for with the scope that was granted."""
    scopes = tokens_for(server)
    toy, clock = Toy(server.url, tokens=True), FakeClock()
    client = await outside.client(toy, clock=clock)
    await clock.advance(1)
    for _ in range(2):
        await client.converse(toy.numbers())
        await clock.advance(79)
    assert len(scopes) == 1
    await clock.advance(2)
    await client.converse(toy.numbers())
    assert scopes == ["all", "less"]
    assert outside.recorder.tokens["toy"] == clock.now() + 100


async def test_a_token_that_ran_out_early_is_renewed_once(outside: Outside, server: Loopback) -> None:
    """One renewal and one repetition cure it, and nobody notices."""
    tokens_for(server, good=("t2",))
    toy = Toy(server.url, tokens=True)
    client = await outside.client(toy)
    assert await client.converse(toy.numbers()) == [1]
    assert server.paths.count("/token") == 2
    assert not outside.gate.state.rejected


async def test_renewing_is_not_repeated_for_ever(outside: Outside, server: Loopback) -> None:
    """A credential that is refused with a fresh token too is refused."""
    tokens_for(server, good=("none",))
    toy = Toy(server.url, tokens=True)
    failure = await (await outside.client(toy)).converse(toy.numbers())
    assert isinstance(failure, Failure)
    assert (failure.outcome, server.paths.count("/token"), len(server.asked)) == ("auth", 2, 4)


async def test_no_token_is_the_failure_of_the_poll(outside: Outside, server: Loopback) -> None:
    """Where no token can be had, nothing else is asked, and the poll says why."""
    tokens_for(server, status=503)
    toy = Toy(server.url, tokens=True)
    failure = await (await outside.client(toy)).converse(toy.numbers())
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.status, server.paths) == ("server", 503, ["/token"])


async def test_a_missing_token_endpoint_is_no_missing_target(outside: Outside, server: Loopback) -> None:
    """404 for the token says that our key is wrong; it must never remove anybody's connections."""
    tokens_for(server, status=404)
    toy = Toy(server.url, tokens=True)
    failure = await (await outside.client(toy)).converse(toy.numbers())
    assert isinstance(failure, Failure)
    assert failure.outcome == "auth"


async def test_another_secret_is_another_token(outside: Outside, server: Loopback) -> None:
    """A rotated secret doesn't live on in a token of the old one."""
    tokens_for(server)
    toy = Toy(server.url, tokens=True)
    client = await outside.client(toy)
    await client.converse(toy.numbers())
    outside.secrets["key"] = "another"
    client.notice_secrets()
    await client.converse(toy.numbers())
    assert server.paths.count("/token") == 2
