"""The simulator's own surface, under /control: what is true, what was asked, and what is to happen next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from connwatch.simulator.faces.asking import reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from connwatch.simulator.server import Simulator


class Control:
    """Everything here can be done in process too, on the objects that it calls."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get("/control/truth", self._truth),
            web.get("/control/users/basiq.txt", self._basiq_users),
            web.get("/control/requests", self._requests),
            web.post("/control/faults", self._faults),
            web.post("/control/world", self._world),
        ]

    async def _truth(self, _: web.Request) -> web.Response:
        return reply(self._simulator.truth())

    async def _basiq_users(self, _: web.Request) -> web.Response:
        return web.Response(text="".join(f"{user}\n" for user in self._simulator.basiq_users()))

    async def _requests(self, _: web.Request) -> web.Response:
        return reply({"requests": self._simulator.requests, "violations": self._simulator.violations})

    async def _faults(self, request: web.Request) -> web.Response:
        """Take `{"provider": NAME or "*", "profile": NAME}`; without a provider, all."""
        return await _perform(request, self._use)

    def _use(self, *, profile: str, provider: str = "*") -> None:
        self._simulator.faults.use(provider, profile)

    async def _world(self, request: web.Request) -> web.Response:
        """Take `{"event": NAME, …}`, the rest being the arguments of the method of this name."""
        simulator, world = self._simulator, self._simulator.world
        events: dict[str, Callable[..., object]] = {
            event.__name__: event
            for event in (
                world.create,
                world.create_user,
                world.remove,
                world.delete_owner,
                world.deactivate,
                world.set_status,
                world.stall,
                world.expire,
                world.renew,
                world.take_down,
                world.bring_back,
                world.set_standing,
                simulator.rotate_key,
                simulator.expire_tokens,
                simulator.register_moneyhub_key,
            )
        }

        def happen(*, event: str, **arguments: object) -> object:
            if event not in events:
                raise ValueError(f"no such event: {event} (there are {', '.join(events)})")
            return events[event](**arguments)

        return await _perform(request, happen)


async def _perform(request: web.Request, act: Callable[..., object]) -> web.Response:
    """Call with the members of the body; what comes of it is the answer, what is wrong with them a 400."""
    try:
        arguments = msgspec.json.decode(await request.read(), type=dict[str, str | bool | dict[str, Any]])
        return reply({"result": act(**arguments)})
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as problem:
        return reply({"error": f"{type(problem).__name__}: {problem}"}, 400)
