"""The simulator as a server: one application on one port, the three faces under their prefixes.

This is the only module of the simulator that may ask for the time, and it asks only the clock that it is given.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from connwatch.simulator.control import Control
from connwatch.simulator.faces.asking import FATE, OFFENCE, TURN, Face
from connwatch.simulator.faces.basiq import Basiq
from connwatch.simulator.faces.gate import Credentials, Tokens, published_limits
from connwatch.simulator.faces.moneyhub import Moneyhub
from connwatch.simulator.faces.nectar import Nectar
from connwatch.simulator.faults import Effect, Faults
from connwatch.simulator.faults.mishaps import Exchange, suffer
from connwatch.simulator.ledger import SPOKEN, Asked, Ledger, Violation
from connwatch.simulator.shapes.stamps import http_date
from connwatch.simulator.truth import truth
from connwatch.simulator.world.founding import found
from connwatch.simulator.world.life import Life

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from connwatch.simulator.faces.asking import Handler
    from connwatch.simulator.world.world import World

ANYTHING = "/{provider:nectar|moneyhub|basiq}{rest:.*}"
OFF_LIMITS = {"/{provider}{rest}": "no documented read of this API"}
WRONG_CLOCK = 3600.0


class Simulator:
    """Nectar, Moneyhub and Basiq, with a world behind them.

    `now` gives Unix seconds, `sleep` waits; `pace` is how many things happen in a minute by themselves, 0 for none
    (consents still run out, and new connections still come to their first result). Construction does no I/O.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        connections: int = 2000,
        faults: str = "none",
        pace: float = 6.0,
        now: Callable[[], float] = time.time,  # noqa: TID251 - the one clock of the simulator, unless another is given
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,  # noqa: TID251 - as above
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._world = found(seed, connections, now())
        if pace > 0:
            Life(self._world, pace).begin()
        self._credentials = Credentials()
        self._tokens = Tokens()
        self._ledger = Ledger()
        self._runner: web.AppRunner | None = None
        self.faults = Faults(seed, faults)
        self.limits = published_limits()
        faces: tuple[Face, ...] = (
            Nectar(self._world, self._credentials),
            Moneyhub(self._world, self._credentials, self._tokens, self.limits["moneyhub"]),
            Basiq(self._world, self._credentials, self._tokens, self.limits["basiq"]),
        )
        self._faces = {face.provider: face for face in faces}
        self._traps = OFF_LIMITS | {path: why for face in faces for path, why in face.traps.items()}

    # Serving

    def app(self) -> web.Application:
        """Make an application of this simulator; several may serve the same world."""
        app = web.Application(middlewares=[self._attend])
        app.on_response_prepare.append(self._date)
        app.add_routes(Control(self).routes())
        for face in self._faces.values():
            app.add_routes(face.routes())
        app.add_routes([web.route("*", ANYTHING, self._refuse)])
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and give the port. Raises OSError if the address cannot be had."""
        runner = web.AppRunner(self.app(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening, and end what is open. Starting again is possible; the world goes on meanwhile."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # What a test or the command line wants to know

    @property
    def world(self) -> World:
        """The world as it is now: its methods are the events that a script may bring about."""
        self._world.advance(self._now())
        return self._world

    @property
    def requests(self) -> list[Asked]:
        """What was asked, oldest first."""
        return list(self._ledger.requests)

    @property
    def violations(self) -> list[Violation]:
        """What must not have been asked."""
        return list(self._ledger.violations)

    @property
    def nectar_key(self) -> str:
        """The key that Nectar accepts."""
        return self._credentials.nectar_key

    @property
    def moneyhub_client_id(self) -> str:
        """The client that Moneyhub knows."""
        return self._credentials.moneyhub_client_id

    @property
    def moneyhub_client_secret(self) -> str:
        """The secret of that client."""
        return self._credentials.moneyhub_client_secret

    @property
    def basiq_key(self) -> str:
        """The key that Basiq accepts, verbatim."""
        return self._credentials.basiq_key

    def basiq_users(self) -> list[str]:
        """List the ids of Basiq's users, which its API does not."""
        return list(self.world.owners["basiq"])

    def truth(self) -> dict[str, Any]:
        """Count the connections as the APIs list them now."""
        drifting = [provider for provider in self._faces if self.faults.always(provider, Effect.DRIFT)]
        return truth(self.world, drifting)

    # What a script may do beside the events of the world

    def rotate_key(self, provider: str) -> str:
        """Replace a provider's key or secret, and give the new one. Raises KeyError for an unknown provider."""
        return self._credentials.rotate(provider)

    def expire_tokens(self, provider: str) -> None:
        """Let all tokens of a provider be over at once."""
        self._tokens.expire(provider, self._now())

    def register_moneyhub_key(self, public_jwk: Mapping[str, Any]) -> None:
        """Accept assertions that are signed with the private half of this JSON Web Key."""
        self._credentials.moneyhub_keys.append(dict(public_jwk))

    # Every request

    @web.middleware
    async def _attend(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the world come up to now, let the request have its fate, and write it down."""
        face = self._faces.get(request.path.split("/")[1])
        if face is None:
            return await handler(request)
        at, number = self._now(), self._ledger.open(face.provider)
        in_flight, status = self._ledger.in_flight[face.provider], 0
        self._world.advance(at)
        request[TURN], request[FATE] = number, self.faults.fate(face.provider, number)
        exchange = Exchange(request, lambda: handler(request), face.problem, at, self._sleep)
        try:
            response = await suffer(exchange, request[FATE])
            status = response.status
        finally:
            asked = Asked(
                at=at,
                provider=face.provider,
                number=number,
                method=request.method,
                path=_spoken(request),
                status=status,
                in_flight=in_flight,
            )
            self._ledger.close(asked, request.get(OFFENCE, self._traps.get(_route(request))))
        return response

    async def _refuse(self, request: web.Request) -> web.StreamResponse:
        return self._faces[request.match_info["provider"]].problem(405)

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tell the simulator's own time, not the machine's."""
        wrong = Effect.WRONG_DATE in request.get(FATE, frozenset())
        response.headers["Date"] = http_date(self._now() + (WRONG_CLOCK if wrong else 0.0))


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _spoken(request: web.Request) -> str:
    query = urlencode([(name, value) for name, value in request.query.items() if name in SPOKEN])
    return f"{request.path}?{query}" if query else request.path
