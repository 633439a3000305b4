"""Basiq's API, version 3.0 (providers/basiq.md sections 1 to 5, 8 and 9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from connwatch.simulator.faces.asking import FATE, OFFENCE, TURN, bearer, reply
from connwatch.simulator.faces.filters import chosen
from connwatch.simulator.faces.pages import unpaged
from connwatch.simulator.faults import Effect
from connwatch.simulator.faults.drift import embellished, restated
from connwatch.simulator.shapes import basiq as shapes
from connwatch.simulator.shapes.jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from connwatch.simulator.faces.asking import Handler
    from connwatch.simulator.faces.gate import Credentials, Limit, Tokens
    from connwatch.simulator.world.model import Connection
    from connwatch.simulator.world.world import World

PREFIX = "/basiq"
LIFE = 3600.0
SERVER = "SERVER_ACCESS"
USER_ID = re.compile(r"[0-9a-fA-F-]{36}")
CONNECTION_FILTERS: dict[str, Callable[[Connection], str]] = {
    "id": lambda each: each.id,
    "status": lambda each: each.state.status,
    "institution.id": lambda each: each.institution,
}
EVENT_FILTERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "event.entity": lambda event: str(event["entity"]),
    "event.type": lambda event: str(event["eventType"]),
    "user.id": lambda event: str(event["userId"]),
}
CONNECTOR_FILTERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "connector.id": lambda connector: str(connector["id"]),
    "connector.method": lambda connector: str(connector["method"]),
    "connector.status": lambda connector: str(connector["status"]),
}
TRAPS = {f"{PREFIX}/users": "no document lists this route"}
PROBLEMS = {
    400: ("parameter-not-valid", "Parameter is not valid"),
    401: ("unauthorized-access", "Unauthorized access"),
    403: ("forbidden-access", "Access to this resource is forbidden"),
    404: ("resource-not-found", "Requested resource does not exist."),
    405: ("method-not-allowed", "Method not allowed"),
    429: ("too-many-requests", "Query limit reached."),
    500: ("internal-server-error", "Internal server error"),
    503: ("service-unavailable", "Service unavailable"),
}


class Basiq:
    """Tokens, and connections, jobs, events and connectors as lists without pages."""

    provider = "basiq"
    traps = TRAPS

    def __init__(self, world: World, credentials: Credentials, tokens: Tokens, limit: Limit) -> None:
        self._world = world
        self._credentials = credentials
        self._tokens = tokens
        self._limit = limit

    def routes(self) -> list[web.RouteDef]:
        """List the documented reads, the request of a token, and the list of users that no document lists."""
        reads: dict[str, Handler] = {
            "/users/{user}": self._user,
            "/users/{user}/connections": self._connections,
            "/users/{user}/jobs": self._jobs,
            "/events": self._events,
            "/connectors": self._connectors,
        }
        return [
            web.post(PREFIX + "/token", self._token),
            web.get(PREFIX + "/users", self._all_users, allow_head=False),
            *(web.get(PREFIX + path, self._granted(handler), allow_head=False) for path, handler in reads.items()),
        ]

    def problem(self, status: int, code: str = "", detail: str = "", source: object = None) -> web.Response:
        """Make a list of one error."""
        usual, text = PROBLEMS[status]
        error = {
            "type": "error",
            "code": code or usual,
            "title": text,
            "detail": detail or text,
            "source": source,
        }
        return reply({"type": "list", "correlationId": f"simulated-{status}", "data": [error]}, status)

    # Tokens

    async def _token(self, request: web.Request) -> web.StreamResponse:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic" or not key:
            return self.problem(400, detail="Authorization header is missing or invalid")
        if request.headers.get("basiq-version") != "3.0":
            return self.problem(400, detail="Version is not valid", source={"parameter": "basiq-version"})
        if Effect.LIMITED in request[FATE] and not self._limit.admits(self._world.now):
            return self.problem(403, "request-not-valid", "Too many token requests from this address")
        if key != self._credentials.basiq_key or Effect.KEY_REJECTED in request[FATE]:
            return self.problem(404, "parameter-not-valid", "Unable to authenticate. Please, check your API key")
        scope = str((await request.post()).get("scope", ""))
        if scope == "CLIENT_ACCESS":
            request[OFFENCE] = "a token for the Consent UI is none of a monitor's"
        token = self._tokens.issue("basiq", scope, LIFE, self._world.now)
        return reply({"access_token": token, "expires_in": int(LIFE), "token_type": "Bearer"})

    def _granted(self, handler: Handler) -> Handler:
        """Let a request through that has a live token of server scope; an expired one is a 403, not a 401."""

        async def granted(request: web.Request) -> web.StreamResponse:
            grant = self._tokens.grant("basiq", bearer(request))
            if grant is None:
                return self.problem(401)
            if grant.expires <= self._world.now or Effect.TOKEN_EXPIRED in request[FATE]:
                return self.problem(403, "access-denied", "Token has expired")
            if grant.scope != SERVER:
                return self.problem(403)
            user = request.match_info.get("user")
            if user is not None and not USER_ID.fullmatch(user):
                return self.problem(400, detail="User ID value is not valid")
            if user is not None and user not in self._world.owners["basiq"]:
                return self.problem(404, detail="Requested user does not exist.")
            return await handler(request)

        return granted

    # Lists

    async def _all_users(self, _: web.Request) -> web.StreamResponse:
        """Answer as the gateway does for a route that isn't there."""
        return reply({"message": "Missing Authentication Token"}, 403)

    async def _user(self, request: web.Request) -> web.StreamResponse:
        owner = self._world.owners["basiq"][request.match_info["user"]]
        return reply(shapes.user(owner, self._world.of_owner(owner.id)))

    async def _connections(self, request: web.Request) -> web.StreamResponse:
        rows = chosen(request, self._of_user(request), CONNECTION_FILTERS)
        items = None if rows is None else [self._item(each, request[FATE]) for each in rows]
        return self._list(request, items)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        rows = chosen(request, self._of_user(request), {"connection.id": lambda each: each.id})
        if rows is None:
            return self._list(request, None)
        told = [restated(each) if Effect.DRIFT in request[FATE] else each for each in rows]
        items = [
            job for each in told for job in jobs(each, self._world.institutions[each.institution], self._world.now)
        ]
        return self._list(request, items, size=len(items))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        items = shapes.events(reversed(self._world.journal))
        return self._list(request, chosen(request, items, EVENT_FILTERS))

    async def _connectors(self, request: web.Request) -> web.StreamResponse:
        items = shapes.connectors(place for place in self._world.institutions.values() if place.provider == "basiq")
        return self._list(request, chosen(request, items, CONNECTOR_FILTERS), totalCount=len(items))

    def _of_user(self, request: web.Request) -> list[Connection]:
        return self._world.of_owner(request.match_info["user"])

    def _item(self, each: Connection, fate: frozenset[Effect]) -> dict[str, Any]:
        if Effect.DRIFT not in fate:
            return shapes.connection(each, self._world.now)
        return embellished(shapes.connection(restated(each), self._world.now), each.grain)

    def _list(self, request: web.Request, items: list[dict[str, Any]] | None, **envelope: object) -> web.Response:
        """Answer with a list; no items at all means that the filter was bad."""
        if items is None:
            return self.problem(400, detail="Filter is not valid", source={"parameter": "filter"})
        fate = request[FATE]
        body = shapes.listing(unpaged(items, fate, request[TURN]), request.path.removeprefix(PREFIX), **envelope)
        if Effect.LOOPING in fate:
            body["links"]["next"] = str(request.url)
        return reply(body)
