"""Moneyhub's Identity API (providers/moneyhub.md sections 2 to 5 and 8.1)."""

from __future__ import annotations

from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from aiohttp import web

from connwatch.simulator.faces.asking import FATE, OFFENCE, TURN, bearer, number, reply
from connwatch.simulator.faces.assertion import ALGORITHMS, Assertions
from connwatch.simulator.faces.pages import moved, unpaged, window
from connwatch.simulator.faults import Effect
from connwatch.simulator.faults.drift import embellished, restated
from connwatch.simulator.shapes import moneyhub as shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connwatch.simulator.faces.asking import Handler
    from connwatch.simulator.faces.gate import Credentials, Limit, Tokens
    from connwatch.simulator.world.model import Connection, Owner
    from connwatch.simulator.world.world import World

PREFIX = "/moneyhub"
REAL_ISSUER = "https://identity.moneyhub.co.uk/oidc"
LIFE = 7200.0
RETRY_AFTER = 7
TRAPS: dict[str, str] = {}
CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    429: "TooManyRequests",
    500: "InternalServer",
    503: "ServiceUnavailable",
}
SCOPES = {"user:read", "connection:read"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KINDS = ("api", "legacy", "test", "zoopla", "mouseprice", "autotrader")


class Moneyhub:
    """Tokens, users in pages, the connections of a user, and what is known of the institutions."""

    provider = "moneyhub"
    traps = TRAPS

    def __init__(self, world: World, credentials: Credentials, tokens: Tokens, limit: Limit) -> None:
        self._world = world
        self._credentials = credentials
        self._tokens = tokens
        self._assertions = Assertions()
        self._limit = limit

    def routes(self) -> list[web.RouteDef]:
        """List the documented reads, and the request of a token."""
        reads: dict[str, Handler] = {
            "/users": self._granted({"user:read"}, self._users),
            "/users/{user}": self._granted({"user:read"}, self._user),
            "/users/{user}/connections": self._granted(SCOPES, self._connections),
            "/oidc/.well-known/openid-configuration": self._discovery,
            **{f"/oidc/.well-known/{kind}-connections": self._well_known for kind in (*KINDS, "all", "beta")},
        }
        return [
            web.post(PREFIX + "/oidc/token", self._token),
            *(web.get(PREFIX + path, handler, allow_head=False) for path, handler in reads.items()),
        ]

    def problem(self, status: int, message: str = "") -> web.Response:
        """Make an error of the Identity API."""
        body: dict[str, object] = {"code": CODES[status], "message": message or CODES[status]}
        headers = {}
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            body["retryAfterSecs"] = RETRY_AFTER
            headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(RETRY_AFTER)}
        else:
            body["correlationId"] = f"simulated-{status}"
        return reply(body, status, headers)

    # Tokens

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            return _refused(400, "invalid_request", "the body must be a form")
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        complaint = "no" if Effect.KEY_REJECTED in request[FATE] else self._complaint(request, form)
        if complaint:
            return _refused(401, "invalid_client", complaint)
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "only client_credentials")
        wanted = set(form.get("scope", "").split())
        if any(not scope.endswith(":read") for scope in wanted):
            request[OFFENCE] = "a monitor must not ask for a scope that can write"
        allowed = SCOPES - {"connection:read"} if Effect.NARROW_SCOPE in request[FATE] else SCOPES
        if not wanted or wanted - allowed:
            return _refused(400, "invalid_scope", "requested scope is not allowed")
        scope = " ".join(sorted(wanted))
        token = self._tokens.issue("moneyhub", scope, LIFE, self._world.now)
        body: dict[str, object] = {"access_token": token, "token_type": "Bearer", "scope": scope}
        if Effect.EXPIRES_AT in request[FATE]:
            return reply({**body, "expires_at": int(self._world.now + LIFE)})
        return reply({**body, "expires_in": int(LIFE)})

    def _complaint(self, request: web.Request, form: Mapping[str, str]) -> str:
        """Say why a client isn't who it says, or nothing: client_secret_basic and private_key_jwt only."""
        known = self._credentials
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            issuer = f"{request.url.origin()}{PREFIX}/oidc"
            audiences = {issuer, f"{issuer}/token", REAL_ISSUER, f"{REAL_ISSUER}/token"}
            return self._assertions.complaint(
                form.get("client_assertion", ""),
                known.moneyhub_keys,
                known.moneyhub_client_id,
                audiences,
                self._world.now,
            )
        expected = (known.moneyhub_client_id, known.moneyhub_client_secret)
        return "" if _basic(request) == expected else "client authentication failed"

    def _granted(self, scopes: set[str], handler: Handler) -> Handler:
        """Let a request through that has a live token with one of these scopes."""

        async def granted(request: web.Request) -> web.StreamResponse:
            now = self._world.now
            grant = self._tokens.grant("moneyhub", bearer(request))
            if grant is None or grant.expires <= now or Effect.TOKEN_EXPIRED in request[FATE]:
                return self.problem(401, "Invalid or expired token")
            if not scopes & set(grant.scope.split()):
                return self.problem(403, "Insufficient scope")
            if Effect.LIMITED in request[FATE] and not self._limit.admits(now):
                limited = self.problem(429)
                limited.headers["Retry-After"] = str(RETRY_AFTER)
                return limited
            return await handler(request)

        return granted

    # Users and connections

    async def _users(self, request: web.Request) -> web.StreamResponse:
        limit, offset = number(request, "limit", 10, 1, 1000), number(request, "offset", 0, 0, 10**9)
        if limit is None or offset is None:
            return self.problem(400, "limit must be 1 to 1000, offset 0 or more")
        fate = request[FATE]
        rows = moved(list(self._world.owners["moneyhub"].values()), fate, request[TURN])
        meta = {"limit": limit, "offset": offset}
        if Effect.NO_TOTAL not in fate:
            meta["total"] = 10**6 if Effect.LOOPING in fate else len(rows)
        return reply({"data": [self._owner(each) for each in window(rows, offset, limit, fate)], "meta": meta})

    async def _user(self, request: web.Request) -> web.StreamResponse:
        owner = self._world.owners["moneyhub"].get(request.match_info["user"])
        return self.problem(404, "User not found") if owner is None else reply(self._owner(owner))

    async def _connections(self, request: web.Request) -> web.StreamResponse:
        owner = self._world.owners["moneyhub"].get(request.match_info["user"])
        if owner is None or owner.deleted is not None:
            return self.problem(404, "User not found")
        rows = unpaged(self._world.of_owner(owner.id), request[FATE], request[TURN])
        return reply({"data": [self._item(each, request[FATE]) for each in rows], "meta": {}})

    def _owner(self, owner: Owner) -> dict[str, Any]:
        ids = [each.id for each in self._world.of_owner(owner.id)]
        return shapes.user(owner, self._credentials.moneyhub_client_id, ids, self._world.now)

    def _item(self, each: Connection, fate: frozenset[Effect]) -> dict[str, Any]:
        place, now = self._world.institutions[each.institution], self._world.now
        if Effect.DRIFT not in fate:
            return shapes.connection(each, place, now)
        return embellished(shapes.connection(restated(each), place, now), each.grain)

    # What needs no token

    async def _well_known(self, request: web.Request) -> web.StreamResponse:
        wanted = request.path.rpartition("/")[2].removesuffix("-connections")
        places = [place for place in self._world.institutions.values() if place.provider == "moneyhub"]
        if wanted == "beta":
            places = [place for place in places if place.stage != "live"]
        elif wanted != "all":
            places = [place for place in places if wanted in place.kinds]
        return reply(shapes.well_known(moved(places, request[FATE], request[TURN])))

    async def _discovery(self, request: web.Request) -> web.StreamResponse:
        issuer = f"{request.url.origin()}{PREFIX}/oidc"
        return reply(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/certs",
                "grant_types_supported": ["client_credentials"],
                "scopes_supported": sorted(SCOPES),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "all_connections_endpoint": f"{issuer}/.well-known/all-connections",
            }
        )


def _refused(status: int, error: str, description: str) -> web.Response:
    return reply({"error": error, "error_description": description}, status)


def _basic(request: web.Request) -> tuple[str, str] | None:
    """Read client id and secret, each form-encoded before they were joined (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (unquote_plus(user), unquote_plus(password)) if scheme.lower() == "basic" and colon else None
