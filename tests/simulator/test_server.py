"""The simulator as a whole: serving, writing down, and being the same each time."""

from __future__ import annotations

import aiohttp
import pytest

from connwatch.simulator import PROFILES, Simulator
from tests.simulator.calling import NOW, Caller, MovedClock


async def test_it_listens_where_it_says_and_stops(simulator: Simulator) -> None:
    """Port 0 gives a free port; after the stop nobody answers; it can be started again with the same world."""
    port = await simulator.start()
    url = f"http://127.0.0.1:{port}/nectar/v2.2/ping"
    async with aiohttp.ClientSession(headers={"X-API-Key": simulator.nectar_key}) as session:
        async with session.get(url) as response:
            assert response.status == 200
        await simulator.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
        assert await simulator.start(port=port) == port
        async with session.get(url) as response:
            assert response.status == 200
    await simulator.stop()


async def test_a_taken_port_is_told(simulator: Simulator, clock: MovedClock) -> None:
    """A second simulator on the same port fails at once and leaves nothing open."""
    port = await simulator.start()
    with pytest.raises(OSError, match="address already in use"):
        await Simulator(connections=3, now=clock).start(port=port)

    await simulator.stop()


async def test_stopping_twice_is_as_good_as_once(simulator: Simulator) -> None:
    """A stop without a start does nothing."""
    await simulator.stop()
    await simulator.start()
    await simulator.stop()
    await simulator.stop()


async def test_every_request_is_written_down(caller: Caller, clock: MovedClock) -> None:
    """Time, number, method, path and status; keys and unknown parameters stay out."""
    await caller.nectar("/company")
    clock.now += 5
    await caller.get("/nectar/v2.2/ping?page=2&api_key=secret")
    await caller.basiq_token()

    told = [
        (each.at, each.provider, each.number, each.method, each.path, each.status) for each in caller.simulator.requests
    ]
    assert told == [
        (NOW, "nectar", 1, "GET", "/nectar/v2.2/company", 200),
        (NOW + 5, "nectar", 2, "GET", "/nectar/v2.2/ping?page=2", 401),
        (NOW + 5, "basiq", 1, "POST", "/basiq/token", 200),
    ]
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/nectar/v2.2/company"),
        ("PATCH", "/nectar/v2.2/connection/x/details"),
        ("HEAD", "/nectar/v2.2/ping"),
        ("GET", "/nectar/v2.2/invitation/x"),
        ("POST", "/moneyhub/users"),
        ("DELETE", "/moneyhub/users/x"),
        ("POST", "/moneyhub/sync/x"),
        ("GET", "/moneyhub/users/x/syncs"),
        ("DELETE", "/basiq/users/x/connections/y"),
        ("POST", "/basiq/users/x/connections/refresh"),
        ("GET", "/basiq/users/x/connections/y"),
        ("GET", "/basiq/token"),
    ],
)
async def test_whatever_is_no_documented_read_is_a_violation(caller: Caller, method: str, path: str) -> None:
    """It is refused and written down, with method and path."""
    async with caller.client.request(method, path) as response:
        assert response.status == 405

    [violation] = caller.simulator.violations
    assert (violation.method, violation.path) == (method, path)


@pytest.mark.parametrize("profile", PROFILES)
async def test_faults_hide_no_violation(caller: Caller, profile: str) -> None:
    """A write is a violation whatever becomes of it on the way."""
    caller.simulator.faults.use("*", profile)
    for _ in range(10):
        try:
            async with caller.client.delete("/moneyhub/users/x"):
                pass
        except aiohttp.ClientConnectionError:
            continue

    assert len(caller.simulator.violations) >= 10


async def test_reads_are_no_violations(caller: Caller) -> None:
    """A monitor that only reads leaves no trace among the violations."""
    await caller.nectar("/company")
    await caller.moneyhub("/users", await caller.moneyhub_token())
    await caller.get("/moneyhub/oidc/.well-known/all-connections")
    for path in ("/events", "/connectors"):
        await caller.basiq(path, await caller.basiq_token())

    assert caller.simulator.violations == []
    assert {each.status for each in caller.simulator.requests} == {200}


async def test_no_secret_is_written_down(caller: Caller) -> None:
    """Neither keys nor tokens are in the log of requests."""
    token = await caller.basiq_token()
    await caller.basiq("/connectors", token)
    log = str(caller.simulator.requests)

    assert token not in log
    assert caller.simulator.basiq_key not in log


def test_the_credentials_are_obviously_invented(simulator: Simulator) -> None:
    """Nobody takes them for real ones."""
    for each in (
        simulator.nectar_key,
        simulator.moneyhub_client_id,
        simulator.moneyhub_client_secret,
        simulator.basiq_key,
    ):
        assert "simulator" in each


def test_a_hundred_thousand_connections_are_no_trouble() -> None:
    """A tenth of that, made and counted, takes well below a second of a busy machine."""
    big = Simulator(connections=10_000, now=MovedClock())

    assert sum(provider["total"] for provider in big.truth().values()) == 10_000
