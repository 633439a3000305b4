"""What happened, settled: decided in order, stored where it is worth it, told without naming anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from connwatch.core.discovery import Discovery, Found
from connwatch.core.model import Failure
from connwatch.core.poll import Failed
from connwatch.core.ports import Hints, SourceMemory, TargetMemory
from connwatch.core.quota import Rule
from connwatch.poller.work import Discovered, ErrandFailed, PollEnded, TimePassed
from connwatch.stores.memory import MemoryStore
from tests.core.cast import DAY, HOUR, INTERVAL, NOW, POLICY, Item, read
from tests.fakes import until
from tests.poller.stage import Script, Stage, kept
from tests.stores.making import recalled

HEALTHY = Item("a")


class SlowStore(MemoryStore):
    """Takes its time to remember."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.recorder)
        self._clock = stage.clock

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Five seconds later."""
        await self._clock.sleep(5)
        await super().commit(memories)


class PatientStore(MemoryStore):
    """Gathers what is to be remembered for a minute, unless somebody is in a hurry."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.recorder)
        self._clock = stage.clock
        self._hurry = asyncio.Event()

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """A minute later, or now."""
        await self._clock.wait(self._hurry, self._clock.now() + 60)
        self._hurry.clear()
        await super().commit(memories)

    def hurry(self) -> None:
        """Now."""
        self._hurry.set()


class CountingStore(MemoryStore):
    """Counts how often it is asked to remember something."""

    commits = 0

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """One more."""
        self.commits += 1
        await super().commit(memories)


async def test_what_happens_together_builds_on_each_other() -> None:
    """Two failures that are settled in one go are two in a row."""
    stage = Stage(Script({"u": [HEALTHY]}))
    async with stage.playing():
        await stage.clock.advance(1)
        for _ in range(2):
            stage.runner.settler.put(PollEnded("u", Failed(Failure("timeout"), NOW), stage.states()["u"].first_seen))
        await stage.clock.advance(1)
        assert stage.states()["u"].failures == 2


async def test_what_happens_while_a_store_is_busy_builds_on_what_it_is_given() -> None:
    """Decided is decided: what comes while the first failure is still being written is the second in a row."""
    stage = Stage(Script({"u": [HEALTHY]}))
    stage.store = SlowStore(stage)
    async with stage.playing():
        await stage.clock.advance(20)
        for _ in range(2):
            stage.runner.settler.put(PollEnded("u", Failed(Failure("timeout"), NOW), stage.states()["u"].first_seen))
            await stage.clock.advance(1)
        assert stage.states()["u"].failures == 0, "nothing is shown that isn't stored"
        await stage.clock.advance(10)
        assert stage.states()["u"].failures == 2


async def test_a_wait_that_was_asked_for_is_written_at_once() -> None:
    """Even if something else is being gathered just then: who dies in that moment must not come back too early."""
    stage = Stage(Script({"u": [HEALTHY]}))
    stage.store = PatientStore(stage)
    async with stage.playing():
        await stage.clock.advance(1)
        assert stage.states() == {}, "what was discovered is being gathered"
        stage.health = replace(stage.health, not_before=NOW + HOUR)
        stage.runner.settler.put(ErrandFailed())
        await stage.clock.advance(1)
        assert (await stage.store.load()).sources["bank"].not_before == NOW + HOUR


async def test_a_restart_waits_for_no_company() -> None:
    """Whatever changed while we were away is written portion by portion, each at once: a million have hundreds of portions."""
    first = Stage(Script({f"u{number}": [Item(f"c{number}", expires_at=NOW + DAY)] for number in range(3)}))
    async with first.playing():
        await first.clock.advance(2 * INTERVAL)
    states = [record.state for record in first.fleet.books["bank"].records.values()]
    second = Stage(Script({}, now=first.clock.now() + 30 * DAY))
    second.store = PatientStore(second)
    async with second.playing(stored=kept(states)):
        await until(second.runner.taken_in.is_set)
        assert second.clock.monotonic() == 0.0
        assert len((await recalled(second.store)).targets["bank"]) == len(states)


async def test_who_went_meanwhile_is_not_brought_back() -> None:
    """A poll that comes home after its target is gone settles nothing."""
    stage = Stage(Script({"u": [HEALTHY]}))
    async with stage.playing():
        await stage.clock.advance(1)
        stage.runner.settler.put(Discovered(Discovery((), removed=frozenset({"u"})), "acme"))
        stage.runner.settler.put(PollEnded("u", Failed(Failure("timeout"), NOW), stage.states()["u"].first_seen))
        await stage.clock.advance(1)
        assert stage.states() == {}


async def test_who_came_back_meanwhile_is_somebody_else() -> None:
    """A poll that was begun before compared its listing with what is no longer known: it settles nothing."""
    stage = Stage(Script({"u": [HEALTHY]}))
    async with stage.playing():
        await stage.clock.advance(1)
        before = stage.states()["u"].first_seen
        stage.runner.settler.put(Discovered(Discovery((), removed=frozenset({"u"})), "acme"))
        stage.runner.settler.put(Discovered(Discovery((Found("u"),)), "acme"))
        stage.runner.settler.put(PollEnded("u", Failed(Failure("timeout"), NOW), before))
        await stage.clock.advance(1)
        assert stage.states()["u"].first_seen > before
        assert {outcome for _, _, outcome in stage.recorder.polls} == {"ok"}


async def test_time_alone_is_not_stored() -> None:
    """Data that grows older is judged anew without a word to the store: the time would bring it about again."""
    stage = Stage(Script({"u": [Item("a", data_at=NOW - HOUR + 5)]}))
    stage.store = store = CountingStore(stage.recorder)
    async with stage.playing():
        await stage.clock.advance(1)
        stored, applied = store.commits, stage.applied
        await stage.clock.advance(10)
        stage.runner.settler.put(TimePassed(("u",)))
        await stage.clock.advance(1)
        assert stage.applied > applied
        assert store.commits == stored
        assert dict(stage.recorder.polls) == {("bank", "basiq", "ok"): 1}
        (held,) = stage.states()["u"].connections.values()
        assert held.verdict.age == 1


async def test_what_a_last_poll_brought_is_committed_before_the_end() -> None:
    """However long the store takes: nothing that was heard is lost in an orderly stop."""
    stage = Stage(Script({"u": [HEALTHY]}))
    stage.store = SlowStore(stage)
    async with stage.playing():
        stage.script.slow = 1.0
        await stage.clock.advance(6.5)
        stage.runner.stop()
    assert (await recalled(stage.store)).targets["bank"]["u"].connections.keys() == {"a"}


async def test_what_was_never_polled_has_no_zeros() -> None:
    """A user who exists but never answered: nothing is known of the company, so nothing is zero."""
    script = Script({"u": [HEALTHY]})
    script.failing["u"] = Failure("timeout")
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(INTERVAL)
        assert dict(stage.fleet.groups.get("connections")) == {}


async def test_who_comes_back_is_asked_again() -> None:
    """A user that was dropped while waiting for its turn, and is discovered again, has a turn like anybody."""
    script = Script({"u": [HEALTHY], "v": [Item("b")]})
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
        del script.users["u"]
        stage.runner.settler.put(Discovered(Discovery((Found("v"),), removed=frozenset({"u"})), "acme"))
        await stage.clock.advance(3 * INTERVAL)
        script.users["u"] = [HEALTHY]
        before = len(script.times("u"))
        await stage.clock.advance(POLICY.discovery_interval + 1)
        assert len(script.times("u")) == before + 1
        assert stage.states()["u"].outcome == "ok"


@pytest.mark.parametrize(("anew", "condition"), [(True, "action_required"), (False, "healthy")])
async def test_a_successor_that_reads_otherwise_reads_everything_anew(*, anew: bool, condition: str) -> None:
    """After a reload the same listing is read by the new options, unchanged as it is; by the same ones it is passed over."""
    first = Stage(Script({"u": [HEALTHY]}))
    async with first.playing():
        await first.clock.advance(1)
    states = list(first.states().values())
    assert states[0].connections["a"].fingerprint
    second = Stage(Script({"u": [HEALTHY]}, now=NOW + INTERVAL + 1))
    second.script.read = lambda item: read(replace(item, status="bad"))
    async with second.playing(states, SourceMemory(source="bank"), anew=anew):
        await second.clock.advance(1)
        assert second.states()["u"].connections["a"].verdict.condition == condition


async def test_the_log_names_nobody_and_says_nothing_of_what_is_not_known() -> None:
    """End users are their own: a short hash tells them apart. What has no value has no key."""
    script = Script({"jane@example.test": [HEALTHY]})
    script.failing["jane@example.test"] = Failure("timeout", detail="TimeoutError")
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
    (line,) = [line for line in stage.log.getvalue().splitlines() if "poll_failed" in line]
    assert "TimeoutError" in line
    assert "jane" not in stage.log.getvalue()
    assert '"target":' in line
    assert '"code":' not in line
    assert '"status":' not in line


class TestUrgency:
    """Who starts is asked more often, where the quota has room for it."""

    async def polls(self, *, per_minute: float, users: int = 1, slow: float = 0.0) -> int:
        """How often one starting user is asked in three hours, among healthy ones."""
        script = Script({f"u{number}": [Item(f"c{number}")] for number in range(users)})
        script.users["u0"] = [Item("c0", status="wait", created_at=NOW)]
        script.slow = slow
        stage = Stage(script, replace(POLICY, stuck_after={}), places=1)
        stage.plan = replace(stage.plan, quota=Rule(per_minute=per_minute, burst=1, max_in_flight=1))
        async with stage.playing():
            await stage.clock.advance(3 * HOUR)
            return len(script.times("u0"))

    async def test_half_the_quota_is_room_enough(self) -> None:
        """One poll each half an hour needs a thirtieth of a request a minute: twice that, and urgency is allowed."""
        assert await self.polls(per_minute=2 / 30) > 15
        assert await self.polls(per_minute=1.9 / 30) < 9

    async def test_nobody_is_urgent_while_others_are_late(self) -> None:
        """Where polls take so long that some are late, those come first."""
        assert await self.polls(per_minute=6000, users=30, slow=1.0) > 15
        assert await self.polls(per_minute=6000, users=40, slow=50.0) < 8


class TestErrands:
    """What comes of errands."""

    async def test_a_failing_errand_is_gone_on_ever_more_seldom(self) -> None:
        """From a quarter of its interval, doubling, to four intervals."""
        script = Script({"u": [HEALTHY]})
        script.failing["discovery"] = Failure("server", status=502)
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(5 * HOUR)
        quarter = POLICY.discovery_interval / 4
        assert script.times("discovery")[:6] == [0.0, quarter, 3 * quarter, 7 * quarter, 15 * quarter, 31 * quarter]

    async def test_a_user_that_the_feed_tells_of_is_discovered_at_once(self) -> None:
        """Not only at the next discovery; and one that the feed calls deleted is looked at."""
        script = Script({"u": [HEALTHY], "new": [Item("n")]})
        script.listed = ("u",)
        script.told = Hints("1")
        stage = Stage(script)
        async with stage.playing():
            script.told = Hints("2", found=(Found("new"),))
            await stage.clock.advance(POLICY.discovery_interval + 10)
            assert stage.states().keys() == {"u", "new"}
            script.told = Hints("3", removed=frozenset({"u"}))
            await stage.clock.advance(POLICY.discovery_interval)
            assert script.times("u")[-1] == 2 * POLICY.discovery_interval
