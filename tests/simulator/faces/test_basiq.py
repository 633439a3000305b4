"""Basiq's tokens and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connwatch.simulator import Effect, Fault
from tests.simulator.calling import SERVER_TOKEN

if TYPE_CHECKING:
    from tests.simulator.calling import Caller, MovedClock

LOG_IN = "/basiq/token"


def headers(caller: Caller, **other: str) -> dict[str, str]:
    """Make the headers of a token request."""
    good = {"Authorization": f"Basic {caller.simulator.basiq_key}", "basiq-version": "3.0"}
    return {**good, **{name.replace("_", "-"): value for name, value in other.items()}}


def connected_user(caller: Caller) -> str:
    """Find a user with connections."""
    return next(each.owner for each in caller.simulator.world.connections.values() if each.provider == "basiq")


async def test_a_token_is_what_the_documents_say(caller: Caller) -> None:
    """One hour, bearer."""
    status, body = await caller.post(LOG_IN, headers(caller), data=SERVER_TOKEN)

    assert status == 200
    assert body.pop("access_token")
    assert body == {"expires_in": 3600, "token_type": "Bearer"}


@pytest.mark.parametrize(
    ("other", "status", "code"),
    [
        ({"basiq_version": "2.1"}, 400, "parameter-not-valid"),
        ({"Authorization": "Bearer key"}, 400, "parameter-not-valid"),
        ({"Authorization": "Basic YmFzaXEtc2ltdWxhdG9yLWtleQ=="}, 404, "parameter-not-valid"),
    ],
)
async def test_a_bad_request_of_a_token_is_refused(
    caller: Caller, other: dict[str, str], status: int, code: str
) -> None:
    """A wrong version or header is a 400; a wrong key, base64 once too often included, is a 404."""
    got, body = await caller.post(LOG_IN, headers(caller, **other), data=SERVER_TOKEN)

    assert (got, body["data"][0]["code"]) == (status, code)


async def test_the_version_is_named_as_the_culprit(caller: Caller) -> None:
    """The error says which parameter it means."""
    _, body = await caller.post(LOG_IN, {"Authorization": "Basic key"}, data=SERVER_TOKEN)

    assert body["data"][0]["source"] == {"parameter": "basiq-version"}


async def test_a_scope_outside_the_body_opens_nothing(caller: Caller) -> None:
    """The token is given, and everything is forbidden with it."""
    status, body = await caller.post(LOG_IN, headers(caller, scope="SERVER_ACCESS"))
    assert status == 200
    status, body = await caller.basiq("/connectors", body["access_token"])

    assert (status, body["data"][0]["code"]) == (403, "forbidden-access")


async def test_asking_for_client_access_is_an_offence(caller: Caller) -> None:
    """A monitor does not log end users in."""
    await caller.post(LOG_IN, headers(caller), data={"scope": "CLIENT_ACCESS"})

    assert len(caller.simulator.violations) == 1


async def test_an_expired_token_is_a_403(caller: Caller, clock: MovedClock) -> None:
    """Code access-denied, detail `Token has expired`; an unknown token is a 401."""
    token = await caller.basiq_token()
    clock.now += 3599
    assert (await caller.basiq("/connectors", token))[0] == 200
    clock.now += 1
    status, body = await caller.basiq("/connectors", token)

    assert (status, body["data"][0]["code"], body["data"][0]["detail"]) == (403, "access-denied", "Token has expired")
    assert (await caller.basiq("/connectors", "never given out"))[0] == 401


async def test_tokens_may_be_made_to_expire(caller: Caller) -> None:
    """A script can end all tokens at once."""
    token = await caller.basiq_token()
    caller.simulator.expire_tokens("basiq")

    assert (await caller.basiq("/connectors", token))[0] == 403


async def test_too_many_tokens_may_be_refused(caller: Caller, clock: MovedClock) -> None:
    """Under the strict profile the 1501st token in five minutes is a 403 with a code of its own."""
    caller.simulator.faults.use("basiq", "strict")
    for _ in range(1499):
        assert caller.simulator.limits["basiq"].admits(clock.now)

    assert (await caller.post(LOG_IN, headers(caller), data=SERVER_TOKEN))[0] == 200
    status, body = await caller.post(LOG_IN, headers(caller), data=SERVER_TOKEN)
    assert (status, body["data"][0]["code"]) == (403, "request-not-valid")
    clock.now += 300
    assert (await caller.post(LOG_IN, headers(caller), data=SERVER_TOKEN))[0] == 200


async def test_users_are_not_listed(caller: Caller) -> None:
    """The undocumented list of users answers as the gateway does, and asking for it is an offence."""
    status, body = await caller.basiq("/users", await caller.basiq_token())

    assert (status, body) == (403, {"message": "Missing Authentication Token"})
    assert [each.path for each in caller.simulator.violations] == ["/basiq/users"]


async def test_bad_and_unknown_users_differ(caller: Caller) -> None:
    """A malformed id is a 400, one that isn't there a 404."""
    token = await caller.basiq_token()

    assert (await caller.basiq("/users/me/connections", token))[0] == 400
    assert (await caller.basiq(f"/users/{'0' * 36}/connections", token))[0] == 404


async def test_a_users_connections_come_in_one_list(caller: Caller) -> None:
    """Type, data and a link to itself; an empty list for a user without connections."""
    token, user = await caller.basiq_token(), connected_user(caller)
    idle = caller.simulator.world.create_user("basiq")
    _, body = await caller.basiq(f"/users/{user}/connections", token)
    _, empty = await caller.basiq(f"/users/{idle}/connections", token)

    assert set(body) == {"type", "data", "links"}
    assert [each["id"] for each in body["data"]] == [each.id for each in caller.simulator.world.of_owner(user)]
    assert empty["data"] == []


async def test_jobs_say_how_many_there_are(caller: Caller) -> None:
    """The list of jobs has a size, and can be filtered by connection."""
    token, user = await caller.basiq_token(), connected_user(caller)
    connection = caller.simulator.world.of_owner(user)[0].id
    _, body = await caller.basiq(f"/users/{user}/jobs", token)
    _, chosen = await caller.basiq(f"/users/{user}/jobs?filter=connection.id.eq('{connection}')", token)
    _, none = await caller.basiq(f"/users/{user}/jobs?filter=connection.id.eq('other')", token)

    assert body["size"] == len(body["data"])
    assert 0 <= chosen["size"] <= body["size"]
    assert none["size"] == 0
    assert (await caller.basiq(f"/users/{user}/jobs?filter=status.eq('failed')", token))[0] == 400


async def test_events_are_filtered_by_entity(caller: Caller) -> None:
    """The documented filter chooses, an unknown one is a 400."""
    token = await caller.basiq_token()
    _, body = await caller.basiq("/events?filter=event.entity.eq('connection')", token)

    assert {each["entity"] for each in body["data"]} == {"connection"}
    assert (await caller.basiq("/events?filter=event.date.eq('today')", token))[0] == 400
    assert (await caller.basiq("/events?filter=nonsense", token))[0] == 400


async def test_connectors_are_listed_by_method(caller: Caller) -> None:
    """Each institution comes once for each method, and the list says how many there are."""
    _, body = await caller.basiq("/connectors", await caller.basiq_token())

    assert body["totalCount"] == len(body["data"])
    assert len({(each["id"], each["method"]) for each in body["data"]}) == len(body["data"])


async def test_a_user_shows_personal_data_and_no_status(caller: Caller) -> None:
    """The single user is documented, and of no use to a monitor."""
    _, body = await caller.basiq(f"/users/{connected_user(caller)}", await caller.basiq_token())

    assert body["connections"]["count"] > 0
    assert "status" not in body["connections"]["data"][0]


async def test_lists_may_come_with_doubles_or_lead_in_a_circle(caller: Caller) -> None:
    """The next link leads to the same list; rows come twice."""
    token, user = await caller.basiq_token(), connected_user(caller)
    caller.simulator.faults.use("basiq", [Fault(Effect.LOOPING), Fault(Effect.REPEATED)])
    _, body = await caller.basiq(f"/users/{user}/connections", token)

    assert body["links"]["next"] == str(caller.client.make_url(f"/basiq/users/{user}/connections"))
    assert len({each["id"] for each in body["data"]}) < len(body["data"])
