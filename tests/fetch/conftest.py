"""A scripted server on the loopback, and clients to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from connwatch.clock import SystemClock
from connwatch.core.model import Note
from connwatch.core.ports import Clock
from connwatch.core.quota import Rule
from connwatch.fetch import Gate, SourceClient, open_session
from tests.fakes import FakeRecorder
from tests.fetch.toy import Toy, plan_for

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Loopback:
    """A server that answers as it is told, and remembers who asked for what."""

    def __init__(self) -> None:
        self.asked: list[web.BaseRequest] = []
        self.answer: Handler = numbers
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Remember, and answer."""
        self.asked.append(request)
        return await self.answer(request)

    @property
    def paths(self) -> list[str]:
        """What was asked for, with queries."""
        return [str(request.rel_url) for request in self.asked]


async def numbers(request: web.BaseRequest) -> web.StreamResponse:
    """The page that was asked for."""
    return web.json_response([int(request.query.get("page", "0"))])


class Outside:
    """Makes clients to the loopback server, and closes them."""

    def __init__(self, server: Loopback, stack: AsyncExitStack) -> None:
        self.recorder = FakeRecorder()
        self.notes: list[Note] = []
        self.secrets = {"key": "the-key"}
        self.gate: Gate
        self._server = server
        self._stack = stack

    async def client(
        self, provider: Toy | None = None, *, seconds: float = 5.0, rule: Rule | None = None, clock: Clock | None = None
    ) -> SourceClient:
        """A client with a session of its own."""
        provider = provider or Toy(self._server.url)
        plan = plan_for(provider, timeout=seconds, rule=rule)
        clock = clock or SystemClock()
        self.gate = Gate(plan.policy, plan.quota, clock, self.recorder, tell=self.notes.append)
        session = await self._stack.enter_async_context(open_session(plan, "0"))
        return SourceClient(plan, session, self.gate, lambda: dict(self.secrets), clock, self.recorder)


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    """A server on a free port of the loopback."""
    loopback = Loopback()
    runner = web.ServerRunner(web.Server(loopback.handle, handler_cancellation=True), shutdown_timeout=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    loopback.url = f"http://{host}:{port}"
    yield loopback
    await runner.cleanup()


@pytest.fixture
async def outside(server: Loopback) -> AsyncIterator[Outside]:
    """Clients to that server."""
    async with AsyncExitStack() as stack:
        yield Outside(server, stack)
