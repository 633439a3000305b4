"""Whatever goes wrong upstream, the daemon goes on serving, and once it is over, everything that is there is counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connwatch.app import remembered
from connwatch.clock import SystemClock
from connwatch.simulator import PROFILES, Effect, Fault
from tests.app.household import NAMES, PATIENCE, Household, moved_in, select, total
from tests.fakes import until

SCALE = 200.0
INTERVAL = 20.0
MISTAKEN = {"hollow", "shifting"}
"""Profiles in which a listing looks complete, and isn't: what two of them lack is gone until it is listed again."""
DAY = 86_400.0


def impatient(house: Household) -> None:
    """Ten polls in a second, for which the providers get no more than a minute each."""
    for one in house.told["sources"].values():
        one |= {"poll_interval": "20s", "discovery_interval": "20s", "request_timeout": "300ms"}
    house.write()


def complaints(house: Household) -> list[dict[str, Any]]:
    """What only a fault of ours could make the log say."""
    lines = [json.loads(line) for line in house.log.getvalue().splitlines()]
    return [line for line in lines if line["level"] == "error" or line["event"] == "reading_broke"]


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - {"none", "banned"}))
async def test_faults_pass_and_nothing_is_lost(profile: str, tmp_path: Path) -> None:
    """The scrapes go on, what was known stays counted, no fault of ours is logged, and in the end the counts are the truth."""
    odd: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: odd.append(context))
    names = ("nectar",) if profile == "shifting" else NAMES
    async with moved_in(
        tmp_path, providers=names, connections=2000 if profile == "shifting" else 40, clock=SystemClock(scale=SCALE)
    ) as house:
        impatient(house)
        async with house.running():
            await house.ready()
            house.simulator.faults.use("*", profile)
            asked = len(house.simulator.requests)
            counts: list[Mapping[str, int]] = []
            while len(house.simulator.requests) < asked + 40 and len(counts) < 25:
                counts.append(house.counted(await house.metrics()))
                await house.clock.sleep(10)
            house.simulator.faults.use("*", "none")
            for provider in names:
                house.simulator.expire_tokens(provider)
            await house.ready()
    assert profile in MISTAKEN or [one for one in counts if one != house.true_totals()] == []
    assert (complaints(house), odd, house.simulator.violations) == ([], [], [])


async def test_a_ban_is_kept_to_over_a_restart(tmp_path: Path) -> None:
    """Told to come back in three days, nobody is asked for a day, restarted or not; what is known is served meanwhile."""
    async with moved_in(tmp_path, providers=("nectar",), clock=SystemClock(scale=SCALE)) as house:
        impatient(house)
        async with house.running():
            await house.ready()
            house.simulator.faults.use("nectar", [Fault(Effect.THROTTLED_DAYS)])
            await until(lambda: bool(house.lines("retry_after_capped")), patience=PATIENCE)
            house.simulator.faults.use("nectar", "none")
            banned = next(one.at for one in house.simulator.requests if one.status == 429)
        asked = len(house.simulator.requests)
        async with house.running():
            await house.ready()
            await house.answers("/-/ready", 200)
            restarted = house.clock.now()
            await until(lambda: house.clock.now() > restarted + 5 * INTERVAL, patience=PATIENCE)
        assert len(house.simulator.requests) == asked
        memory = (await remembered(house.plan()))["nectar"]
        assert memory.not_before == pytest.approx(banned + DAY, abs=INTERVAL)


async def test_drift_is_counted_and_shown(tmp_path: Path) -> None:
    """New words of the providers fail no poll: they are `unknown`, counted, and said to be ours to look at."""
    async with moved_in(tmp_path) as house:
        house.simulator.faults.use("*", "drift")
        async with house.running():
            await house.ready()
            found = await house.metrics()
            (page,) = [await house.json("/api/v1/connections?condition=unknown&limit=1")]
        assert total(found, "connwatch_unknown_values_total") > 0
        assert [one["actor"] for one in page["connections"]] == ["us"]
        assert total(found, "connwatch_polls_total", outcome="schema") == 0
        assert all(value > 3000 for value in select(found, "connwatch_clock_skew_seconds").values())
