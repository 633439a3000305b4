"""The providers' process: the simulator in the soak's time, the weather that it has, and a witness of what it was asked."""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import formatdate, parsedate_to_datetime
from itertools import chain
from math import ceil, floor, inf
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from connwatch.core.ports import Clock
from connwatch.simulator import PROFILES, Fault, Simulator
from tests.soak.clock import Follower, VirtualClock, VirtualLoop

MINUTE: Final = 60.0
THIN: Final = 100.0
LONGEST: Final = 3 * 86_400.0
PATIENCE: Final = 60
"""A wait that is asked for is made so many times longer than the simulator's few seconds: time jumps by up to a minute."""
_LASTING: Final = frozenset({"none", "banned", "drift", "strict", "rejected", "down"})
WEATHER: Final[Mapping[str, Sequence[Fault]]] = {
    **PROFILES,
    "usual": tuple(
        replace(fault, share=fault.share / THIN)
        for fault in chain.from_iterable(faults for name, faults in PROFILES.items() if name not in _LASTING)
    ),
}
"""The simulator's own profiles; and `usual`, in which each fault of all profiles that pass strikes a hundred times less often."""


class Witness:
    """Sees each request as it comes, and what it is answered. Time stands still meanwhile: requests of one instant are one."""

    def __init__(self, clock: Clock) -> None:
        self.requests: Counter[str] = Counter()
        self.busiest: Counter[str] = Counter()
        """The most requests that came within a minute."""
        self.waits = 0
        """How often someone was asked to wait."""
        self.undercut: list[str] = []
        """Requests that came although the provider had asked for a wait."""
        self._clock = clock
        self._minute: defaultdict[str, deque[float]] = defaultdict(deque)
        self._told: dict[str, tuple[float, float]] = {}

    @web.middleware
    async def attend(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """The outermost middleware."""
        provider = request.path.split("/")[1]
        if provider in {"control", "soak"}:
            return await handler(request)
        self._came(provider, request.path)
        response = await handler(request)
        wait = response.headers.get("Retry-After")
        if wait is not None:
            response.headers["Retry-After"] = self._asked_to_wait(provider, wait)
        return response

    def mourn(self) -> None:
        """Whoever asks dies now. What was told at this very instant may have died with it, before it could be written down."""
        now = self._clock.now()
        self._told = {provider: told for provider, told in self._told.items() if told[0] < now}

    def _came(self, provider: str, path: str) -> None:
        now = self._clock.now()
        self.requests[provider] += 1
        minute = self._minute[provider]
        minute.append(now)
        while minute[0] <= now - MINUTE:
            minute.popleft()
        self.busiest[provider] = max(self.busiest[provider], len(minute))
        told, until = self._told.get(provider, (now, 0.0))
        if told < now < until:
            self.undercut.append(f"{provider} {path}: {until - now:.0f} s too early")

    def _asked_to_wait(self, provider: str, wait: str) -> str:
        """Remember until when someone is to wait; the header that says so."""
        now = self._clock.now()
        in_seconds = wait.isdigit()
        seconds = float(wait) if in_seconds else parsedate_to_datetime(wait).timestamp() - now
        until = floor(now + min(seconds * PATIENCE, LONGEST))
        self.waits += 1
        _, before = self._told.get(provider, (now, 0.0))
        if until > before:
            self._told[provider] = (now, until)
        return str(ceil(until - now)) if in_seconds else formatdate(until, usegmt=True)


class Providers:
    """The simulator, and what the soak wants of it beside its own surface."""

    def __init__(self, seed: int, connections: int, pace: float, clock: Clock) -> None:
        self._clock = clock
        self._witness = Witness(clock)
        self._frozen_at = inf
        self.simulator = Simulator(seed=seed, connections=connections, pace=pace, now=self._now, sleep=clock.sleep)

    def _now(self) -> float:
        return min(self._clock.now(), self._frozen_at)

    def app(self) -> web.Application:
        """The simulator's application with a few more routes."""
        app = self.simulator.app()
        app.middlewares.insert(0, self._witness.attend)
        app.add_routes(
            [
                web.get("/soak/witness", self._testify),
                web.get("/soak/targets", self._count_targets),
                web.post("/soak/weather", self._change_weather),
                web.post("/soak/freeze", self._freeze),
                web.post("/soak/death", self._mourn),
            ]
        )
        return app

    async def _testify(self, _: web.Request) -> web.Response:
        violations = [f"{one.provider} {one.method} {one.path}: {one.why}" for one in self.simulator.violations]
        told = {name: value for name, value in vars(self._witness).items() if not name.startswith("_")}
        return _json({**told, "violations": violations, "connections": len(self.simulator.world.connections)})

    async def _count_targets(self, _: web.Request) -> web.Response:
        """Who is there to be asked: at Moneyhub, whoever has a connection."""
        world = self.simulator.world
        counts = {name: len(owners) for name, owners in world.owners.items()}
        counts["moneyhub"] = sum(1 for owner in world.owners["moneyhub"] if world.of_owner(owner))
        return _json(counts)

    async def _change_weather(self, request: web.Request) -> web.Response:
        """Take `{"provider": NAME or "*", "weather": NAME}`."""
        told = await request.json()
        self.simulator.faults.use(told["provider"], WEATHER[told["weather"]])
        return _json({})

    async def _freeze(self, _: web.Request) -> web.Response:
        """From now on nothing happens any more: what is listed stays as it is."""
        self._frozen_at = self._clock.now()
        return _json({})

    async def _mourn(self, _: web.Request) -> web.Response:
        self._witness.mourn()
        return _json({})


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def serve(providers: Providers) -> None:
    """Listen on the loopback, print the port, and go on for ever."""
    runner = web.AppRunner(
        providers.app(),
        handler_cancellation=True,
        shutdown_timeout=1.0,
        access_log=None,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the providers. Whoever started them leads the time, over the link that it hands down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--pace", type=float, required=True)
    told: Any = parser.parse_args(arguments)
    link = socket.socket(fileno=told.link)
    # Whoever hangs up on a body that is too large is right.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    follower = Follower(link)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(follower)) as runner:
        runner.run(serve(Providers(told.seed, told.connections, told.pace, VirtualClock(follower))))


if __name__ == "__main__":
    main()
