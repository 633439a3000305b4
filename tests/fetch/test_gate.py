"""The gate of a source, in virtual time: the budget holds whoever asks, and however."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.model import Failure
from connwatch.core.ports import StoppingError
from connwatch.core.quota import Rule
from connwatch.core.source import Answer
from connwatch.fetch import Gate
from tests.core.cast import POLICY
from tests.fakes import FakeClock, FakeRecorder, settle

RULE = Rule(per_minute=60.0, burst=2, max_in_flight=2)


class Crowd:
    """People who want through a gate, in virtual time."""

    def __init__(self, group: asyncio.TaskGroup, rule: Rule = RULE) -> None:
        self.clock = FakeClock()
        self.recorder = FakeRecorder()
        self.gate = Gate(POLICY, rule, self.clock, self.recorder)
        self.started: list[float] = []
        self.most = 0
        self._inside = 0
        self._group = group
        self._begin = self.clock.now()

    def ask(self, seconds: float = 0.0, times: int = 1) -> None:
        """Want through, and stay that long."""
        for _ in range(times):
            self._group.create_task(self._pass(seconds))

    async def _pass(self, seconds: float) -> None:
        with self.gate.asking() as who:
            async with self.gate.admitted(who):
                self.started.append(self.clock.now() - self._begin)
                self._inside += 1
                self.most = max(self.most, self._inside)
                await self.clock.sleep(seconds)
                self._inside -= 1


async def test_requests_start_at_the_rate() -> None:
    """An empty bucket fills at the rate: one a second here, from the first second on."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        crowd.ask(times=4)
        await crowd.clock.advance(10)
    assert crowd.started == pytest.approx([1, 2, 3, 4])
    assert crowd.recorder.waits["bank"] == pytest.approx(10)


async def test_a_rest_allows_a_burst() -> None:
    """After a rest as many start at once as the burst allows, and then the rate holds again."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        await crowd.clock.advance(100)
        crowd.ask(times=4)
        await crowd.clock.advance(10)
    assert crowd.started == pytest.approx([100, 100, 101, 102])


async def test_places_are_limited() -> None:
    """However fast the rate, no more are inside than there are places."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group, Rule(per_minute=6000.0, burst=100, max_in_flight=3))
        await crowd.clock.advance(60)
        crowd.ask(seconds=10.0, times=7)
        await crowd.clock.advance(100)
    assert crowd.most == 3
    assert len(crowd.started) == 7


async def test_retry_after_stops_everybody() -> None:
    """Who waits already, waits longer; nobody starts before the provider's time."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        crowd.ask(times=3)
        await crowd.clock.advance(1)
        crowd.gate.heard(Answer(Failure("server", retry_after=50.0)))
        await crowd.clock.advance(100)
    assert crowd.started[0] == pytest.approx(1)
    assert min(crowd.started[1:]) >= 51


async def test_a_rejected_credential_is_tried_by_one_request() -> None:
    """While the key is rejected, one probe at a time goes through, and the others wait for what it brings."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group, Rule(per_minute=6000.0, burst=100, max_in_flight=8))
        await crowd.clock.advance(10)
        crowd.gate.heard(Answer(Failure("auth")))
        crowd.ask(seconds=5.0, times=4)
        await crowd.clock.advance(POLICY.poll_interval / 4 + 1)
        assert len(crowd.started) == 1
        crowd.gate.heard(Answer(None))
        await crowd.clock.advance(20)
        assert len(crowd.started) == 4


async def test_who_tries_a_rejected_credential_may_ask_on() -> None:
    """A token, and another try with it, belong to the one trial: those who wait stand in nobody's way, and wait."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group, Rule(per_minute=6000.0, burst=100, max_in_flight=8))
        gate, clock, done = crowd.gate, crowd.clock, list[str]()

        async def try_again() -> None:
            with gate.asking() as who:
                for name, asker in (("first", who), ("token", None), ("second", who)):
                    async with gate.admitted(asker):
                        await clock.sleep(5)
                        done.append(name)
                gate.heard(Answer(Failure("auth")))

        await clock.advance(10)
        gate.heard(Answer(Failure("auth")))
        group.create_task(try_again())
        await clock.advance(POLICY.poll_interval / 4)
        crowd.ask(times=4)
        await clock.advance(20)
        assert done == ["first", "token", "second"]
        assert crowd.started == []
        await clock.advance(POLICY.poll_interval / 2)
        assert len(crowd.started) == 4


async def test_who_gives_up_lets_the_next_one_try() -> None:
    """A trial that ends without an answer is nobody's any more."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        await crowd.clock.advance(10)
        crowd.gate.heard(Answer(Failure("auth")))
        crowd.ask(seconds=1.0, times=2)
        await crowd.clock.advance(POLICY.poll_interval / 4 + 3)
    assert len(crowd.started) == 2
    assert crowd.started[1] - crowd.started[0] >= 1


async def test_a_late_acceptance_opens_at_once() -> None:
    """A request that was on its way when the credential was rejected brings a yes: nobody waits any longer."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        await crowd.clock.advance(10)
        crowd.gate.heard(Answer(Failure("auth")))
        crowd.ask()
        await crowd.clock.advance(5)
        crowd.gate.heard(Answer(None))
        await crowd.clock.advance(0)
        assert crowd.started == [15]


async def test_what_needs_no_credential_tries_none() -> None:
    """A public list is read when the source opens again, and says nothing of the credential."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group, Rule(per_minute=6000.0, burst=100, max_in_flight=8))
        await crowd.clock.advance(10)
        crowd.gate.heard(Answer(Failure("auth")))
        waited = POLICY.poll_interval / 4
        with crowd.gate.asking() as prober:

            async def read_list() -> None:
                async with crowd.gate.admitted():
                    crowd.started.append(crowd.clock.now())

            group.create_task(read_list())
            await crowd.clock.advance(waited - 1)
            assert crowd.started == []
            await crowd.clock.advance(1)
            assert len(crowd.started) == 1
            async with crowd.gate.admitted(prober):
                group.create_task(read_list())
                await crowd.clock.advance(1)
            assert len(crowd.started) == 2


async def test_a_new_secret_opens_the_gate() -> None:
    """Nobody waits out a backoff that was another key's."""
    async with asyncio.TaskGroup() as group:
        crowd = Crowd(group)
        await crowd.clock.advance(10)
        crowd.gate.heard(Answer(Failure("auth")))
        crowd.ask()
        await crowd.clock.advance(5)
        assert crowd.started == []
        crowd.gate.retry_credential()
        await crowd.clock.advance(1)
        assert len(crowd.started) == 1


async def test_closing_sends_away_who_waits() -> None:
    """When the daemon stops, a request that has not started is not made."""
    gate = Gate(POLICY, RULE, FakeClock(), FakeRecorder(), not_before=float("inf"))

    async def want() -> None:
        async with gate.admitted():
            pytest.fail("it was made")

    async with asyncio.timeout(1):
        waiting = asyncio.gather(want(), want(), return_exceptions=True)
        await settle()
        gate.close()
        results = await waiting
    assert [type(result) for result in results] == [StoppingError, StoppingError]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 30.0), st.integers(0, 5), st.sampled_from([None, "throttled", "server"])),
        min_size=1,
        max_size=8,
    )
)
def test_no_window_holds_more_than_rate_and_burst(moments: list[tuple[float, int, str | None]]) -> None:
    """Whoever comes whenever, throttled or not: what starts within any window stays within the budget."""

    async def live() -> list[float]:
        async with asyncio.TaskGroup() as group:
            crowd = Crowd(group)
            for pause, times, answer in moments:
                crowd.ask(times=times)
                await crowd.clock.advance(pause)
                if answer:
                    crowd.gate.heard(Answer(Failure(answer, retry_after=3.0)))  # type: ignore[arg-type]  # drawn
            await crowd.clock.advance(3600)
        return crowd.started

    started = asyncio.run(live())
    for first, at in enumerate(started):
        for last in range(first, len(started)):
            assert last - first + 1 <= RULE.per_minute / 60 * (started[last] - at) + RULE.burst + 1e-6
