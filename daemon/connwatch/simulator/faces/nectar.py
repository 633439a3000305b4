"""Nectar's API, version 2.2 (providers/nectar.md sections 1 to 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from connwatch.simulator.faces.asking import FATE, TURN, number, reply
from connwatch.simulator.faces.pages import moved, window
from connwatch.simulator.faults import Effect
from connwatch.simulator.faults.drift import embellished, restated
from connwatch.simulator.shapes import nectar as shapes
from connwatch.simulator.shapes.private import CANARY, secret
from connwatch.simulator.world.vocabulary import INACTIVE_COMPANY, STATES

if TYPE_CHECKING:
    from connwatch.simulator.faces.asking import Handler
    from connwatch.simulator.faces.gate import Credentials
    from connwatch.simulator.world.model import Connection
    from connwatch.simulator.world.world import World

PREFIX = "/nectar/v2.2"
CAP = 100
DETAILS = {
    400: "Bad request.",
    401: "Invalid or missing API key.",
    403: "You do not have permission to perform this action.",
    404: "Not found.",
    405: "Method not allowed.",
    429: "Request was throttled.",
    500: "Internal server error.",
    503: "Service unavailable.",
}
LINKS = ("/connection/{connection}", "/connection/company/{company}/link")
"""GETs that are no reads (providers/nectar.md section 8)."""
TRAPS = {PREFIX + path: "this GET makes a magic link" for path in LINKS}
STATUSES = {state.status for _, state in STATES["nectar"]} | {INACTIVE_COMPANY.status}


class Nectar:
    """Companies, and their connections in pages."""

    provider = "nectar"
    traps = TRAPS

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._credentials = credentials

    def routes(self) -> list[web.RouteDef]:
        """List the documented reads, and the two GETs that make a magic link."""
        reads: dict[str, Handler] = {
            "/ping": self._ping,
            "/company": self._companies,
            "/connection/company/{company}": self._connections,
            "/connection/{connection}/details": self._details,
            **dict.fromkeys(LINKS, self._link),
        }
        return [web.get(PREFIX + path, self._keyed(handler), allow_head=False) for path, handler in reads.items()]

    def problem(self, status: int) -> web.Response:
        """Make an error as Django does."""
        return reply({"detail": DETAILS[status]}, status)

    def _keyed(self, handler: Handler) -> Handler:
        async def keyed(request: web.Request) -> web.StreamResponse:
            shut = request[FATE] & {Effect.KEY_REJECTED, Effect.TOKEN_EXPIRED}
            if shut or request.headers.get("X-API-Key") != self._credentials.nectar_key:
                return self.problem(401)
            return await handler(request)

        return keyed

    async def _ping(self, _: web.Request) -> web.StreamResponse:
        return reply({"status": "ok", "version": "v2.2"})

    async def _companies(self, request: web.Request) -> web.StreamResponse:
        owners = moved(list(self._world.owners["nectar"].values()), request[FATE], request[TURN])
        return reply([shapes.company(owner) for owner in owners])

    async def _connections(self, request: web.Request) -> web.StreamResponse:
        company = self._world.owners["nectar"].get(request.match_info["company"])
        if company is None:
            return self.problem(404)
        limit, page = number(request, "limit", 100, 1, 500), number(request, "page", 1, 1, 10**9)
        status = request.query.get("status")
        if limit is None:
            return reply({"limit": ["Ensure this value is between 1 and 500."]}, 400)
        if page is None or (status is not None and status not in STATUSES):
            return self.problem(400)
        fate = request[FATE]
        rows = [each for each in self._world.of_owner(company.id) if status in {None, each.state.status}]
        rows = moved(rows, fate, request[TURN])
        size = min(limit, CAP) if Effect.CAPPED in fate else limit
        pages = max(1, -(-len(rows) // size))
        page = 1 if Effect.LOOPING in fate else min(page, pages)
        return reply(
            {
                "totalConnections": len(rows),
                "perPage": size,
                "totalPages": pages,
                "currentPage": page,
                "hasNext": page < pages or Effect.LOOPING in fate,
                "hasPrevious": page > 1,
                "connections": [self._item(each, fate) for each in window(rows, (page - 1) * size, size, fate)],
            }
        )

    async def _details(self, request: web.Request) -> web.StreamResponse:
        each = self._world.connections.get(request.match_info["connection"])
        if each is None or each.provider != "nectar":
            return self.problem(404)
        return reply(self._item(each, request[FATE]))

    async def _link(self, request: web.Request) -> web.StreamResponse:
        made = secret(request[TURN])
        return reply({"publicCompanyId": f"pub-{CANARY}", "magicLinkUrl": f"https://links.example.test/{made}"})

    def _item(self, each: Connection, fate: frozenset[Effect]) -> dict[str, Any]:
        owner, place = self._world.owners["nectar"][each.owner], self._world.institutions[each.institution]
        if Effect.DRIFT not in fate:
            return shapes.connection(each, owner, place, self._world.now)
        return embellished(shapes.connection(restated(each), owner, place, self._world.now), each.grain)
