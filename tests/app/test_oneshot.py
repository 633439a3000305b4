"""One complete look, beside a daemon and at half its quota."""

from __future__ import annotations

import asyncio
from collections import Counter

from connwatch.app import Progress, Sweep, remembered
from connwatch.core.ports import SourceMemory
from connwatch.simulator import Effect, Fault
from tests.app.household import NAMES, PATIENCE, Household, parsed


async def swept(house: Household) -> tuple[Sweep, list[Progress]]:
    """A sweep that has come to its end, and what it told on its way."""
    told: list[Progress] = []
    sweep = Sweep(house.plan(), house.clock, house.new_log(), await remembered(house.plan()))
    async with asyncio.timeout(PATIENCE):
        await sweep.run(told.append)
    return sweep, told


async def test_everything_is_looked_at_once(house: Household) -> None:
    """Every connection is listed, counted as the daemon would, and nobody was asked twice; nothing was written."""
    sweep, told = await swept(house)
    assert Counter(one["provider"] for one in sweep.items()) == Counter(house.true_totals())
    assert house.counted(parsed(sweep.exposition().decode())) == house.true_totals()
    assert sweep.failures() == []
    assert told[-1].complete
    assert max(Counter(house.listings()).values()) == 1
    assert list(house.folder.glob("state.db*")) == []


async def test_it_works_beside_a_daemon(house: Household) -> None:
    """The daemon's store is only read: what was there goes on."""
    async with house.running():
        await house.ready()
        sweep, _ = await swept(house)
        assert Counter(one["provider"] for one in sweep.items()) == Counter(house.true_totals())
        assert house.counted(await house.metrics()) == house.true_totals()


async def test_what_failed_is_told(house: Household) -> None:
    """One provider is away, another one answers nonsense to each listing: both are named, and the third is complete."""
    house.simulator.faults.use("moneyhub", "down")
    house.simulator.faults.use("basiq", [Fault(Effect.HTML)])
    sweep, _ = await swept(house)
    failures = "\n".join(sweep.failures())
    assert "moneyhub: discovery failed: server" in failures
    assert "basiq: " in failures
    assert "nectar" not in failures


async def test_rejected_credentials_do_not_keep_it_waiting(house: Household) -> None:
    """All keys are wrong: it ends, and says so for each source, though a daemon would go on trying for hours."""
    for name in NAMES:
        house.simulator.rotate_key(name)
    sweep, _ = await swept(house)
    assert list(sweep.items()) == []
    for name in NAMES:
        assert any(line.startswith(f"{name}: ") and "auth" in line for line in sweep.failures())


async def test_a_source_that_wants_to_be_left_alone_is_left_alone(nectar: Household) -> None:
    """A day of Retry-After is not waited for: the sweep ends, and says what is missing."""
    nectar.simulator.faults.use("nectar", [Fault(Effect.THROTTLED_DAYS)])
    sweep, _ = await swept(nectar)
    assert any("throttled" in line for line in sweep.failures())
    assert len(nectar.simulator.requests) == 1


async def test_what_a_daemon_was_told_holds_here_too(nectar: Household) -> None:
    """A Retry-After that a daemon remembers: no request is made, and it is said until when."""
    asked_not_to = {"nectar": SourceMemory(source="nectar", not_before=nectar.clock.now() + 86_400.0)}
    sweep = Sweep(nectar.plan(), nectar.clock, nectar.new_log(), asked_not_to)
    await sweep.run(lambda _: None)
    assert ["given up: no request before" in line for line in sweep.failures()] == [True]
    assert nectar.simulator.requests == []
