"""A source at work: who is asked when, what is kept when it goes wrong, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from sys import getrefcount
from typing import TypeVar

import pytest
from msgspec.structs import replace

from connwatch.core.model import Failure, Step
from connwatch.core.policy import Facts
from connwatch.core.poll import Failed
from connwatch.core.ports import Hints, Signal, SourceMemory, Wake
from connwatch.core.schedule import PAUSE_SPREAD
from connwatch.poller.runner import SLICE
from connwatch.poller.work import PollEnded
from tests.core.cast import DAY, HOUR, INTERVAL, NOW, POLICY, Item, target
from tests.fakes import FakeClock, until
from tests.poller.stage import Script, Stage, kept
from tests.stores.making import recalled

HEALTHY = Item("a")
T = TypeVar("T")


async def test_who_is_discovered_is_asked_at_once_and_then_in_its_slot() -> None:
    """The first poll follows the discovery; from then on one poll an interval, always at the same place in it."""
    stage = Stage(Script({"u": [HEALTHY]}))
    async with stage.playing():
        await stage.clock.advance(10 * INTERVAL)
    times = stage.script.times("u")
    assert times[0] == 0
    assert len(times) in {10, 11}
    assert [later - earlier for earlier, later in pairwise(times[1:])] == pytest.approx(
        [INTERVAL] * (len(times) - 2), abs=0.01
    )


async def test_polls_are_bounded_and_nobody_starves() -> None:
    """A hundred users, three places: never more than three polls at once, and everybody is asked."""
    script = Script({f"u{number}": [Item(f"c{number}")] for number in range(100)})
    script.slow = 1.0
    stage = Stage(script, places=3)
    async with stage.playing():
        await stage.clock.advance(60)
    assert stage.door.most <= 3 + 3
    assert len({who for _, who in script.asked if who.startswith("u")}) == 100
    assert stage.count("healthy") == 100


class PatientClock(FakeClock):
    """Counts how often somebody waits for something."""

    waits = 0

    async def wait(self, signal: Signal, until: float) -> None:
        """One more."""
        self.waits += 1
        await super().wait(signal, until)


async def test_who_has_nothing_to_do_is_left_alone() -> None:
    """However many could ask, one of them wakes for each poll, and not all to find that another was faster."""
    waits = []
    for places in (1, 50):
        script = Script({"u": [HEALTHY]})
        script.clock = clock = PatientClock(NOW)
        stage = Stage(script, places=places)
        async with stage.playing():
            await stage.clock.advance(10 * INTERVAL)
        waits.append(clock.waits)
    assert waits[0] == waits[1]


@pytest.mark.parametrize(("where", "fault"), [("broken", "ZeroDivisionError"), ("untold", "ValueError")])
async def test_a_fault_in_one_target_never_stops_another(where: str, fault: str) -> None:
    """Whether a reading breaks or what is made of it: that is the target's failure, told without a word of what was read."""
    script = Script({"u": [Item("a")], "v": [Item("b", institution="jane@example.test")]})
    getattr(script, where).add("b")
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(INTERVAL)
    states = stage.states()
    assert (states["u"].outcome, states["v"].outcome) == ("ok", "schema")
    assert dict(stage.recorder.polls) == {("bank", "basiq", "ok"): 2, ("bank", "basiq", "schema"): 3}
    assert fault in stage.log.getvalue()
    assert "jane" not in stage.log.getvalue()


async def test_a_failing_source_keeps_what_was_known() -> None:
    """The provider goes away: counts stay, polls back off, and the next success heals it all."""
    script = Script({"u": [HEALTHY]})
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(60)
        script.failing["u"] = Failure("timeout")
        await stage.clock.advance(4 * INTERVAL)
        assert (stage.count("healthy"), stage.states()["u"].failures > 1) == (1, True)
        del script.failing["u"]
        await stage.clock.advance(5 * INTERVAL)
        assert stage.states()["u"].failures == 0
    assert stage.recorder.polls["bank", "basiq", "timeout"] > 1


async def test_a_paused_pair_is_asked_right_after_its_pause() -> None:
    """Six minutes of silence for that user, while the others go on; then it is asked within two seconds."""
    pair = [Item("old"), Item("new", status="wait", created_at=NOW - 60, data_at=None)]
    stage = Stage(Script({"u": pair, "v": [HEALTHY]}), replace(POLICY, poll_interval=30.0, discovery_interval=30.0))
    async with stage.playing():
        stage.script.told = Hints("", changed=frozenset({"u"}))
        await stage.clock.advance(299.9)
        assert stage.script.times("u") == [0]
        assert len(stage.script.times("v")) > 5
        await stage.clock.advance(PAUSE_SPREAD + 0.2)
        assert len(stage.script.times("u")) == 2


async def test_time_moves_counts_without_a_poll() -> None:
    """A consent runs out between two polls: within a second it is counted, remembered, and nobody was asked."""
    stage = Stage(Script({"u": [Item("a", expires_at=NOW + 100)]}))
    async with stage.playing(), stage.keeping_time():
        await stage.clock.advance(99)
        assert stage.count("expired") == 0
        await stage.clock.advance(2)
        assert (stage.count("expired"), len(stage.script.times("u"))) == (1, 1)
        (change,) = [one for one in await stage.store.history("bank", "a") if one.before is not None]
        assert (change.before, change.after) == ("healthy", "expired")


async def test_what_is_exposed_was_committed_before() -> None:
    """Whenever the fleet counts something, the store already has it (decisions.md 18)."""
    stage = Stage(Script({"u": [HEALTHY]}))
    async with stage.playing():
        await until(lambda: stage.count("healthy") == 1)
        remembered = await recalled(stage.store)
        assert set(remembered.targets["bank"]["u"].connections) == {"a"}


async def test_waiting_for_the_quota_is_no_poll() -> None:
    """Two listings a moment apart confirm no absence, however long before they were to be made (decisions.md 2)."""
    script = Script({"u": [HEALTHY, Item("b")]})
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
        script.users["u"] = [HEALTHY]
        stage.door.queue = INTERVAL
        await stage.clock.advance(stage.states()["u"].due + INTERVAL + 1 - stage.clock.now())
        stage.door.queue = 0.0
        held, seen_at = stage.states()["u"], script.times("u")[1]
        assert held.connections["b"].missing_since == held.polled_at == pytest.approx(NOW + seen_at)
        await stage.clock.advance(INTERVAL)
        assert stage.states()["u"].connections.keys() == {"a"}
        assert script.times("u")[2] - seen_at >= INTERVAL


async def test_a_wait_that_an_errand_was_told_of_is_remembered() -> None:
    """`Retry-After` outlives a restart, whoever heard it: here, no poll follows that would bring it to the store."""
    script = Script({"u": [HEALTHY]})
    script.facts = Facts()
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
        script.failing = {name: Failure("throttled", status=429) for name in ("discovery", "institutions")}
        stage.door.queue = 5.0
        await stage.clock.advance(POLICY.discovery_interval)
        until_then = stage.clock.now() + DAY
        stage.health = replace(stage.health, not_before=until_then)
        await stage.clock.advance(10)
        assert (await stage.store.load()).sources["bank"].not_before == until_then


async def test_a_failure_drops_nobody_that_was_gone() -> None:
    """Only an answer makes a target gone: 404 before, missing in a discovery, and now a timeout, is still a doubt."""
    script = Script({"u": [HEALTHY], "v": [Item("b")]})
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
        state = replace(stage.states()["u"], gone=True, absent_since=NOW, due=stage.clock.now())
        stage.fleet.apply("bank", Step(state))
        stage.runner.settler.put(PollEnded("u", Failed(Failure("timeout"), NOW), stage.states()["u"].first_seen))
        await stage.clock.advance(1)
        assert stage.states()["u"].connections.keys() == {"a"}
        stage.runner.settler.put(PollEnded("u", Failed(Failure("not_found"), NOW), stage.states()["u"].first_seen))
        await stage.clock.advance(1)
        assert stage.states().keys() == {"v"}


async def test_a_restart_goes_on_where_it_was() -> None:
    """What is fresh is not asked again at once; what is late is."""
    first = Stage(Script({"u": [HEALTHY], "v": [Item("b")]}))
    async with first.playing():
        await first.clock.advance(1)
    remembered = await recalled(first.store)
    states = list(remembered.targets["bank"].values())
    late = replace(states[1], polled_at=NOW - DAY)
    second = Stage(Script({"u": [HEALTHY], "v": [Item("b")]}, now=NOW + 60))
    async with second.playing((), remembered.sources["bank"], stored=kept([states[0], late])):
        assert second.count("healthy") == 2
        await second.clock.advance(1)
        assert (second.script.times(states[0].target.id), second.script.times(late.target.id)) == ([], [0])


class Watching(Stage):
    """Notes, each time something was counted, how many targets are, and whether all are said to be."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.seen: list[tuple[int, bool]] = []

    def _settled(self) -> None:
        self.seen.append((len(self.states()), self.runner.taken_in.is_set()))


async def test_nothing_is_told_before_all_that_was_remembered_is_counted() -> None:
    """It is counted in portions, so that others get their turn: half of it would be a wrong number."""
    stage = Watching(Script({}))
    async with stage.playing(stored=kept([target(f"u{number}") for number in range(3)])):
        await until(stage.runner.taken_in.is_set)
    assert stage.seen[:2] == [(2, False), (3, False)]


async def test_what_was_taken_in_is_nobody_else_s_to_hold() -> None:
    """While the next portion is read, the one before isn't there twice: as it was, and as what became of it."""
    holders: list[int] = []

    async def stored(wake: Wake[T]) -> AsyncIterator[T]:
        portion = wake([(target("u"), ())])
        yield portion
        holders.append(getrefcount(portion))

    stage = Stage(Script({}))
    async with stage.playing(stored=stored):
        await until(stage.runner.taken_in.is_set)
    nobody = object()
    assert holders == [getrefcount(nobody)]


async def test_what_a_predecessor_counted_stays_counted_while_it_is_judged_anew() -> None:
    """In portions too: a million are judged anew, and meanwhile others get their turn."""
    names = [f"u{number}" for number in range(SLICE + 1)]
    stage = Watching(Script({name: [] for name in names}))
    async with stage.playing([target(name) for name in names]):
        await until(stage.runner.taken_in.is_set)
    assert stage.seen[:2] == [(len(names), False), (len(names), False)]


class TestDiscovery:
    """Targets come and go."""

    async def test_a_new_user_is_found_and_one_that_left_is_dropped(self) -> None:
        """Missing once is asked once more; missing twice is gone, with everything that was counted."""
        script = Script({"u": [HEALTHY], "v": [Item("b")]})
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(1)
            script.users = {"v": [Item("b")], "w": [Item("c")]}
            await stage.clock.advance(POLICY.discovery_interval + 1)
            assert stage.states().keys() == {"v", "w"}
            assert stage.count("healthy") == 2
            assert "u" not in (await recalled(stage.store)).targets["bank"]

    async def test_a_failed_discovery_drops_nobody(self) -> None:
        """Who can't be listed is still there; the failure is told once, and so is the recovery."""
        script = Script({"u": [HEALTHY]})
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(1)
            script.failing["discovery"] = Failure("server", status=502)
            await stage.clock.advance(2 * HOUR)
            assert stage.states().keys() == {"u"}
            del script.failing["discovery"]
            await stage.clock.advance(2 * HOUR)
        said = [line for line in stage.log.getvalue().splitlines() if '"warning"' in line or "recovered" in line]
        assert ["errand_failed" in line for line in said] == [True, False]

    async def test_nobody_to_ask_is_zero_and_not_unknown(self) -> None:
        """Users without connections are no targets, and their source is complete, with zeros (decisions.md 4)."""
        script = Script({"u": [HEALTHY], "v": []})
        script.vacant = {"v"}
        stage = Stage(script, replace(POLICY, poll_interval=60.0, discovery_interval=30.0))
        async with stage.playing():
            await stage.clock.advance(1)
            assert stage.states().keys() == {"u"}
            script.users["u"] = []
            script.vacant = {"u", "v"}
            await stage.clock.advance(300)
            assert stage.states() == {}
            rows = stage.fleet.groups.get("connections")
            assert (len(rows), set(rows.values())) == (len(POLICY.table), {0})
            assert len(script.times("v")) == 0

    async def test_discovery_is_complete_when_institutions_are_too(self) -> None:
        """Who is there, and how institutions are: the older of the two, and nothing before both were read."""
        script = Script({"u": [HEALTHY]})
        script.facts = Facts(complete_at=NOW - 5)
        script.failing["institutions"] = Failure("server", status=502)
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(1)
            assert stage.runner.vitals(stage.clock.now()).discovered_at is None
            script.failing.clear()
            await stage.clock.advance(POLICY.discovery_interval)
            assert stage.runner.vitals(stage.clock.now()).discovered_at == NOW - 5
            script.facts = None
            assert stage.runner.vitals(stage.clock.now()).discovered_at == NOW + POLICY.discovery_interval

    async def test_a_list_of_users_is_read_again_when_it_changes(self, tmp_path: Path) -> None:
        """One id a line, comments and empty lines aside; who is no longer named is dropped at once."""
        users = tmp_path / "users.txt"
        users.write_text("u\n\n# left\nv # stays\n")
        script = Script({"u": [HEALTHY], "v": [Item("b")]})
        stage = Stage(script, users_file=str(users))
        async with stage.playing():
            await until(lambda: stage.states().keys() == {"u", "v"})
            users.write_text("v\n")
            stage.runner.errands.rediscover()
            await until(lambda: stage.states().keys() == {"v"})

    @pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"v\n\xff\n")])
    async def test_an_unreadable_list_drops_nobody(self, tmp_path: Path, spoil: Callable[[Path], object]) -> None:
        """A file that vanished, or that is no text, says nothing of the users in it."""
        users = tmp_path / "users.txt"
        users.write_text("u\n")
        stage = Stage(Script({"u": [HEALTHY]}), users_file=str(users))
        async with stage.playing():
            await until(lambda: stage.states().keys() == {"u"})
            spoil(users)
            stage.runner.errands.rediscover()
            await until(lambda: "discovery" in stage.runner.errands.failing)
            assert stage.states().keys() == {"u"}


class TestHints:
    """An event feed names who changed; polling remains the truth."""

    async def test_a_named_user_is_asked_soon(self) -> None:
        """Long before its slot."""
        script = Script({"u": [HEALTHY], "v": [Item("b")]})
        script.told = Hints("1")
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(POLICY.discovery_interval - 10)
            before = len(script.times("u"))
            script.told = Hints("2", changed=frozenset({"u", "nobody"}))
            await stage.clock.advance(11)
            assert len(script.times("u")) == before + 1
            assert stage.runner.memory().cursor == "2"

    async def test_a_user_that_the_feed_announced_is_kept(self) -> None:
        """Beside a configured list, an announced user is a target, over restarts too."""
        script = Script({"u": [HEALTHY], "new": [Item("n")]})
        script.listed = ("u",)
        stage = Stage(script)
        async with stage.playing(memory=SourceMemory(source="bank", announced=frozenset({"new"}))):
            await stage.clock.advance(3 * POLICY.discovery_interval)
            assert stage.states().keys() == {"u", "new"}

    async def test_a_gap_in_the_feed_asks_everybody(self) -> None:
        """What happened in between is not known: so all are looked at."""
        script = Script({f"u{number}": [Item(f"c{number}")] for number in range(5)})
        script.told = Hints("1")
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(POLICY.discovery_interval - 10)
            script.asked.clear()
            script.told = Hints("2", gap=True)
            await stage.clock.advance(11)
            assert {who for _, who in script.asked if who.startswith("u")} == set(script.users)


async def test_facts_of_institutions_are_judged_at_once() -> None:
    """The provider says that a bank can't be refreshed without its users: staleness there ends without a poll."""
    script = Script({"u": [Item("a", data_at=NOW - 40 * HOUR)], "v": [Item("b", institution="bank-b")]})
    script.facts = Facts()
    stage = Stage(script)
    async with stage.playing():
        await stage.clock.advance(1)
        assert list(stage.fleet.groups.get("stale").values()) == [1]
        stage.fleet.touched.clear()
        script.facts = Facts(attended=frozenset({("bank-a", "web")}))
        await stage.clock.advance(POLICY.discovery_interval)
        assert list(stage.fleet.groups.get("stale").values()) == [0]
        assert stage.fleet.touched == {("bank", "u")}
        script.facts = Facts()
        await stage.clock.advance(POLICY.discovery_interval)
        assert list(stage.fleet.groups.get("stale").values()) == [1]


class TestEnd:
    """Stopping in order."""

    async def test_a_running_poll_is_finished(self) -> None:
        """What was asked is heard, settled and stored; nothing more is asked."""
        script = Script({"u": [HEALTHY]})
        script.slow = 5.0
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(6)
            stage.runner.stop()
            await stage.clock.advance(10)
            assert stage.count("healthy") == 1
            assert script.times("u") == [5.0]

    async def test_a_poll_that_takes_too_long_is_given_up(self) -> None:
        """After the time of grace nobody waits any longer, and what was known stays."""
        script = Script({"u": [HEALTHY]})
        stage = Stage(script)
        async with stage.playing():
            await stage.clock.advance(1)
            script.slow = 10_000_000.0
            await stage.clock.advance(2 * INTERVAL)
            stage.runner.stop()
            stage.runner.abandon()
            await stage.clock.advance(1)
            assert stage.door.inside <= 1
        assert stage.count("healthy") == 1

    async def test_a_closed_gate_ends_the_workers(self) -> None:
        """A poll that had not started any request is simply not made."""
        stage = Stage(Script({"u": [HEALTHY]}))
        async with stage.playing():
            await stage.clock.advance(1)
            stage.door.closed = True
            await stage.clock.advance(2 * INTERVAL)
        assert stage.states()["u"].failures == 0


async def test_readiness_names_what_is_missing() -> None:
    """Not ready until the source was discovered and tried."""
    script = Script({"u": [HEALTHY]})
    script.slow = 5.0
    stage = Stage(script)
    async with stage.playing():
        assert stage.runner.reasons() == ("source bank: not discovered yet",)
        await stage.clock.advance(6)
        assert stage.runner.reasons() == ("source bank: not polled yet",)
        await stage.clock.advance(6)
        assert stage.runner.reasons() == ()


async def test_lag_is_how_late_the_most_overdue_target_is() -> None:
    """While one slow place serves many, the lag grows; a wait that the provider asked for is none."""
    script = Script({f"u{number}": [Item(f"c{number}")] for number in range(20)})
    script.slow = 10.0
    stage = Stage(script, places=1)
    async with stage.playing():
        await stage.clock.advance(100)
        assert stage.runner.vitals(stage.clock.now()).lag == pytest.approx(90, abs=15)
        stage.health = replace(stage.health, not_before=stage.clock.now() + 1)
        assert stage.runner.vitals(stage.clock.now()).lag == 0
        await stage.clock.advance(300)
        assert stage.runner.vitals(stage.clock.now()).lag == 0
