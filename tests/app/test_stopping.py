"""The daemon's end in order, and how the next one goes on where it was."""

from __future__ import annotations

import asyncio

from tests.app.household import PATIENCE, Household, total
from tests.fakes import until

TRANSITIONS = "connwatch_connection_transitions_total"


async def test_while_it_drains_it_serves_and_is_not_ready(nectar: Household) -> None:
    """A poll that is under way lands and is remembered; meanwhile /metrics is served, and /-/ready is 503."""
    nectar.ask_often()
    async with nectar.running() as daemon:
        await nectar.ready()
        nectar.slow_down()
        await until(lambda: nectar.held > 0, patience=PATIENCE)
        daemon.stopping.set()
        assert "stopping" in await nectar.answers("/-/ready", 503)
        assert (await nectar.get("/metrics"))[0] == 200
        nectar.simulator.world.set_status(nectar.working()[0], "UNDER_INVESTIGATION")
        asked = len(nectar.simulator.requests) + nectar.held
        nectar.release.set()
    assert len(nectar.simulator.requests) == asked
    assert nectar.simulator.requests[-1].status == 200
    assert [line["level"] for line in nectar.lines("stopped")] == ["info"]


async def test_a_poll_that_outlasts_the_grace_is_given_up(nectar: Household) -> None:
    """The end comes when the grace is over, whatever a provider does; what was known stays known."""
    nectar.ask_often()
    nectar.told["shutdown_grace"] = "200ms"
    nectar.configure(request_timeout="10m")
    async with asyncio.timeout(PATIENCE), nectar.running() as daemon:
        await nectar.ready()
        nectar.slow_down()
        await until(lambda: nectar.held > 0, patience=PATIENCE)
        told = nectar.clock.now()
        daemon.stopping.set()
    assert nectar.clock.now() - told >= 0.2
    nectar.release.set()
    async with nectar.running():
        await nectar.ready()


async def test_a_restart_serves_the_last_state(house: Household) -> None:
    """The providers are away: what is counted after a restart is what was counted before it."""
    async with house.running():
        await house.ready()
    house.simulator.faults.use("*", "down")
    async with house.running():
        await house.ready()
        await house.answers("/-/ready", 200)
        found = await house.metrics()
        assert house.counted(found) == house.true_totals()
        assert total(found, "connwatch_targets", state="new") == 0


async def test_fresh_targets_are_not_asked_again_at_once(house: Household) -> None:
    """After a restart, who was just asked keeps its slot: the daemon is ready without a single listing."""
    async with house.running():
        await house.ready()
        await house.answers("/-/ready", 200)
    listings = house.listings()
    async with house.running():
        await house.ready()
        await house.answers("/-/ready", 200)
    assert house.listings() == listings


async def test_persisted_counters_go_on(nectar: Household) -> None:
    """Transitions of the last life are counted in this one, too."""
    nectar.ask_often()
    for number, id_ in enumerate(nectar.working()[:2], 1):
        async with nectar.running():
            await nectar.ready()
            nectar.simulator.world.set_status(id_, "WEBSITE_DOWN")
            await nectar.metrics_once(
                lambda found, number=number: total(found, TRANSITIONS, to="degraded") == number  # type: ignore[misc]
            )
