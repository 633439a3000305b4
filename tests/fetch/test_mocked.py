"""The client with aioresponses in place of a network: faults that no loopback server can be made to have, and whole sweeps.

aioresponses stands in for the session's inside, so that middlewares, TLS, timeouts and redirects are not tried here: the
other files of this folder do that against real sockets.
"""

from __future__ import annotations

import inspect
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aioresponses import aioresponses, core

from connwatch.clock import SystemClock
from connwatch.core.model import Failure, Outcome
from connwatch.core.wire import Conversation, Request
from connwatch.fetch import Gate, NotAllowedError, SourceClient, open_session
from tests.fakes import FakeRecorder
from tests.fetch.toy import Toy, plan_for

BASE = "https://provider.example.test"
PAGE = f"{BASE}/users/u/numbers?page={{}}&who=u"

if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
    # aiohttp 3.14 wants one more argument than aioresponses 0.7.9 gives.
    class _Response(aiohttp.ClientResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
            super().__init__(*args, **kwargs)

    core.ClientResponse = _Response  # type: ignore[attr-defined]  # where it looks for it


@pytest.fixture
def provider() -> Iterator[aioresponses]:
    """The provider's answers, as the test writes them."""
    with aioresponses() as mocked:
        yield mocked


@asynccontextmanager
async def reaching(toy: Toy, recorder: FakeRecorder) -> AsyncIterator[SourceClient]:
    """A client to that provider."""
    plan, clock = plan_for(toy), SystemClock()
    gate = Gate(plan.policy, plan.quota, clock, recorder)
    async with open_session(plan, "0") as session:
        yield SourceClient(plan, session, gate, lambda: {"key": "the-key"}, clock, recorder)


async def asked(toy: Toy, *, pages: int = 1) -> list[int] | Failure:
    """What a poll brings."""
    async with reaching(toy, FakeRecorder()) as client:
        return await client.converse(toy.numbers(pages=pages))


KEY = ConnectionKey("provider.example.test", 443, True, True, None, None, None)
REFUSED = OSError(111, "refused")
CERTIFICATE = ssl.SSLCertVerificationError("self-signed")
FAULTS: list[tuple[Exception, Outcome]] = [
    (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown name")), "dns"),
    (aiohttp.ClientConnectorError(KEY, REFUSED), "connect"),
    (aiohttp.ClientProxyConnectionError(KEY, REFUSED), "connect"),
    (aiohttp.ClientConnectorCertificateError(KEY, CERTIFICATE), "tls"),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "no protocol in common")), "tls"),
    (aiohttp.ServerFingerprintMismatch(b"a", b"b", "provider.example.test", 443), "tls"),
    (ssl.SSLError(1, "alert"), "tls"),
    (aiohttp.ServerDisconnectedError(), "connect"),
    (aiohttp.ClientOSError(104, "reset"), "connect"),
    (ConnectionResetError(), "connect"),
    (aiohttp.ServerTimeoutError(), "timeout"),
    (aiohttp.ConnectionTimeoutError(), "timeout"),
    (TimeoutError(), "timeout"),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=[type(fault).__name__ for fault, _ in FAULTS])
async def test_every_fault_of_the_network_is_an_outcome(
    provider: aioresponses, fault: Exception, outcome: Outcome
) -> None:
    """What the network does is one of the closed list, and named by its kind: its text could be anything."""
    provider.get(PAGE.format(0), exception=fault)
    failure = await asked(Toy(BASE))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.status, failure.detail) == (outcome, None, type(fault).__name__)


async def test_what_is_no_fault_of_the_network_is_raised(provider: aioresponses) -> None:
    """A fault of ours is not passed off as the provider's."""
    provider.get(PAGE.format(0), exception=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await asked(Toy(BASE))


async def test_a_sweep_is_all_pages_in_order(provider: aioresponses) -> None:
    """Page after page, each asked for once."""
    for page in range(3):
        provider.get(PAGE.format(page), payload=[page])
    assert await asked(Toy(BASE), pages=3) == [0, 1, 2]
    assert [url.query["page"] for _, url in provider.requests] == ["0", "1", "2"]


async def test_a_sweep_that_breaks_off_is_nothing(provider: aioresponses) -> None:
    """Two pages of three are no list: neither part of it is believed, and nobody asks on."""
    provider.get(PAGE.format(0), payload=[0])
    provider.get(PAGE.format(1), status=502, body="<html>")
    provider.get(PAGE.format(2), payload=[2])
    failure = await asked(Toy(BASE), pages=3)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.status) == ("server", 502)
    assert len(provider.requests) == 2


async def test_each_request_is_counted_once_by_how_it_ended(provider: aioresponses) -> None:
    """By endpoint and status, or `none` where there was no answer (decisions.md 24)."""
    toy, recorder = Toy(BASE), FakeRecorder()
    provider.get(PAGE.format(0), payload=[0])
    provider.get(PAGE.format(1), exception=aiohttp.ServerDisconnectedError())
    async with reaching(toy, recorder) as client:
        await client.converse(toy.numbers(pages=2))
    assert recorder.requests == {
        ("toy", "toy", "connections", "200"): 1,
        ("toy", "toy", "connections", "none"): 1,
    }


async def test_what_is_not_allowed_never_reaches_the_session(provider: aioresponses) -> None:
    """Refused before anything is asked of aiohttp at all."""
    provider.post(f"{BASE}/users/u/numbers", payload=[])
    toy = Toy(BASE)

    def refresh() -> Conversation[None]:
        yield Request("connections", "/users/u/numbers", method="POST")

    async with reaching(toy, FakeRecorder()) as client:
        with pytest.raises(NotAllowedError):
            await client.converse(refresh())
    assert provider.requests == {}
