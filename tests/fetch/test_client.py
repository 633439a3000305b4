"""What leaves the process, and what comes back as what."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from connwatch.clock import SystemClock
from connwatch.core.model import Failure, Outcome
from connwatch.core.wire import Conversation, Request
from connwatch.fetch import NotAllowedError
from connwatch.fetch.client import MAX_BODY
from tests.fetch.conftest import Handler, Loopback, Outside
from tests.fetch.toy import Toy


def one(request: Request) -> Conversation[str]:
    """A conversation of one request."""
    yield request
    return "answered"


class TestAllowList:
    """Nothing but a provider's reads leaves the process."""

    @pytest.mark.parametrize(
        "request_",
        [
            Request("connections", "/users/u/numbers", method="POST"),
            Request("token", "/users/u/numbers", method="POST"),
            Request("connections", "/users/u"),
            Request("connections", "/users/u/numbers/refresh"),
            Request("connections", "/users/../numbers"),
            Request("institutions", "/users/u/numbers"),
            Request("connections", "/users/u/numbers\n"),
        ],
    )
    async def test_anything_else_raises_before_a_socket_is_opened(
        self, outside: Outside, server: Loopback, request_: Request
    ) -> None:
        """Another method, another path, another use of a path: refused, and the server never hears of it."""
        client = await outside.client()
        with pytest.raises(NotAllowedError):
            await client.converse(one(request_))
        assert server.asked == []

    async def test_a_read_goes_out_as_it_is_described(self, outside: Outside, server: Loopback) -> None:
        """Path, query and credential, and nothing that asks for more."""
        client = await outside.client()
        assert await client.converse(Toy(server.url).numbers("a b&c")) == [0]
        (request,) = server.asked
        assert str(request.rel_url) == "/users/u/numbers?page=0&who=a%20b%26c"
        assert request.headers["Authorization"] == "the-key"
        assert request.headers["Accept"] == "application/json"

    async def test_no_credential_goes_where_none_is_needed(self, outside: Outside, server: Loopback) -> None:
        """Public lists are read as anybody would."""
        client = await outside.client()
        assert await client.converse(Toy(server.url).public()) == [0]
        assert "Authorization" not in server.asked[0].headers

    async def test_redirects_are_never_followed(self, outside: Outside, server: Loopback) -> None:
        """A redirect is a wrong answer, and the credential stays here."""

        async def elsewhere(_request: web.BaseRequest) -> web.StreamResponse:
            raise web.HTTPFound("/elsewhere")

        server.answer = elsewhere
        client = await outside.client()
        failure = await client.converse(Toy(server.url).numbers())
        assert isinstance(failure, Failure)
        assert (failure.outcome, failure.status, len(server.asked)) == ("server", 302, 1)


async def _close_at_once(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _break_off(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"[1,")
    assert request.transport is not None
    request.transport.abort()
    return response


async def _stall(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"[1,")
    await asyncio.Event().wait()
    return response


async def _too_large(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
    await response.prepare(request)
    await response.write(gzip.compress(b" " * (MAX_BODY + 1)))
    return response


def _says(**given: object) -> Handler:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(**given)  # type: ignore[arg-type]  # a table of answers

    return answer


ANSWERS: list[tuple[str, Handler, Outcome]] = [
    ("no answer", _close_at_once, "connect"),
    ("half an answer", _break_off, "truncated"),
    ("an answer that never ends", _stall, "timeout"),
    ("more than is read, unpacked", _too_large, "too_large"),
    ("no JSON", _says(text="<html>", content_type="text/html"), "schema"),
    ("other JSON", _says(text='{"a": 1}'), "schema"),
    ("half of a gzip", _says(body=gzip.compress(b"[1]")[:-11], headers={"Content-Encoding": "gzip"}), "schema"),
    ("401", _says(status=401), "auth"),
    ("403", _says(status=403), "forbidden"),
    ("404", _says(status=404), "not_found"),
    ("418", _says(status=418), "server"),
    ("429", _says(status=429), "throttled"),
    ("503", _says(status=503), "server"),
]


class TestOutcomes:
    """Every way to fail is one of the closed list, and never an exception."""

    @pytest.mark.parametrize(("answer", "outcome"), [one[1:] for one in ANSWERS], ids=[one[0] for one in ANSWERS])
    async def test_a_bad_answer_is_its_outcome(
        self, outside: Outside, server: Loopback, answer: Handler, outcome: Outcome
    ) -> None:
        """What contract.md calls it, with one request made and counted."""
        server.answer = answer
        client = await outside.client(seconds=0.3 if outcome == "timeout" else 30.0)
        failure = await client.converse(Toy(server.url).numbers())
        assert isinstance(failure, Failure)
        assert failure.outcome == outcome
        assert len(server.asked) == sum(outside.recorder.requests.values()) == 1

    async def test_nobody_listening_is_a_failure_to_connect(self, outside: Outside) -> None:
        """A closed port."""
        client = await outside.client(Toy("http://127.0.0.1:1"))
        failure = await client.converse(Toy("http://127.0.0.1:1").numbers())
        assert isinstance(failure, Failure)
        assert failure.outcome == "connect"
        assert outside.recorder.requests["toy", "toy", "connections", "none"] == 1

    async def test_a_name_that_is_nobody_s_is_a_failure_of_dns(self, outside: Outside) -> None:
        """The name `invalid` exists nowhere (RFC 2606)."""
        client = await outside.client(Toy("http://nobody.invalid"))
        failure = await client.converse(Toy("http://nobody.invalid").numbers())
        assert isinstance(failure, Failure)
        assert failure.outcome == "dns"

    async def test_plain_text_where_tls_is_wanted_is_a_failure_of_tls(self, outside: Outside, server: Loopback) -> None:
        """An https address behind which nobody speaks TLS."""
        toy = Toy(server.url.replace("http:", "https:"))
        failure = await (await outside.client(toy)).converse(toy.numbers())
        assert isinstance(failure, Failure)
        assert failure.outcome == "tls"

    async def test_json_under_a_wrong_type_is_read(self, outside: Outside, server: Loopback) -> None:
        """What counts is what it is, not what it is called."""
        server.answer = _says(text="[7]", content_type="text/plain")
        assert await (await outside.client()).converse(Toy(server.url).numbers()) == [7]

    async def test_a_connection_that_broke_is_not_tried_again_behind_our_back(
        self, outside: Outside, server: Loopback
    ) -> None:
        """A kept-alive connection that is closed under a request is a failure: a repetition would be outside the quota."""
        client = await outside.client()
        assert await client.converse(Toy(server.url).numbers()) == [0]
        server.answer = _close_at_once
        failure = await client.converse(Toy(server.url).numbers())
        assert isinstance(failure, Failure)
        assert (failure.outcome, len(server.asked)) == ("connect", 2)

    async def test_a_failure_says_nothing_of_the_body(self, outside: Outside, server: Loopback) -> None:
        """Bodies carry people's data: no part of one gets into a failure."""
        server.answer = _says(text='{"user": "jane@example.test"}', status=500)
        failure = await (await outside.client()).converse(Toy(server.url).numbers())
        assert "jane" not in repr(failure)
        server.answer = _says(text='["jane@example.test"]')
        failure = await (await outside.client()).converse(Toy(server.url).numbers())
        assert "jane" not in repr(failure)


class TestWaiting:
    """What a provider says about when to come back, and what time it is."""

    @pytest.mark.parametrize(
        ("header", "least"),
        [
            (lambda: "30", 29.0),
            (
                lambda: format_datetime(
                    datetime.fromtimestamp(real_now(), tz=UTC) + timedelta(seconds=60), usegmt=True
                ),
                58.0,
            ),
        ],
        ids=["seconds", "date"],
    )
    async def test_retry_after_is_heard_as_a_number_and_as_a_date(
        self, outside: Outside, server: Loopback, header: Callable[[], str], least: float
    ) -> None:
        """Both forms of RFC 9110 close the gate for that long."""
        server.answer = _says(status=429, headers={"Retry-After": header()})
        client = await outside.client()
        await client.converse(Toy(server.url).numbers())
        assert outside.gate.state.open_at() - real_now() >= least

    @pytest.mark.parametrize("hours", [-1, 1])
    async def test_a_date_is_one_of_the_provider_s_clock(self, outside: Outside, server: Loopback, hours: int) -> None:
        """A clock that is wrong, theirs or ours, makes no wait shorter or longer than it was asked to be."""
        theirs = datetime.fromtimestamp(real_now(), tz=UTC) + timedelta(hours=hours)
        dates = {"Date": theirs, "Retry-After": theirs + timedelta(seconds=60)}
        server.answer = _says(
            status=429, headers={name: format_datetime(at, usegmt=True) for name, at in dates.items()}
        )
        await (await outside.client()).converse(Toy(server.url).numbers())
        assert 58 < outside.gate.state.open_at() - real_now() <= 60

    async def test_a_senseless_date_is_none(self, outside: Outside, server: Loopback) -> None:
        """A header that no calendar holds breaks nothing."""
        server.answer = _says(text="[1]", headers={"Date": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"})
        assert await (await outside.client()).converse(Toy(server.url).numbers()) == [1]
        assert outside.recorder.skews == {}

    async def test_a_public_list_makes_nobody_down(self, outside: Outside, server: Loopback) -> None:
        """Whether the source is up, only answers to our credential tell (decisions.md 9); its wish to wait is heard."""
        server.answer = _says(status=503, headers={"Retry-After": "0"})
        client = await outside.client()
        for _ in range(3):
            await client.converse(Toy(server.url).public())
        assert (outside.gate.state.up, outside.notes) == (None, [])
        server.answer = _says(status=429, headers={"Retry-After": "50"})
        await client.converse(Toy(server.url).public())
        assert outside.gate.state.up is None
        assert outside.gate.state.open_at() - real_now() >= 49

    async def test_a_public_list_that_fails_closes_nothing(self, outside: Outside, server: Loopback) -> None:
        """Without a wish to wait, its failure is its own."""
        server.answer = _says(status=401)
        await (await outside.client()).converse(Toy(server.url).public())
        assert (outside.gate.state.rejected, outside.gate.state.open_at()) == (False, 0.0)

    async def test_the_difference_of_the_clocks_is_noticed(self, outside: Outside, server: Loopback) -> None:
        """A provider whose `Date` is an hour ahead is an hour ahead."""
        ahead = format_datetime(datetime.fromtimestamp(real_now(), tz=UTC) + timedelta(hours=1), usegmt=True)
        server.answer = _says(text="[1]", headers={"Date": ahead})
        await (await outside.client()).converse(Toy(server.url).numbers())
        assert 3590 < outside.recorder.skews["toy"] < 3610


def real_now() -> float:
    """Real time: what real headers are compared with."""
    return SystemClock().now()


async def test_pages_are_read_one_after_the_other(outside: Outside, server: Loopback) -> None:
    """A conversation goes on until it is over."""
    assert await (await outside.client()).converse(Toy(server.url).numbers(pages=3)) == [0, 1, 2]
    assert len(server.asked) == 3


async def test_one_user_s_rejection_is_that_user_s(outside: Outside, server: Loopback) -> None:
    """Who was asked for is known to whoever judges the source: one user's rejection amid successes closes nothing."""
    client = await outside.client()
    outside.gate.targets = 100
    await client.converse(Toy(server.url).numbers(), target="v")
    server.answer = _says(status=401)
    await client.converse(Toy(server.url).numbers(), target="u")
    assert not outside.gate.state.rejected
    await client.converse(Toy(server.url).numbers(), target="v")
    assert outside.gate.state.rejected


async def test_a_secret_that_changed_is_used_at_once(outside: Outside, server: Loopback) -> None:
    """A rotated key needs no restart, and doesn't wait for the backoff of the old one."""
    server.answer = _says(status=401)
    client = await outside.client()
    await client.converse(Toy(server.url).numbers())
    assert outside.gate.state.rejected
    outside.secrets["key"] = "another-key"
    assert client.notice_secrets()
    assert not outside.gate.state.rejected
    await client.converse(Toy(server.url).numbers())
    assert server.asked[-1].headers["Authorization"] == "another-key"
