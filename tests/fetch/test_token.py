"""The one token of a source: had once, renewed in time, by one request."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from aiohttp import web

from connwatch.core.model import Failure
from connwatch.fetch import SourceClient
from tests.fakes import FakeClock, settle, until
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


async def many(client: SourceClient, toy: Toy, times: int = 8) -> list[list[int] | Failure]:
    """Polls of so many users at once."""
    return await asyncio.gather(*[client.converse(toy.numbers(), target=f"u{number}") for number in range(times)])


@pytest.mark.parametrize(("status", "factor"), [(429, 0.5), (500, 1.0), (503, 1.0)])
async def test_one_refusal_of_a_token_is_one(outside: Outside, server: Loopback, status: int, factor: float) -> None:
    """Eight polls wait for one token: that it is refused speaks against the source once, and slows it down once."""
    tokens_for(server, status=status)
    toy, clock = Toy(server.url, tokens=True), FakeClock()
    client = await outside.client(toy, clock=clock)
    outside.gate.targets = 100
    await clock.advance(1)
    failures = await many(client, toy)
    assert {one.status for one in failures if isinstance(one, Failure)} == {status}
    assert (len(failures), server.paths) == (8, ["/token"])
    assert outside.gate.state.up is not False
    assert outside.gate.state.quota.factor == factor


async def test_a_refused_token_is_the_credential_s_affair(outside: Outside, server: Loopback) -> None:
    """It is nobody's in particular: one refusal closes the source, even amid successes."""
    tokens_for(server)
    toy, clock = Toy(server.url, tokens=True), FakeClock()
    client = await outside.client(toy, clock=clock)
    outside.gate.targets = 100
    await clock.advance(1)
    assert await many(client, toy) == [[1]] * 8
    tokens_for(server, status=401)
    await clock.advance(90)
    failure = await client.converse(toy.numbers(), target="u1")
    assert isinstance(failure, Failure)
    assert (failure.outcome, outside.gate.state.rejected) == ("auth", True)


async def test_a_rejected_credential_is_tried_by_one_poll_alone(outside: Outside, server: Loopback) -> None:
    """Renewal and repetition included: the other polls wait for what it brings, one backoff after the other."""
    tokens_for(server, good=("none",))
    toy, clock = Toy(server.url, tokens=True), FakeClock()
    client = await outside.client(toy, clock=clock)
    outside.gate.targets = 100
    await clock.advance(1)
    await client.converse(toy.numbers(), target="u")
    opens = outside.gate.state.open_at()
    assert opens > clock.now()
    async with asyncio.TaskGroup() as group:
        group.create_task(many(client, toy))
        await settle()
        server.asked.clear()
        await clock.advance(opens - clock.now())
        await until(lambda: outside.gate.state.open_at() > opens)
        await settle()
        assert [path.split("?")[0] for path in server.paths].count("/users/u/numbers") <= 2
        tokens_for(server)
        await clock.advance(outside.gate.state.open_at() - clock.now())


async def test_a_token_for_an_old_secret_is_not_kept(outside: Outside, server: Loopback) -> None:
    """A secret that changes while a token is on its way: that token was another's."""
    arrived, go_on, secrets = asyncio.Event(), asyncio.Event(), list[str]()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            secrets.append(request.headers["Authorization"])
            arrived.set()
            await go_on.wait()
            return web.Response(text=f"t{len(secrets)}")
        return web.json_response([1])

    server.answer = answer
    toy = Toy(server.url, tokens=True)
    client = await outside.client(toy)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.converse(toy.numbers()))
        await arrived.wait()
        outside.secrets["key"] = "another"
        client.notice_secrets()
        go_on.set()
    await client.converse(toy.numbers())
    assert secrets == ["the-key", "another"]
    assert server.asked[-1].headers["Authorization"] == "Bearer t2"


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
