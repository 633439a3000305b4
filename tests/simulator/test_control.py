"""The surface under /control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.simulator.calling import Caller


async def test_the_truth_is_served(caller: Caller) -> None:
    """What is told over HTTP is what is told in process."""
    _, body = await caller.get("/control/truth")

    assert body == caller.simulator.truth()


async def test_the_users_of_basiq_are_a_file(caller: Caller) -> None:
    """One id a line, as the daemon's users file wants it."""
    async with caller.client.get("/control/users/basiq.txt") as response:
        text = await response.text()

    assert text.split("\n") == [*caller.simulator.basiq_users(), ""]


async def test_requests_are_served_and_not_counted_themselves(caller: Caller) -> None:
    """The log has what the providers were asked, not what the control surface was."""
    await caller.nectar("/ping")
    await caller.client.delete("/basiq/users/x")
    _, body = await caller.get("/control/requests")

    assert [each["path"] for each in body["requests"]] == ["/nectar/v2.2/ping", "/basiq/users/x"]
    assert [each["path"] for each in body["violations"]] == ["/basiq/users/x"]


async def test_faults_are_switched(caller: Caller) -> None:
    """For one provider, or for all."""
    assert await caller.post("/control/faults", json={"provider": "nectar", "profile": "down"}) == (
        200,
        {"result": None},
    )
    assert (await caller.nectar("/ping"))[0] == 503
    await caller.post("/control/faults", json={"profile": "none"})

    assert (await caller.nectar("/ping"))[0] == 200


async def test_the_world_is_scripted(caller: Caller) -> None:
    """Statuses, outages, creations, removals, deletions and expiries can be brought about from outside."""
    world = caller.simulator.world
    each = next(each for each in world.connections.values() if each.kind == "api" and each.state.status == "ok")

    async def happen(**arguments: object) -> object:
        status, body = await caller.post("/control/world", json=arguments)
        assert status == 200, body
        return body["result"]

    await happen(event="set_status", connection=each.id, status="error", reason="mfa_required")
    assert world.connections[each.id].state.reason == "mfa_required"
    await happen(event="expire", connection=each.id)
    assert world.connections[each.id].expires == world.now
    await happen(event="take_down", institution="AU00102", announced=False)
    assert world.is_down("AU00102")
    user = await happen(event="create_user", provider="basiq")
    made = await happen(event="create", owner=user, institution="AU00101", kind="web")
    assert [c.id for c in world.of_owner(str(user))] == [made]
    await happen(event="remove", connection=made)
    await happen(event="delete_owner", owner=user)
    assert user not in world.owners["basiq"]
    assert await happen(event="rotate_key", provider="basiq") == caller.simulator.basiq_key


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("world", {"event": "explode"}),
        ("world", {"event": "remove", "connection": "nothing"}),
        ("world", {"event": "remove"}),
        ("world", {}),
        ("world", []),
        ("faults", {"profile": "quiet"}),
        ("faults", {"profile": 5}),
    ],
)
async def test_nonsense_is_refused_with_a_reason(caller: Caller, path: str, body: object) -> None:
    """A mistake in a script is a 400 that says what it is."""
    status, answer = await caller.post(f"/control/{path}", json=body)

    assert status == 400
    assert answer["error"]
