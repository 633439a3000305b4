"""The disk refuses: the daemon keeps polling and serving, says so, and loses nothing (contract.md, *State*)."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.app.household import Household, total


async def test_a_store_that_refuses_stops_nothing(nectar: Household) -> None:
    """Somebody else locks the database: changes are counted nevertheless, and are in the store when it is free again."""
    nectar.ask_often()
    async with nectar.running():
        await nectar.ready()
        with closing(sqlite3.connect(nectar.folder / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            nectar.simulator.world.set_status(nectar.working()[0], "WEBSITE_DOWN")
            await nectar.metrics_once(lambda found: total(found, "connwatch_store_up") == 0)
            moved = {"from": "healthy", "to": "degraded"}
            await nectar.metrics_once(
                lambda found: total(found, "connwatch_connection_transitions_total", **moved) == 1
            )
            other.execute("ROLLBACK")
        await nectar.metrics_once(lambda found: total(found, "connwatch_store_up") == 1)
    assert next(line["level"] for line in nectar.lines("store_failed")) == "warning"
    nectar.simulator.faults.use("*", "down")
    async with nectar.running():
        found = await nectar.metrics_once(lambda found: nectar.counted(found) == nectar.true_totals())
        assert total(found, "connwatch_connection_transitions_total", **moved) == 1
