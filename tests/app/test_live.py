"""Single harmless questions."""

from __future__ import annotations

from connwatch.app import forecasts, ping, remembered, remembered_forecasts
from connwatch.app.live import discover
from connwatch.core.forecast import Forecast
from connwatch.core.model import Failure
from connwatch.core.ports import SourceMemory
from tests.app.household import NAMES, Household


async def test_one_call_tells_what_a_credential_may_do(house: Household) -> None:
    """A word for each provider, and no more than a token and one read."""
    for name, source in house.plan().sources.items():
        asked = len(house.requests(name))
        answer = await ping(source, None, house.clock)
        assert isinstance(answer, str)
        assert answer
        assert len(house.requests(name)) - asked <= 2
    assert house.simulator.violations == []


async def test_why_a_credential_may_do_nothing_is_told(house: Household) -> None:
    """A key that was rotated away is `auth`."""
    for name in NAMES:
        house.simulator.rotate_key(name)
    for source in house.plan().sources.values():
        answer = await ping(source, None, house.clock)
        assert isinstance(answer, Failure)
        assert answer.outcome == "auth"


async def test_what_a_daemon_remembers_is_known(house: Household) -> None:
    """Nothing without a store; with one, each source."""
    assert await remembered(house.plan()) == {}
    async with house.running():
        await house.ready()
        await house.answers("/-/ready", 200)
        assert (await remembered(house.plan())).keys() == set(NAMES)


async def test_what_a_plan_costs_is_discovered(house: Household) -> None:
    """Without a store the targets are counted, and connections are not guessed; with one, both are known, offline too."""
    told = await forecasts(house.plan(), house.clock)
    for name in NAMES:
        one = told[name]
        assert isinstance(one, Forecast)
        assert one.targets > 0
        assert one.connections is None
    assert house.listings() == [path for path in house.listings() if "all-connections" in path]
    async with house.running():
        await house.ready()
    for known in (await forecasts(house.plan(), house.clock), await remembered_forecasts(house.plan())):
        counts = {name: one.connections for name, one in known.items() if isinstance(one, Forecast)}
        assert counts == house.true_totals()


async def test_what_cannot_be_discovered_is_told(house: Household) -> None:
    """A source that is down has no forecast; the others have."""
    house.simulator.faults.use("moneyhub", "down")
    told = await forecasts(house.plan(), house.clock)
    assert {name: isinstance(one, Failure) for name, one in told.items()} == {
        "nectar": False,
        "moneyhub": True,
        "basiq": False,
    }


async def test_a_provider_that_wants_to_be_left_alone_is_not_asked(nectar: Household) -> None:
    """What a daemon was told holds for single questions too: the answer is until when, and comes at once."""
    memory = SourceMemory(source="nectar", not_before=1_990_000_000.0)
    source = nectar.plan().sources["nectar"]
    for answer in (await ping(source, memory, nectar.clock), await discover(source, memory, nectar.clock)):
        assert isinstance(answer, Failure)
        assert (answer.outcome, "before 2033-01-22T" in answer.detail) == ("throttled", True)
    assert nectar.simulator.requests == []
