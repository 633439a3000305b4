"""The truth is what the APIs list."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from connwatch.simulator import Simulator
from tests.simulator.calling import NOW, Caller, MovedClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from aiohttp.test_utils import TestClient

Told = Counter[tuple[str, str, str, str, str]]


@pytest.fixture
async def small(aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]], clock: MovedClock) -> Caller:
    """Give a caller of a small and busy world."""
    simulator = Simulator(seed=2, connections=150, pace=60, now=clock, sleep=clock.sleep)
    return Caller(await aiohttp_client(simulator.app()), simulator)


async def nectar(caller: Caller) -> Told:
    """Count what Nectar lists."""
    told: Told = Counter()
    for company in (await caller.nectar("/company"))[1]:
        _, body = await caller.nectar(f"/connection/company/{company['id']}?limit=500")
        told.update((company["id"], c["status"], "", "utility", c["datasource"]["name"]) for c in body["connections"])
    return told


async def moneyhub(caller: Caller) -> Told:
    """Count what Moneyhub lists."""
    told: Told = Counter()
    token = await caller.moneyhub_token()
    for user in (await caller.moneyhub("/users?limit=1000", token))[1]["data"]:
        if user["connectionIds"]:
            _, body = await caller.moneyhub(f"/users/{user['userId']}/connections", token)
            told.update(
                ("", c["status"], c.get("error") or "", c["type"], c["id"].partition(":")[0]) for c in body["data"]
            )
    return told


async def basiq(caller: Caller) -> Told:
    """Count what Basiq lists, with the code of each connection's newest job as the reason."""
    told: Told = Counter()
    token = await caller.basiq_token()
    for user in caller.simulator.basiq_users():
        _, body = await caller.basiq(f"/users/{user}/connections", token)
        for c in body["data"]:
            _, found = await caller.basiq(f"/users/{user}/jobs?filter=connection.id.eq('{c['id']}')", token)
            results = [
                step["result"] for job in found["data"][:1] for step in job["steps"] if step["status"] == "failed"
            ]
            [code] = [(r[0] if isinstance(r, list) else r)["code"] for r in results] or [""]
            told[("", c.get("status", ""), code, c["method"].replace("-", ""), c["institution"]["id"])] += 1
    return told


async def agrees(caller: Caller) -> bool:
    """Compare what the APIs list with the truth, provider by provider."""
    truth = caller.simulator.truth()
    for provider, sweep in (("nectar", nectar), ("moneyhub", moneyhub), ("basiq", basiq)):
        rows = {
            (row["company"], row["status"], row["reason"], row["kind"], row["institution"]): row["count"]
            for row in truth[provider]["rows"]
        }
        assert await sweep(caller) == rows, provider
        assert sum(rows.values()) == truth[provider]["total"]
    return True


async def test_the_truth_is_what_the_apis_list(small: Caller) -> None:
    """At the first instant, and after everything that happened since."""
    assert await agrees(small)
    small.simulator.world.advance(NOW + 7200)
    assert await agrees(small)


async def test_the_truth_speaks_in_new_words_too(small: Caller) -> None:
    """Under the drift profile the unknown words are counted as they are listed."""
    small.simulator.faults.use("*", "drift")
    told = small.simulator.truth()

    assert await agrees(small)
    assert "experian" in told["moneyhub"]["by"]["kind"]


async def test_margins_and_rows_agree(small: Caller) -> None:
    """Each way of counting adds up to the total."""
    for provider in small.simulator.truth().values():
        assert all(sum(counts.values()) == provider["total"] for counts in provider["by"].values())


async def test_the_accounts_are_those_of_the_lists(small: Caller) -> None:
    """Nectar's accounts are counted by status and tracking, those without a status not at all."""
    listed: Counter[tuple[str, str]] = Counter()
    for company in (await small.nectar("/company"))[1]:
        _, body = await small.nectar(f"/connection/company/{company['id']}?limit=500")
        for account in (account for c in body["connections"] for account in c["accounts"]):
            if "status" in account:
                listed[account["status"], account.get("trackingStatus", "unset")] += 1

    accounts = small.simulator.truth()["nectar"]["accounts"]
    assert listed == {(row["status"], row["tracking"]): row["count"] for row in accounts}


async def test_the_paused_are_counted(small: Caller, clock: MovedClock) -> None:
    """The world begins with one connection in its pause, which ends."""
    world = small.simulator.world
    paused = [each for each in world.connections.values() if each.begins > NOW]
    assert small.simulator.truth()["basiq"]["paused"] == len(paused) == 1
    clock.now = paused[0].begins

    assert world.connections.get(paused[0].id) is None or not any(
        each.id == paused[0].id and each.begins > clock.now for each in small.simulator.world.connections.values()
    )
