"""Who is there to be asked."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.discovery import Discovery, Found, Reconciled, company_labels, reconcile
from connwatch.core.model import Failure, TargetState
from connwatch.core.poll import Failed
from connwatch.core.step import step
from tests.core.cast import NO_FACTS, NOW, POLICY, Item, polled, target


def known(*ids: str) -> dict[str, TargetState]:
    """Targets that were polled a while ago."""
    return {
        id_: step(target(id_, at=NOW - 900), polled(Item("a"), at=NOW - 900), POLICY, NO_FACTS, NOW - 900).state
        for id_ in ids
    }


def discovered(
    before: Mapping[str, TargetState], *found: Found, removed: frozenset[str] = frozenset(), at: float = NOW
) -> Reconciled:
    """What a discovery changes."""
    return reconcile(before, Discovery(found, removed), POLICY, at, company="acme")


def test_a_new_target_is_due_at_once() -> None:
    """Who was just found is asked first."""
    (state,) = discovered({}, Found("u")).changed
    assert (state.target.id, state.target.company, state.due) == ("u", "acme", NOW)


def test_a_known_target_is_left_alone() -> None:
    """Discovery says nothing new of those that were there."""
    assert discovered(known("u"), Found("u")) == Reconciled(())


def test_a_missing_target_is_asked_once_more_and_then_gone() -> None:
    """One complete discovery without it is a doubt, the next one is the truth."""
    before = known("u")
    first = discovered(before)
    (state,) = first.changed
    assert (state.absent_since, state.due, first.gone) == (NOW, NOW, ())
    assert discovered({"u": state}, at=NOW + 600) == Reconciled((), ("u",))


def test_a_missing_target_that_comes_back_is_no_longer_missing() -> None:
    """A doubt that did not confirm is forgotten."""
    (doubted,) = discovered(known("u")).changed
    (state,) = discovered({"u": doubted}, Found("u"), at=NOW + 600).changed
    assert state.absent_since is None


def test_what_is_removed_by_name_is_gone_at_once() -> None:
    """The operator's list and the provider's own word need no confirmation."""
    assert discovered(known("u", "v"), Found("v"), removed=frozenset({"u"})) == Reconciled((), ("u",))


def test_users_without_connections_are_no_targets() -> None:
    """Nobody is asked for nothing (decisions.md 4)."""
    assert discovered({}, Found("u", vacant=True)) == Reconciled(())


def test_losing_the_last_connection_causes_a_poll() -> None:
    """The listing has to say so itself; once it did, discovery asks no more."""
    before = known("u")
    (state,) = discovered(before, Found("u", vacant=True)).changed
    assert state.due == NOW
    emptied = step(state, polled(at=NOW), POLICY, NO_FACTS, NOW).state
    assert discovered({"u": emptied}, Found("u", vacant=True), at=NOW + 1).changed == ()


def test_a_user_that_lost_all_connections_is_no_target_any_more() -> None:
    """One poll has confirmed it, and there is nothing left to ask for (decisions.md 4)."""
    before = step(target("u"), polled(at=NOW - 900), POLICY, NO_FACTS, NOW - 900).state
    assert discovered({"u": before}, Found("u", vacant=True)) == Reconciled((), ("u",))
    assert discovered({"u": target("u")}, Found("u", vacant=True)) == Reconciled((), ("u",))
    assert discovered({"u": before}, Found("u")) == Reconciled(())


def test_who_is_vacant_and_removed_goes_once() -> None:
    """Two reasons to go are one farewell."""
    assert discovered({"u": target("u")}, Found("u", vacant=True), removed=frozenset({"u"})).gone == ("u",)


def test_a_discovery_asks_nobody_in_a_pause() -> None:
    """Neither who is missing nor who was emptied is asked before the six minutes are over (decisions.md 3)."""
    pair = (Item("old"), Item("new", status="wait", created_at=NOW))
    state = step(target("u"), polled(*pair), POLICY, NO_FACTS, NOW).state
    (missing,) = discovered({"u": state}, at=NOW + 5).changed
    assert missing.due == state.due >= NOW + 360
    assert discovered({"u": state}, Found("u", vacant=True), at=NOW + 5).changed == ()


def test_a_discovery_takes_nobody_s_turn() -> None:
    """Who is overdue stays as overdue as it was."""
    before = {"u": replace(known("u")["u"], due=NOW - 5)}
    assert discovered(before).changed[0].due == NOW - 5
    assert discovered(before, Found("u", vacant=True)).changed == ()


def test_a_discovery_ends_no_backoff() -> None:
    """Who fails and is missing too is asked when its backoff is over."""
    state = step(target("u"), Failed(Failure("timeout"), NOW), POLICY, NO_FACTS, NOW).state
    (missing,) = discovered({"u": state}, at=NOW + 5).changed
    assert missing.due == state.due > NOW + 5


class TestLabels:
    """Companies are told apart by name, and twins by a short id (decisions.md 25)."""

    def state(self, id_: str, name: str, label: str) -> TargetState:
        """A company that is known under a label."""
        return replace(target(id_), target=replace(target(id_).target, name=name, company=label))

    def test_the_first_of_twins_keeps_the_plain_name(self) -> None:
        """Of two companies of one name, the smaller id is the plain one."""
        found = [Found("bbbbbbbbbb", "Foods"), Found("aaaaaaaaaa", "Foods")]
        assert company_labels(found, {}) == {"aaaaaaaaaa": "Foods", "bbbbbbbbbb": "Foods (bbbbbbbb)"}

    def test_who_was_first_stays_the_plain_one(self) -> None:
        """A twin that comes later gets the suffix, whatever its id: labels never flip."""
        before = {"b" * 10: self.state("b" * 10, "Foods", "Foods")}
        assert company_labels([Found("a" * 10, "Foods"), Found("b" * 10, "Foods")], before) == {
            "a" * 10: "Foods (aaaaaaaa)",
            "b" * 10: "Foods",
        }

    def test_one_that_is_missing_keeps_its_label(self) -> None:
        """A twin that comes while the first is missing doesn't get its name: the first may come back."""
        before = {"b" * 10: self.state("b" * 10, "Foods", "Foods")}
        labels = company_labels([Found("a" * 10, "Foods")], before)
        assert labels == {"a" * 10: "Foods (aaaaaaaa)"}

    def test_twins_whose_short_ids_are_twins_too_get_longer_ones(self) -> None:
        """As much of the id as it takes."""
        found = [Found(f"12345678{letter}", "Foods") for letter in "abc"]
        assert list(company_labels(found, {}).values()) == ["Foods", "Foods (12345678)", "Foods (12345678c)"]

    def test_a_company_without_a_name_is_its_id(self) -> None:
        """An id that nobody named is better than nothing."""
        assert company_labels([Found("x1")], {}) == {"x1": "x1"}

    def test_a_new_name_is_a_new_label(self) -> None:
        """A renamed company is shown under its new name only."""
        before = {"a": self.state("a", "Old", "Old")}
        assert company_labels([Found("a", "New")], before) == {"a": "New"}

    @given(
        st.lists(
            st.builds(Found, id=st.text("abc", min_size=1, max_size=12), name=st.sampled_from(["", "F", "G"])),
            unique_by=lambda one: one.id,
        )
    )
    def test_labels_are_unique(self, found: list[Found]) -> None:
        """No two companies ever share a label."""
        labels = company_labels(found, {})
        assert len(set(labels.values())) == len(found)
