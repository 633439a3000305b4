"""Moneyhub's tokens, its users in pages, and its lists of institutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from connwatch.simulator import Effect, Fault
from tests.simulator.calling import BOTH_SCOPES

if TYPE_CHECKING:
    from tests.simulator.calling import Caller, MovedClock

LOG_IN = "/moneyhub/oidc/token"


def basic(caller: Caller, secret: str | None = None) -> dict[str, str]:
    """Make the header of client_secret_basic."""
    known = caller.simulator
    return {
        "Authorization": aiohttp.encode_basic_auth(known.moneyhub_client_id, secret or known.moneyhub_client_secret)
    }


async def users(caller: Caller, query: str) -> dict[str, Any]:
    """Read a page of users."""
    status, body = await caller.moneyhub(f"/users?{query}", await caller.moneyhub_token())
    assert status == 200
    return dict(body)


async def connected_user(caller: Caller) -> str:
    """Find a user with connections."""
    body = await users(caller, "limit=1000")
    return next(str(each["userId"]) for each in body["data"] if each["connectionIds"])


async def test_a_token_is_what_the_documents_say(caller: Caller) -> None:
    """Two hours, bearer, and the scopes that were asked for."""
    status, body = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES)

    assert status == 200
    assert body.pop("access_token")
    assert body == {"expires_in": 7200, "token_type": "Bearer", "scope": "connection:read user:read"}


async def test_a_wrong_secret_is_refused(caller: Caller) -> None:
    """An unknown client is a 401 as in RFC 6749."""
    for headers in (basic(caller, "wrong"), {"Authorization": "Basic ???"}, {}):
        status, body = await caller.post(LOG_IN, headers, data=BOTH_SCOPES)
        assert (status, body["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "user:read accounts:read"}, "invalid_scope"),
    ],
)
async def test_a_bad_request_of_a_token_is_named(caller: Caller, form: dict[str, str], error: str) -> None:
    """Each mistake has its own error of RFC 6749."""
    status, body = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES | form)

    assert (status, body["error"]) == (400, error)
    assert caller.simulator.violations == []


async def test_a_json_body_is_no_token_request(caller: Caller) -> None:
    """The token endpoint takes forms only."""
    status, body = await caller.post(LOG_IN, basic(caller), json=BOTH_SCOPES)

    assert (status, body["error"]) == (400, "invalid_request")


async def test_asking_for_a_write_scope_is_an_offence(caller: Caller) -> None:
    """A monitor has no use for it."""
    status, _ = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES | {"scope": "user:read user:delete"})

    assert status == 400
    assert [each.path for each in caller.simulator.violations] == [LOG_IN]


async def test_connection_read_may_not_be_allowed(caller: Caller) -> None:
    """Under the strict profile both scopes together are refused, user:read alone is enough for connections."""
    caller.simulator.faults.use("moneyhub", "strict")
    refused = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES)
    status, body = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES | {"scope": "user:read"})

    assert (refused[0], refused[1]["error"]) == (400, "invalid_scope")
    assert status == 200
    assert body["expires_at"] == caller.simulator.world.now + 7200
    assert "expires_in" not in body
    user = next(each.owner for each in caller.simulator.world.connections.values() if each.provider == "moneyhub")
    assert (await caller.moneyhub(f"/users/{user}/connections", body["access_token"]))[0] == 200


async def test_a_token_lives_two_hours(caller: Caller, clock: MovedClock) -> None:
    """Unknown and expired tokens are a 401 with code, message and correlation id."""
    token = await caller.moneyhub_token()
    clock.now += 7199
    assert (await caller.moneyhub("/users", token))[0] == 200
    clock.now += 1

    for bad in (token, "never given out", await caller.basiq_token()):
        status, body = await caller.moneyhub("/users", bad)
        assert (status, set(body)) == (401, {"code", "message", "correlationId"})


async def test_a_narrow_token_does_not_open_everything(caller: Caller) -> None:
    """With connection:read alone the list of users is forbidden."""
    _, body = await caller.post(LOG_IN, basic(caller), data=BOTH_SCOPES | {"scope": "connection:read"})

    assert (await caller.moneyhub("/users", body["access_token"]))[0] == 403
    user = next(each.owner for each in caller.simulator.world.connections.values() if each.provider == "moneyhub")
    assert (await caller.moneyhub(f"/users/{user}/connections", body["access_token"]))[0] == 200


async def test_users_add_up(caller: Caller) -> None:
    """Limit and offset read each user once, and as many as meta.total says."""
    seen: list[str] = []
    while True:
        body = await users(caller, f"limit=100&offset={len(seen)}")
        seen += [each["userId"] for each in body["data"]]
        if not body["data"]:
            break

    assert len(seen) == len(set(seen)) == body["meta"]["total"]


async def test_the_default_page_has_ten(caller: Caller) -> None:
    """Who does not send a limit gets the smaller of the two documented defaults."""
    body = await users(caller, "")

    assert len(body["data"]) == 10
    assert body["meta"]["limit"] == 10


@pytest.mark.parametrize("query", ["limit=1001", "limit=0", "offset=-1", "offset=first"])
async def test_bad_parameters_are_refused(caller: Caller, query: str) -> None:
    """What is not allowed is a 400 in Moneyhub's shape."""
    status, body = await caller.moneyhub(f"/users?{query}", await caller.moneyhub_token())

    assert (status, body["code"]) == (400, "BadRequest")


async def test_connection_ids_are_those_of_the_listing(caller: Caller) -> None:
    """A user without ids has no connections, a user with ids has these."""
    token = await caller.moneyhub_token()
    body = await users(caller, "limit=1000")
    some = [user for user in body["data"] if user["connectionIds"]][:5]
    some += [user for user in body["data"] if not user["connectionIds"] and not user.get("deletedAt")][:5]

    for user in some:
        _, listing = await caller.moneyhub(f"/users/{user['userId']}/connections", token)
        assert [each["id"] for each in listing["data"]] == user["connectionIds"]
        assert listing["meta"] == {}


async def test_deleted_and_unknown_users_are_not_found(caller: Caller) -> None:
    """A deleted user is still listed for a while, but has no connections to ask for."""
    body = await users(caller, "limit=1000")
    deleted = next(each["userId"] for each in body["data"] if each.get("deletedAt"))
    token = await caller.moneyhub_token()

    for user in (deleted, "0" * 24):
        assert (await caller.moneyhub(f"/users/{user}/connections", token))[0] == 404


async def test_a_single_user_is_bare(caller: Caller) -> None:
    """One user comes without an envelope."""
    user = await connected_user(caller)

    assert (await caller.moneyhub(f"/users/{user}", await caller.moneyhub_token()))[1]["userId"] == user


async def test_the_total_may_be_missing(caller: Caller) -> None:
    """Under the strict profile meta has no total."""
    token = await caller.moneyhub_token()
    caller.simulator.faults.use("moneyhub", "strict")
    _, body = await caller.moneyhub("/users", token)

    assert body["meta"] == {"limit": 10, "offset": 0}


async def test_a_loop_never_gets_on(caller: Caller) -> None:
    """Any offset gives the first page, and the total is never reached."""
    first = await users(caller, "limit=10")
    caller.simulator.faults.use("moneyhub", [Fault(Effect.LOOPING)])
    later = await users(caller, "limit=10&offset=40")

    assert later["data"] == first["data"]
    assert later["meta"]["total"] > 100_000


async def test_the_published_limit_may_hold(caller: Caller, clock: MovedClock) -> None:
    """Under the strict profile the 1001st request of a minute is a 429 that says how long to wait."""
    token = await caller.moneyhub_token()
    caller.simulator.faults.use("moneyhub", [Fault(Effect.LIMITED)])
    for _ in range(999):
        assert caller.simulator.limits["moneyhub"].admits(clock.now)

    assert (await caller.moneyhub("/users?limit=1", token))[0] == 200
    status, body = await caller.moneyhub("/users?limit=1", token)
    assert (status, body) == (429, {"code": "TooManyRequests", "message": "TooManyRequests", "retryAfterSecs": 7})
    clock.now += 60
    assert (await caller.moneyhub("/users?limit=1", token))[0] == 200


@pytest.mark.parametrize("kind", ["api", "legacy", "test", "zoopla", "mouseprice", "autotrader"])
async def test_each_list_of_institutions_has_its_kind(caller: Caller, kind: str) -> None:
    """The lists need no token, have no envelope, and hold one kind each; `all` holds them all."""
    status, listed = await caller.get(f"/moneyhub/oidc/.well-known/{kind}-connections")
    _, everything = await caller.get("/moneyhub/oidc/.well-known/all-connections")

    assert status == 200
    assert {each["type"] for each in listed} == {kind}
    assert all(each in everything for each in listed)


async def test_no_institution_is_in_beta(caller: Caller) -> None:
    """The list of those in beta is there, and empty."""
    assert await caller.get("/moneyhub/oidc/.well-known/beta-connections") == (200, [])


async def test_discovery_names_the_token_endpoint(caller: Caller) -> None:
    """The issuer has no slash at its end, and the token endpoint is below it."""
    _, body = await caller.get("/moneyhub/oidc/.well-known/openid-configuration")

    assert body["issuer"].endswith("/moneyhub/oidc")
    assert body["token_endpoint"] == body["issuer"] + "/token"
