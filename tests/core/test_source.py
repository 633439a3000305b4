"""What a source's answers say about the source: up, accepted, throttling."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.model import Failure, Outcome
from connwatch.core.quota import Quota, Rule
from connwatch.core.source import LONGEST_WAIT, Answer, Heeded, SourceState, credential_changed, heed, slowed
from tests.core.cast import INTERVAL, NOW, POLICY

RULE = Rule(per_minute=60.0, burst=5, max_in_flight=4)
OK = Answer(None)


def refused(outcome: Outcome, target: str = "", retry_after: float | None = None, *, explained: bool = True) -> Answer:
    """A request that ended so."""
    return Answer(Failure(outcome, retry_after=retry_after, explained=explained), target)


def heard(*answers: Answer, targets: int = 100, at: float = NOW, state: SourceState | None = None) -> Heeded:
    """What is known after these answers, a second apart."""
    result = Heeded(state or SourceState(quota=Quota(at=at)))
    for count, answer in enumerate(answers):
        result = heed(result.state, answer, RULE, POLICY, targets, at + count)
    return result


class TestUp:
    """`connwatch_source_up` (decisions.md 9)."""

    def test_nothing_is_known_before_the_first_answer(self) -> None:
        """Not known is not down."""
        assert heard().state.up is None

    @pytest.mark.parametrize("outcome", ["dns", "connect", "tls", "timeout", "server", "auth"])
    def test_three_failures_in_a_row_are_down(self, outcome: Outcome) -> None:
        """Two may be chance."""
        assert heard(OK, *[refused(outcome)] * 2).state.up is True
        assert heard(OK, *[refused(outcome)] * 3).state.up is False

    @pytest.mark.parametrize("answer", [OK, refused("not_found"), refused("throttled")])
    def test_whatever_it_answers_it_is_up(self, answer: Answer) -> None:
        """2xx, 404 and 429 come from a source that runs and knows us."""
        assert heard(*[refused("connect")] * 3, answer).state.up is True

    def test_a_source_with_fewer_targets_needs_fewer(self) -> None:
        """Where there is only one target, its failure is the source's."""
        assert heard(refused("timeout", "a"), targets=1).state.up is False

    def test_one_user_s_refusal_is_not_the_source_s(self) -> None:
        """403 for one user, again and again, says nothing of the others."""
        assert heard(OK, *[refused("forbidden", "a")] * 5).state.up is True
        assert heard(OK, *[refused("forbidden", name) for name in "abc"]).state.up is False

    def test_down_and_up_are_told_once(self) -> None:
        """The log says when it breaks and when it heals."""
        down = heard(OK, *[refused("connect")] * 3)
        assert [note.event for note in down.notes] == ["source_down"]
        assert heard(refused("connect"), state=down.state).notes == ()
        assert [note.event for note in heard(OK, state=down.state).notes] == ["source_recovered"]


class TestThrottling:
    """`Retry-After`, and slowing down without one."""

    @given(st.floats(0.0, 10 * LONGEST_WAIT), st.sampled_from(["throttled", "server"]))
    def test_retry_after_is_never_undercut(self, wait: float, outcome: Outcome) -> None:
        """The whole source waits as long as it was asked to, a day at most."""
        assert heard(refused(outcome, retry_after=wait)).state.open_at() >= NOW + min(wait, LONGEST_WAIT)

    @given(st.floats(0.0, 100.0), st.floats(0.0, 100.0))
    def test_a_shorter_wait_does_not_shorten_a_longer_one(self, first: float, second: float) -> None:
        """Two answers in flight: the longer wait holds."""
        state = heard(refused("throttled", retry_after=first), refused("throttled", retry_after=second)).state
        assert state.open_at() >= NOW + first

    def test_a_wait_of_more_than_a_day_is_taken_as_a_day_and_told(self) -> None:
        """An absurd wait doesn't silence us for ever."""
        result = heard(refused("throttled", retry_after=10 * LONGEST_WAIT))
        assert result.state.open_at() == NOW + LONGEST_WAIT
        assert "retry_after_capped" in [note.event for note in result.notes]

    def test_throttled_without_a_word_waits_a_minute(self) -> None:
        """Limits are per minute."""
        assert heard(refused("throttled")).state.open_at() == NOW + 60

    def test_requests_in_flight_are_throttled_once(self) -> None:
        """What comes in while the source is closed was asked before it closed: it halves nothing, and is told once."""
        result = heard(*[refused("throttled", retry_after=30)] * 8)
        assert result.state.quota.factor == 0.5
        assert result.notes == ()
        again = heard(refused("throttled"), state=result.state, at=result.state.open_at())
        assert again.state.quota.factor == pytest.approx(0.25, abs=0.05)
        assert [note.event for note in again.notes] == ["source_throttled"]

    def test_a_longer_wait_in_flight_counts(self) -> None:
        """Halved once; but the longest wait holds."""
        assert (
            heard(refused("throttled", retry_after=5), refused("throttled", retry_after=90)).state.open_at() == NOW + 91
        )

    @pytest.mark.parametrize("outcome", ["throttled", "server"])
    def test_a_wait_without_our_credential_says_nothing_of_it(self, outcome: Outcome) -> None:
        """A public list that is throttled or down closes the source for a while, and makes it neither up nor down."""
        state = heard().state
        for _ in range(3):
            failure = Failure(outcome, retry_after=20.0)
            state = slowed(state, failure, RULE, POLICY, NOW).state
        assert (state.up, state.strikes, state.open_at()) == (None, (), NOW + 20)
        assert state.quota.factor == (0.5 if outcome == "throttled" else 1.0)

    def test_only_throttling_halves_the_quota(self) -> None:
        """A server that is busy asks for a pause, not for less."""
        assert heard(refused("throttled")).state.quota.factor == 0.5
        assert heard(refused("server", retry_after=5)).state.quota.factor == 1.0


class TestUnexplainedRefusals:
    """A burst of 403 without a documented cause may be throttling (decisions.md 6)."""

    def burst(self, who: Iterable[str], *, explained: bool = False, first: tuple[Answer, ...] = (OK,)) -> Outcome:
        """As what the last of these refusals is counted."""
        answers = (*first, *[refused("forbidden", name, explained=explained) for name in who])
        failure = heard(*answers).failure
        assert failure is not None
        return failure.outcome

    def test_three_users_within_a_minute_are_throttling(self) -> None:
        """After recent successes, three different users refused at once are no coincidence."""
        assert self.burst("abc") == "throttled"

    def test_an_errand_is_nobody_s_refusal(self) -> None:
        """Different users: what was asked of nobody in particular is none of them."""
        assert self.burst(["a", "b", ""]) == "forbidden"

    def test_a_minute_later_is_another_matter(self) -> None:
        """Refusals that are more than a minute apart are no burst."""
        state = heard(OK).state
        for count, who in enumerate("abc"):
            answer = refused("forbidden", who, explained=False)
            result = heed(state, answer, RULE, POLICY, 100, NOW + 31 * count)
            state = result.state
        assert result.failure == answer.failure

    def test_after_a_burst_the_count_starts_anew(self) -> None:
        """One refusal after a burst is one refusal."""
        assert self.burst("abcd") == "forbidden"

    @pytest.mark.parametrize("who", ["ab", "aaaa"])
    def test_fewer_users_are_their_own_problem(self, who: str) -> None:
        """One user refused again and again is that user's affair."""
        assert self.burst(who) == "forbidden"

    def test_documented_refusals_keep_their_meaning(self) -> None:
        """A refusal that says why is what it says."""
        assert self.burst("abc", explained=True) == "forbidden"

    def test_without_a_success_it_is_no_throttling(self) -> None:
        """A key that never worked is not being throttled."""
        assert self.burst("abc", first=()) == "forbidden"


class TestCredential:
    """A rejected credential is probed once per backoff for the whole source (decisions.md 8)."""

    def test_a_rejection_closes_the_source_for_a_backoff(self) -> None:
        """Not each target has to learn it for itself."""
        state = heard(refused("auth")).state
        assert state.rejected
        assert state.open_at() == NOW + INTERVAL / 4

    def test_one_user_s_rejection_amid_successes_closes_nothing(self) -> None:
        """A token that is wrong for one user must not silence the others; a second user's rejection is the key's."""
        alone = heard(OK, *[refused("auth", "a")] * 3).state
        assert not alone.rejected
        assert heard(refused("auth", "b"), state=alone).state.rejected
        assert heard(OK, refused("auth", "b"), state=alone).state.rejected is False

    def test_the_only_target_s_rejection_is_the_key_s(self) -> None:
        """Where nobody else could tell otherwise."""
        assert heard(OK, refused("auth", "a"), targets=1).state.rejected

    def test_stragglers_say_nothing_new(self) -> None:
        """Requests that were in flight with the same credential don't lengthen the wait."""
        assert heard(*[refused("auth")] * 4).state.open_at() == NOW + INTERVAL / 4

    def test_each_failed_probe_doubles_the_wait(self) -> None:
        """A key that stays rejected is tried ever more seldom."""
        first = heard(refused("auth")).state
        second = heard(refused("auth"), state=first, at=first.open_at()).state
        assert second.open_at() == first.open_at() + INTERVAL / 2

    def test_acceptance_opens_it_at_once(self) -> None:
        """One answer is enough."""
        result = heard(OK, state=heard(refused("auth")).state)
        assert (result.state.rejected, result.state.open_at()) == (False, 0.0)
        assert [note.event for note in result.notes] == ["credential_accepted"]

    def test_a_new_secret_is_tried_at_once(self) -> None:
        """Whoever repairs the key doesn't wait for a backoff."""
        assert credential_changed(heard(refused("auth")).state).open_at() == 0.0
