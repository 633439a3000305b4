"""How the daemon behaves towards providers, judged by what arrives there: their request log is the witness."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from math import floor
from pathlib import Path

import pytest

from connwatch.clock import SystemClock
from connwatch.simulator import Effect
from connwatch.simulator.faults.mishaps import RETRY_AFTER
from tests.app.household import NAMES, PATIENCE, Household, moved_in, total
from tests.fakes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PAUSE = 360.0
ASKED_TO_WAIT = {Effect.THROTTLED_SECONDS, Effect.UNAVAILABLE_SECONDS}
ASKED_TO_WAIT_UNTIL = {Effect.THROTTLED_DATE, Effect.UNAVAILABLE_DATE}


def excess(times: list[float], per_minute: float, burst: int, *, jitter: float) -> list[tuple[float, float, int]]:
    """The windows (from, to, requests) in which more came than the quota allows.

    `jitter`: seconds by which a request may arrive later than it started, and so come closer to the next one.
    """
    times = sorted(times)
    return [
        (start, end, count)
        for first, start in enumerate(times)
        for last, end in enumerate(times[first:], first)
        if (count := last - first + 1) > per_minute / 60 * (end - start + jitter) + burst
    ]


def test_an_excess_is_found() -> None:
    """The judge is no pushover: one request too many is seen, and none where all is well."""
    assert excess([0.0, 0.5, 1.0, 1.5], 60, 2, jitter=0.0) == [(0.0, 1.5, 4)]
    assert excess([0.0, 1.0, 2.0, 3.0], 60, 1, jitter=0.0) == []


async def test_ten_restarts_do_not_exceed_the_quota(tmp_path: Path) -> None:
    """Started ten times in a row, each time with everything to ask anew: in no window come more requests than configured."""
    async with moved_in(tmp_path, connections=300, store="memory:") as house:
        house.told["shutdown_grace"] = "5s"
        for one in house.told["sources"].values():
            one["quota"] = {"requests_per_minute": 300, "burst": 20, "max_in_flight": 4}
        house.write()
        for _ in range(10):
            async with house.running():
                enough = house.clock.now() + 0.6
                await until(lambda enough=enough: house.clock.now() > enough, patience=PATIENCE)  # type: ignore[misc]
        for name in NAMES:
            came = [one for one in house.simulator.requests if one.provider == name]
            assert len(came) > 10
            assert excess([one.at for one in came], 300, 20, jitter=0.5) == []
            assert max(one.in_flight for one in came) <= 4


def waits(house: Household, provider: str) -> list[tuple[float, float]]:
    """(until when the provider wanted to be left alone, when the next request came), each time that it said so."""
    asked = [one for one in house.simulator.requests if one.provider == provider]
    found = []
    for one, following in pairwise(asked):
        fate = house.simulator.faults.fate(provider, one.number)
        if one.status in {429, 503} and fate & (ASKED_TO_WAIT | ASKED_TO_WAIT_UNTIL):
            seconds = one.at + RETRY_AFTER
            found.append((seconds if fate & ASKED_TO_WAIT else floor(seconds), following.at))
    return found


async def test_retry_after_is_never_undercut_in_a_storm(tmp_path: Path) -> None:
    """Seconds or date, 429 or 503, token or listing: the next request comes when it was asked for, or later; and the storm is survived."""
    async with moved_in(tmp_path, clock=SystemClock(scale=40.0)) as house:
        for one in house.told["sources"].values():
            quota = {"requests_per_minute": 6000, "burst": 10, "max_in_flight": 1}
            one |= {"poll_interval": "10s", "discovery_interval": "10s", "quota": quota}
        house.write()
        house.simulator.faults.use("*", "storm")
        async with house.running():
            await until(lambda: enough_wind(house), patience=2 * PATIENCE)
            for name in NAMES:
                assert [wait for wait in waits(house, name) if wait[1] < wait[0]] == []
            house.simulator.faults.use("*", "none")
            await house.ready()
    assert house.simulator.violations == []
    assert house.lines("reading_broke") == []


def enough_wind(house: Household) -> bool:
    """Whether each provider has asked a few times to be left alone."""
    return min(len(waits(house, name)) for name in NAMES) >= 3


async def test_the_six_minute_pause_is_respected(tmp_path: Path) -> None:
    """A user with a paused pair is not asked before the pause is over, others are; it counts as paused until then, and never as stuck."""
    async with moved_in(tmp_path, providers=("basiq",), clock=SystemClock(scale=60.0)) as house:
        house.configure(poll_interval="15s", discovery_interval="10s")
        world, started = house.simulator.world, house.clock.now()
        (paused,) = [one for one in world.connections.values() if one.begins > started]
        ends = paused.created + PAUSE

        def asked() -> list[float]:
            """When something of that user was asked for."""
            return [one.at for one in house.simulator.requests if f"/users/{paused.owner}/" in one.path]

        async with house.running():
            await house.metrics_once(lambda found: total(found, "connwatch_connections_paused") == 1)
            first = len(asked())
            others = len(house.listings())
            account = f"/api/v1/connections/basiq/{paused.id}"
            while house.clock.now() < ends - 5:
                told = await house.json(account)
                shown = await house.metrics()
                if house.clock.now() >= ends - 1:
                    break
                assert (told["paused"], told["stuck"], told["status"]) == (True, False, "pending")
                assert total(shown, "connwatch_connections_paused") == 1
                await house.clock.sleep(2)
            await until(lambda: len(asked()) > first, patience=PATIENCE)
            await house.metrics_once(lambda found: total(found, "connwatch_connections_paused") == 0)
            await until(
                lambda: house.simulator.world.connections[paused.id].state.status == "active", patience=PATIENCE
            )
            while (await house.json(account))["status"] != "active":
                await house.clock.sleep(1)
        times = asked()
        assert bisect_left(times, ends - 1) == first
        assert len(house.listings()) > others + 20
