"""The witness sees who asks too early, and too much."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from connwatch.simulator import PROFILES
from connwatch.simulator.faults.mishaps import RETRY_AFTER
from tests.fakes import FakeClock
from tests.soak.providers import PATIENCE, WEATHER, Providers

Client = TestClient[Any, Any]
ASK = "/nectar/v2.2/company"
KEY = {"X-API-Key": "nectar-simulator-key"}
WAIT = RETRY_AFTER * PATIENCE


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[Client]], clock: FakeClock) -> Client:
    """Someone who asks a few providers."""
    return await aiohttp_client(Providers(1, 20, 1.0, clock).app())


async def seen(client: Client) -> Any:
    """What the witness has seen."""
    return await (await client.get("/soak/witness")).json()


async def blown(client: Client, weather: str) -> float:
    """Let a weather blow until someone is asked to wait; for how long."""
    await client.post("/soak/weather", json={"provider": "*", "weather": weather})
    while "Retry-After" not in (said := await client.get(ASK, headers=KEY)).headers:
        assert said.status
    await client.post("/soak/weather", json={"provider": "*", "weather": "none"})
    wait = said.headers["Retry-After"]
    return float(wait) if wait.isdigit() else WAIT


@pytest.mark.parametrize(("weather", "wait"), [("storm", WAIT), ("banned", 3 * 86_400)])
async def test_who_comes_back_too_early_is_seen(client: Client, clock: FakeClock, weather: str, wait: float) -> None:
    """Whatever was asked for: a second less is too early, and at the very end of the wait all is well. What comes at the same instant was on its way."""
    assert await blown(client, weather) == wait
    await client.get(ASK, headers=KEY)
    assert (await seen(client))["undercut"] == []
    await clock.advance(wait - 1)
    await client.get(ASK, headers=KEY)
    assert (await seen(client))["undercut"] == [f"nectar {ASK}: 1 s too early"]
    await clock.advance(1)
    await client.get(ASK, headers=KEY)
    assert len((await seen(client))["undercut"]) == 1


@pytest.mark.parametrize(("pause", "early"), [(0, 0), (1, 1)])
async def test_only_what_was_told_at_the_instant_of_a_death_died_with_it(
    client: Client, clock: FakeClock, pause: float, early: int
) -> None:
    """Nobody can write anything down in no time; a second before, it could."""
    await blown(client, "storm")
    await clock.advance(pause)
    await client.post("/soak/death")
    await clock.advance(1)
    await client.get(ASK, headers=KEY)
    assert len((await seen(client))["undercut"]) == early


async def test_the_busiest_minute_is_known(client: Client, clock: FakeClock) -> None:
    """It is any sixty seconds, not the minute of the clock."""
    for pause in (50, 5, 5, 51, 100):
        await client.get(ASK, headers=KEY)
        await clock.advance(pause)
    told = await seen(client)
    assert (told["requests"], told["busiest"]) == ({"nectar": 5}, {"nectar": 3})


async def test_a_forbidden_request_is_told(client: Client) -> None:
    """What a monitor must not do is a violation."""
    await client.delete(ASK)
    assert [line.split(":")[0] for line in (await seen(client))["violations"]] == [f"nectar DELETE {ASK}"]


async def test_a_frozen_world_stays_as_it_is(client: Client, clock: FakeClock) -> None:
    """Nothing happens any more, however much time goes by; before, something did."""

    async def truth() -> Any:
        return await (await client.get("/control/truth")).json()

    first = await truth()
    await clock.advance(10 * 86_400)
    later = await truth()
    await client.post("/soak/freeze")
    await clock.advance(10 * 86_400)
    assert first != later == await truth()


def test_usual_weather_has_a_little_of_everything() -> None:
    """Every fault of every profile that strikes now and then, a hundred times less often."""
    flaky = {fault.effect: fault.share for fault in PROFILES["flaky"]}
    usual = {fault.effect: fault.share for fault in WEATHER["usual"]}
    assert usual.keys() > flaky.keys()
    assert sum(usual.values()) < 0.03
