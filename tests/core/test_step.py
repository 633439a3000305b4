"""What a poll means: laws of the reducer, over any run of listings, failures and passing time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.model import Accounts, Failure, Outcome, Step, TargetState
from connwatch.core.policy import Facts, Mute
from connwatch.core.poll import Failed, Learned, Polled
from connwatch.core.step import awaken, drop, pass_time, rejudge, step, unread
from tests.core.cast import (
    DAY,
    HOUR,
    INTERVAL,
    NO_FACTS,
    NOW,
    POLICY,
    Item,
    asleep,
    conditions,
    listing,
    polled,
    target,
)

OUTCOMES: tuple[Outcome, ...] = (
    "dns",
    "connect",
    "tls",
    "timeout",
    "auth",
    "forbidden",
    "throttled",
    "server",
    "schema",
)
items = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(
        st.sampled_from(["ok", "wait", "bad", "over", "strange"]),
        st.sampled_from([None, NOW - 40 * HOUR, NOW - 10]),
        st.sampled_from([None, NOW - 1, NOW + DAY]),
    ),
).map(
    lambda rows: tuple(
        Item(id_, status=status, data_at=data, expires_at=end) for id_, (status, data, end) in rows.items()
    )
)


def after(state: TargetState, *moments: tuple[float, tuple[Item, ...]]) -> TargetState:
    """The state after listings at these times."""
    for at, listed in moments:
        state = step(state, polled(*listed, at=at), POLICY, NO_FACTS, at).state
    return state


def failed(outcome: Outcome, at: float = NOW) -> Failed:
    """A poll that brought nothing."""
    return Failed(Failure(outcome=outcome), started_at=at)


class TestListings:
    """What a complete listing does to what is remembered."""

    @given(items, items)
    def test_two_equal_listings_an_interval_apart_are_the_truth(
        self, old: tuple[Item, ...], new: tuple[Item, ...]
    ) -> None:
        """Whatever was there before: after the second equal listing, exactly the listing is remembered."""
        state = after(target(), (NOW, old), (NOW + INTERVAL, new), (NOW + 2 * INTERVAL, new))
        fresh = after(target(), (NOW + 2 * INTERVAL, new))
        assert {id_: one.seen for id_, one in state.connections.items()} == {
            id_: one.seen for id_, one in fresh.connections.items()
        }
        assert conditions(state.connections.values()) == conditions(fresh.connections.values())

    @given(items, items)
    def test_one_listing_removes_nothing(self, old: tuple[Item, ...], new: tuple[Item, ...]) -> None:
        """What a listing lacks is held, and counted as before, until the next one confirms it."""
        first = after(target(), (NOW, old))
        second = after(first, (NOW + INTERVAL, new))
        lacking = {one.id for one in old} - {one.id for one in new}
        assert second.connections.keys() == {one.id for one in (*old, *new)}
        for id_ in lacking:
            assert second.connections[id_].missing_since == NOW + INTERVAL
            assert second.connections[id_].seen == first.connections[id_].seen

    def test_listings_close_together_confirm_nothing(self) -> None:
        """Two listings less than a poll interval apart may share one mistake of the provider."""
        state = after(target(), (NOW, (Item("a"),)), (NOW + 10, ()), (NOW + INTERVAL, ()))
        assert state.connections.keys() == {"a"}
        assert after(state, (NOW + 10 + INTERVAL, ())).connections == {}

    def test_what_comes_back_was_never_gone(self) -> None:
        """A connection that is listed again goes on as if nothing had been: the same first sight, no history."""
        state = after(target(), (NOW, (Item("a"),)), (NOW + INTERVAL, ()))
        result = step(state, polled(Item("a"), at=NOW + 2 * INTERVAL), POLICY, NO_FACTS, NOW + 2 * INTERVAL)
        assert result.transitions == ()
        assert result.state.connections["a"].missing_since is None
        assert result.state.connections["a"].first_seen == NOW

    @pytest.mark.parametrize(("ahead", "noted"), [(0.0, False), (0.5, False), (2.0, True)])
    @pytest.mark.parametrize("field", ["created_at", "status_since", "data_at", "expires_at"])
    def test_what_has_happened_is_not_ahead_of_now(self, field: str, ahead: float, *, noted: bool) -> None:
        """It is taken as now, and only more than a second of it is worth a word. The end of a consent may be ahead."""
        told = replace(Item("a", status="odd"), **{field: NOW + ahead})
        seen = after(target(), (NOW, (told,))).connections["a"].seen
        assert getattr(seen, field) == (NOW + ahead if field == "expires_at" else NOW)
        future = (("future_time", "other"),) if noted and field != "expires_at" else ()
        assert seen.words.unknown == (("status", "odd"), *future)

    def test_an_unchanged_listing_moves_nothing(self) -> None:
        """The same listing again costs no write and no rendering."""
        state = after(target(), (NOW, (Item("a"), Item("b"))))
        result = step(state, polled(Item("a"), Item("b"), at=NOW + 60), POLICY, NO_FACTS, NOW + 60)
        assert result.moved == ()
        assert result.state.connections is state.connections

    def test_an_id_is_there_once(self) -> None:
        """Each reply brings its ids anew. What is remembered goes by the last of them, and keeps no other beside it."""
        listed = [tuple(Item("".join(list(id_)), data_at=at) for id_ in ("one", "two")) for at in (NOW - 60, NOW)]
        state = after(target(), (NOW, listed[0]), (NOW + INTERVAL, listed[1]))
        assert [(id_, id_ is one.seen.id) for id_, one in state.connections.items()] == [("one", True), ("two", True)]

    def test_one_that_is_held_still_makes_a_pair(self) -> None:
        """Held is counted as before: what its newer twin waits for doesn't flip between a poll and a look at the clock."""
        new = Item("new", status="wait", created_at=NOW)
        state = after(target(), (NOW, (Item("old"), new)), (NOW + 10, (new,)))
        assert state.connections["old"].missing_since == NOW + 10
        assert state.connections["new"].paused_until == NOW + 360
        assert rejudge(state, POLICY, NO_FACTS, NOW + 10).state.connections["new"].paused_until == NOW + 360

    def test_one_that_is_held_waits_for_nobody_who_has_left(self) -> None:
        """Its older twin is listed at another bank: what it waited for is over, at once, and not at the next look at the clock."""
        new = Item("new", status="wait", created_at=NOW)
        both, moved = (Item("old"), new), (Item("old", institution="bank-b"),)
        state = after(target(), (NOW, both), (NOW + 10, ()), (NOW + 20, moved))
        assert state.connections["new"].missing_since == NOW + 10
        assert state.connections["new"].paused_until == 0
        assert rejudge(state, POLICY, NO_FACTS, NOW + 20).state.connections == state.connections

    def test_one_that_is_removed_makes_no_pair(self) -> None:
        """Once it is gone, nothing stands in the way of the newer one."""
        impatient = replace(POLICY, poll_interval=20.0)
        state = target()
        for at in (NOW, NOW + 10, NOW + 30):
            new = Item("new", status="wait", created_at=NOW)
            listed = (Item("old"), new) if at == NOW else (new,)
            state = step(state, polled(*listed, at=at), impatient, NO_FACTS, at).state
        assert state.connections.keys() == {"new"}
        assert state.connections["new"].paused_until == 0

    def test_a_missing_connection_is_looked_at_again_after_exactly_an_interval(self) -> None:
        """Neither too early to confirm anything, nor an interval too late."""
        state = after(target(), (NOW, (Item("a"),)), (NOW + INTERVAL, ()))
        assert state.due == NOW + 2 * INTERVAL


class TestFailures:
    """A failed poll keeps the last good state."""

    @given(items, st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=5))
    def test_failures_remove_and_change_nothing(self, listed: tuple[Item, ...], outcomes: list[Outcome]) -> None:
        """No failure, and no number of them, touches a connection or the time of the last complete poll."""
        state = before = after(target(), (NOW, listed))
        for count, outcome in enumerate(outcomes, start=1):
            result = step(state, failed(outcome, NOW + count), POLICY, NO_FACTS, NOW + count)
            state = result.state
            assert result.moved == ()
        assert (state.connections, state.polled_at) == (before.connections, before.polled_at)
        assert state.failures == len(outcomes)

    def test_a_failure_is_told_once(self) -> None:
        """The first failure of a kind is a warning, its repetitions are details, and the recovery is news."""
        first = step(target(), failed("timeout"), POLICY, NO_FACTS, NOW)
        second = step(first.state, failed("timeout"), POLICY, NO_FACTS, NOW)
        healed = step(second.state, polled(Item("a")), POLICY, NO_FACTS, NOW)
        assert [one.level for one in (*first.notes, *second.notes)] == ["warning", "debug"]
        assert [one.event for one in healed.notes] == ["poll_recovered"]

    def test_gone_is_an_answer(self) -> None:
        """404 is like an empty listing: held once, then removed, and it is no failure."""
        state = after(target(), (NOW, (Item("a"),)))
        held = step(state, failed("not_found", NOW + INTERVAL), POLICY, NO_FACTS, NOW + INTERVAL).state
        gone = step(held, failed("not_found", NOW + 2 * INTERVAL), POLICY, NO_FACTS, NOW + 2 * INTERVAL).state
        assert (held.gone, held.failures, set(held.connections)) == (True, 0, {"a"})
        assert gone.connections == {}

    def test_gone_and_no_longer_discovered_is_final(self) -> None:
        """A target that discovery lacks and that answers 404 goes at once, with its connections."""
        state = replace(after(target(), (NOW, (Item("a"),))), absent_since=NOW)
        result = step(state, failed("not_found", NOW + 1), POLICY, NO_FACTS, NOW + 1)
        assert result.state.connections == {}
        assert [(one.before, one.after) for one in result.transitions] == [("healthy", None)]

    def test_returning_from_gone_is_told(self) -> None:
        """A company that answers again is a company again."""
        gone = step(target(), failed("not_found"), POLICY, NO_FACTS, NOW).state
        back = step(gone, polled(Item("a"), at=NOW + 1), POLICY, NO_FACTS, NOW + 1)
        assert (back.state.gone, [note.event for note in back.notes]) == (False, ["target_returned"])


class TestHistory:
    """Transitions, repairs and what is counted as unknown."""

    def change(self, *moments: tuple[float, Item]) -> Step:
        """The last step of a life of one connection."""
        state, result = target(), Step(target())
        for at, item in moments:
            result = step(state, polled(item, at=at), POLICY, NO_FACTS, at)
            state = result.state
        return result

    def test_a_repair_takes_as_long_as_it_took(self) -> None:
        """The length runs from when we saw it break to when we saw it whole."""
        result = self.change((NOW, Item("a")), (NOW + 60, Item("a", status="bad")), (NOW + 660, Item("a")))
        assert [(one.before, one.after, one.lasted) for one in result.transitions] == [
            ("action_required", "healthy", 600.0)
        ]

    def test_a_repair_runs_from_the_provider_s_word_if_that_is_earlier(self) -> None:
        """A provider that looked before us knows better when it broke (decisions.md 24)."""
        broken = Item("a", status="bad", status_since=NOW + 10)
        result = self.change((NOW, Item("a")), (NOW + 60, broken), (NOW + 660, Item("a")))
        assert [one.lasted for one in result.transitions] == [650.0]

    def test_a_mute_that_ends_begins_nothing_earlier(self) -> None:
        """What was muted was no illness: its length runs from the end of the mute, whatever the provider says of the status."""
        muted = replace(POLICY, mutes=(Mute(reason="moving house", until=NOW + 60),))
        ill = Item("a", status="bad", status_since=NOW - DAY)
        state = step(target(), polled(ill), muted, NO_FACTS, NOW).state
        state = pass_time(state, muted, NO_FACTS, NOW + 60).state
        assert (state.connections["a"].verdict.condition, state.connections["a"].since) == ("action_required", NOW + 60)
        assert after(target(), (NOW, (ill,))).connections["a"].since == NOW - DAY

    def test_a_vanished_connection_was_not_repaired(self) -> None:
        """What is no longer listed ends no repair time."""
        state = after(target(), (NOW, (Item("a", status="bad"),)), (NOW + INTERVAL, ()))
        result = step(state, polled(at=NOW + 2 * INTERVAL), POLICY, NO_FACTS, NOW + 2 * INTERVAL)
        assert [(one.after, one.lasted) for one in result.transitions] == [(None, None)]

    def test_an_undocumented_value_is_counted_when_it_comes_not_at_each_sight(self) -> None:
        """One change into a value that nobody documented is one, however often it is seen."""
        odd = Item("a", status="odd")
        assert self.change((NOW, Item("a")), (NOW + 60, odd)).unknown == (("status", "odd"),)
        assert self.change((NOW, odd), (NOW + 60, replace(odd, data_at=NOW + 30))).unknown == ()

    def test_time_alone_expires_a_consent(self) -> None:
        """No poll is needed for a consent to run out, and the history says when it did."""
        state = after(target(), (NOW, (Item("a", expires_at=NOW + 100),)))
        result = pass_time(state, POLICY, NO_FACTS, NOW + 130)
        assert [(one.before, one.after) for one in result.transitions] == [("healthy", "expired")]
        assert result.state.connections["a"].since == NOW + 100

    def test_time_moves_only_what_is_due(self) -> None:
        """A deadline of one connection leaves the others alone."""
        state = after(target(), (NOW, (Item("a", expires_at=NOW + 100), Item("b", kind="csv"))))
        assert [pair.after.seen.id for pair in pass_time(state, POLICY, NO_FACTS, NOW + 130).moved if pair.after] == [
            "a"
        ]

    def test_a_dropped_target_takes_its_connections_along(self) -> None:
        """Nothing of a company that is gone is counted on."""
        result = drop(after(target(), (NOW, (Item("a"), Item("b")))), NOW)
        assert [pair.after for pair in result.moved] == [None, None]
        assert result.state.connections == {}


class TestReasons:
    """Reasons that a listing can't tell (decisions.md 5)."""

    def state(self, *learnings: Mapping[str, Learned], status: str = "bad") -> str | None:
        """The reason after listings with these things learned beside them."""
        state = target()
        for count, learned in enumerate(learnings):
            at = NOW + count * 60
            event = Polled(listing(Item("a", status=status, reason=None), learned=dict(learned)), started_at=at)
            state = step(state, event, POLICY, NO_FACTS, at).state
        return state.connections["a"].seen.reason

    def test_the_last_known_reason_stays(self) -> None:
        """Jobs vanish after a week; the reason that they told doesn't."""
        assert self.state({"a": Learned(reason="site")}, {}) == "site"

    def test_a_new_job_changes_the_reason(self) -> None:
        """What was learned last is true."""
        assert self.state({"a": Learned(reason="site")}, {"a": Learned(reason="")}) == ""

    def test_without_any_job_the_reason_is_empty(self) -> None:
        """Not known is not made up."""
        assert self.state({}) == ""

    def test_accounts_that_a_listing_doesn_t_tell_stay(self) -> None:
        """What the details told is true until they are read again."""
        state, accounts = target(), (Accounts("ONBOARDED", "ENABLED", 3),)
        for now, learned in ((NOW, {"a": Learned(accounts=accounts)}), (NOW + 60, {})):
            event = Polled(listing(Item("a", data_at=now), learned=learned), now)
            state = step(state, event, POLICY, NO_FACTS, now).state
        assert state.connections["a"].seen.accounts == accounts

    def test_what_was_learned_is_counted_once_as_undocumented(self) -> None:
        """Even where the listing is as it was; and not again when the same is learned another time."""
        state, odd = target(), Learned(accounts=(Accounts("ODD", "ENABLED", 1),), unknown=(("account_status", "ODD"),))
        told = []
        for now, learned in ((NOW, {}), (NOW + 60, {"a": odd}), (NOW + 120, {"a": odd})):
            result = step(state, Polled(listing(Item("a"), learned=learned), now), POLICY, NO_FACTS, now)
            state = result.state
            told.append(result.unknown)
        assert told == [(), odd.unknown, ()]

    def test_when_it_was_learned_is_remembered(self) -> None:
        """Until it is learned again: so that nobody is asked for the same all the time."""
        state, at = target(), [NOW, NOW + 60, NOW + 120]
        for now, learned in zip(at, ({}, {"a": Learned(reason="site")}, {}), strict=True):
            item = Item("a", status="bad", reason=None, data_at=now)
            state = step(state, Polled(listing(item, learned=learned), now), POLICY, NO_FACTS, now).state
        assert state.connections["a"].learned_at == NOW + 60

    def test_another_status_forgets_the_reason(self) -> None:
        """A reason belongs to the status that it explained."""
        state = step(
            target(),
            Polled(listing(Item("a", status="bad", reason=None), learned={"a": Learned(reason="site")}), NOW),
            POLICY,
            NO_FACTS,
            NOW,
        ).state
        event = polled(Item("a", status="looked_into", reason=None), at=NOW + 60)
        assert step(state, event, POLICY, NO_FACTS, NOW + 60).state.connections["a"].seen.reason == ""


class TestJudgingAgain:
    """After a restart, a reload, or news of an institution."""

    def test_the_pause_is_known_again_after_a_restart(self) -> None:
        """What the store doesn't keep of a pause follows from what it keeps."""
        state = after(target(), (NOW, (Item("a"), Item("b", status="wait", created_at=NOW))))
        forgotten = replace(
            state,
            connections={id_: replace(one, paused_until=0.0, until=0.0) for id_, one in state.connections.items()},
        )
        again = rejudge(forgotten, POLICY, NO_FACTS, NOW + 60).state.connections["b"]
        assert (again.verdict.paused, again.paused_until) == (True, NOW + 360)

    def test_a_mute_takes_effect_and_ends(self) -> None:
        """The operator mutes one connection of one user; the others are judged as before."""
        muted = replace(POLICY, mutes=(Mute(reason="moving house", connection="a", until=NOW + 60),))
        state = after(target(), (NOW, (Item("a", status="bad"), Item("b", status="bad"))))
        state = rejudge(state, muted, NO_FACTS, NOW).state
        assert conditions(state.connections.values()) == {"a": "muted", "b": "action_required"}
        assert conditions(pass_time(state, muted, NO_FACTS, NOW + 60).state.connections.values()) == {
            "a": "action_required",
            "b": "action_required",
        }

    @pytest.mark.parametrize(
        "mute",
        [
            Mute("planned", source="bank"),
            Mute("planned", company="ac*"),
            Mute("planned", institution="bank-?"),
            Mute("planned", user="user-1"),
        ],
    )
    def test_mutes_match_by_any_of_their_patterns(self, mute: Mute) -> None:
        """Each key of a mute is a pattern, and an empty one matches everything."""
        muted = replace(POLICY, mutes=(mute,))
        state = rejudge(after(target(), (NOW, (Item("a"),))), muted, NO_FACTS, NOW).state
        assert conditions(state.connections.values()) == {"a": "muted"}

    def test_news_of_an_institution_is_judged_without_a_poll(self) -> None:
        """Facts are an argument: the same connection, other facts, another verdict."""
        state = after(target(), (NOW, (Item("a", data_at=NOW - 40 * HOUR),)))
        facts = Facts(attended=frozenset({("bank-a", "web")}))
        assert state.connections["a"].verdict.stale
        assert not rejudge(state, POLICY, facts, NOW).state.connections["a"].verdict.stale

    def test_what_is_judged_as_before_stays_as_it_is(self) -> None:
        """A million connections are not made anew because one of them is another one now."""
        state = after(target(), (NOW, (Item("a"), Item("b"))))
        judged = rejudge(state, replace(POLICY, mutes=(Mute(reason="tests", connection="b"),)), NO_FACTS, NOW)
        assert judged.state.connections["a"] is state.connections["a"]
        assert [pair.after for pair in judged.moved] == [judged.state.connections["b"]]

    def test_other_options_read_everything_anew(self) -> None:
        """After a change of options, an unchanged listing is read again, by the new reading."""
        state = after(target(), (NOW, (Item("a"), Item("b"))))
        assert unread(unread(state)) == unread(state)
        again = step(unread(state), polled(Item("a"), Item("b"), at=NOW + 60), POLICY, NO_FACTS, NOW + 60)
        assert len(again.moved) == 2
        assert again.transitions == ()

    def test_what_a_store_remembered_is_judged_when_it_is_read(self) -> None:
        """Whatever became of it meanwhile by the clock alone."""
        state = after(target(), (NOW, (Item("a"), Item("b", status="wait", created_at=NOW))))
        later = NOW + 37 * HOUR
        awake = awaken(state, asleep(state), POLICY, NO_FACTS, later)
        assert awake == rejudge(unread(state), POLICY, NO_FACTS, later).state
        assert awake.connections["a"].verdict.stale
        assert pass_time(awake, POLICY, NO_FACTS, later).moved == ()

    def test_a_condition_that_changed_meanwhile_is_told(self) -> None:
        """A consent that ran out while nobody looked is in the history like any other change."""
        state = after(target(), (NOW, (Item("a", expires_at=NOW + HOUR), Item("b"))))
        later = NOW + 2 * HOUR
        told = pass_time(awaken(state, asleep(state), POLICY, NO_FACTS, later), POLICY, NO_FACTS, later)
        assert [(one.connection, one.before, one.after) for one in told.transitions] == [("a", "healthy", "expired")]
        assert told.state.connections == rejudge(unread(state), POLICY, NO_FACTS, later).state.connections
