"""One connection out of the store."""

from __future__ import annotations

import pytest

from connwatch.app import forget, look_up
from connwatch.core.model import TargetState
from connwatch.stores import StoreError, open_for_reading
from tests.app.household import Household, total
from tests.stores.making import recalled


async def targets(house: Household, source: str) -> dict[str, TargetState]:
    """What the store knows of a source."""
    reader = open_for_reading(house.plan().store)
    try:
        return dict((await recalled(reader, [source])).targets[source])
    finally:
        await reader.close()


async def test_a_connection_is_explained_beside_the_daemon(nectar: Household) -> None:
    """The account that the API gives, and the one out of the store, are the same."""
    async with nectar.running():
        await nectar.ready()
        id_ = nectar.working()[0]
        (told,) = await look_up(nectar.plan(), id_, None, nectar.clock)
        assert told == await nectar.json(f"/api/v1/connections/nectar/{id_}")
    assert await look_up(nectar.plan(), "nobody", None, nectar.clock) == []
    assert await look_up(nectar.plan(), id_, "elsewhere", nectar.clock) == []


async def test_a_store_that_was_never_made_is_told(nectar: Household) -> None:
    """There is nothing to look into."""
    with pytest.raises(StoreError, match="no such file"):
        await look_up(nectar.plan(), "nobody", None, nectar.clock)


async def test_what_is_forgotten_leaves_no_trace(house: Household) -> None:
    """A connection, and a user with all connections: erased from the file, history included."""
    async with house.running():
        await house.ready()
    users = await targets(house, "basiq")
    user, state = next((id_, state) for id_, state in users.items() if state.connections)
    other = next(id_ for id_, state in users.items() if state.connections and id_ != user)
    (connection, *_) = users[other].connections
    assert await forget(house.plan(), house.clock, connection="", target=user, source=None) == len(state.connections)
    assert await forget(house.plan(), house.clock, connection=connection, target="", source="basiq") == 1
    assert await forget(house.plan(), house.clock, connection=connection, target="", source="basiq") == 0
    file = (house.folder / "state.db").read_bytes().decode("latin-1")
    assert [id_ for id_ in (user, connection, *state.connections) if id_ in file] == []
    house.simulator.faults.use("*", "down")
    gone = len(state.connections) + 1
    async with house.running():
        left = {**house.true_totals(), "basiq": house.true_totals()["basiq"] - gone}
        await house.metrics_once(lambda found: house.counted(found) == left)
        assert total(await house.metrics(), "connwatch_connections") == sum(left.values())
