"""Counts by deltas equal counts from scratch, after any events and any passage of time."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from connwatch.core.fleet import Fleet
from connwatch.core.model import Accounts, Connection, Failure, Step, Target, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Failed, Listing, Polled
from connwatch.core.step import drop, pass_time, rejudge, step
from connwatch.core.tally import Tally
from tests.core.cast import DAY, HOUR, INTERVAL, NO_FACTS, NOW, POLICY, Item, polled, read, target

targets = st.sampled_from(["u1", "u2", "u3"])
offsets = st.sampled_from([-100 * DAY, -40 * HOUR, -HOUR, -10.0, 300.0, 5 * DAY])
fresh_items = st.builds(
    Item,
    id=st.sampled_from("abcde"),
    status=st.sampled_from(["ok", "wait", "bad", "over", *[f"odd{number}" for number in range(30)]]),
    kind=st.sampled_from(["web", "slow", "csv"]),
    institution=st.sampled_from(["bank-a", "bank-b"]),
    created_at=st.sampled_from([None, NOW - DAY, NOW]),
    data_at=st.one_of(st.none(), offsets.map(lambda offset: NOW + min(offset, 0.0))),
    expires_at=st.one_of(st.none(), offsets.map(lambda offset: NOW + offset)),
    renewal=st.sampled_from([None, "reauth", "reconsent"]),
)
listings = st.lists(fresh_items, max_size=5, unique_by=lambda item: item.id)


class FleetAsCounted(RuleBasedStateMachine):
    """A fleet that lives through anything counts what a new fleet would count that gets the same states at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.facts = Facts()
        self.fleet = Fleet()
        self.book = self.fleet.open(POLICY, self.facts, Tally(POLICY, {}))

    def state(self, name: str) -> TargetState:
        """What is known of a target."""
        record = self.book.records.get(name)
        return record.state if record else target(name, at=self.now)

    def settle(self, after: Step) -> None:
        """Count a step."""
        self.fleet.apply("bank", after)

    @rule(name=targets, items=listings)
    def listed(self, name: str, items: list[Item]) -> None:
        """A complete listing."""
        self.settle(step(self.state(name), polled(*items, at=self.now), POLICY, self.facts, self.now))

    @rule(name=targets, outcome=st.sampled_from(["timeout", "not_found", "server"]))
    def failed(self, name: str, outcome: str) -> None:
        """A poll that brought nothing, or nobody."""
        event = Failed(Failure(outcome), self.now)  # type: ignore[arg-type]  # drawn from the closed list
        self.settle(step(self.state(name), event, POLICY, self.facts, self.now))

    @rule(seconds=st.sampled_from([1.0, 60.0, INTERVAL, HOUR, DAY, 8 * DAY]))
    def wait(self, seconds: float) -> None:
        """Time passes, and its deadlines with it."""
        self.now += seconds
        for _, name in self.fleet.due(self.now):
            self.settle(pass_time(self.state(name), POLICY, self.facts, self.now))

    @rule(name=targets, company=st.sampled_from(["acme", "bcme"]))
    def renamed(self, name: str, company: str) -> None:
        """A company gets another name."""
        state = self.state(name)
        if name in self.book.records:
            self.settle(Step(replace(state, target=Target(name, company))))

    @rule(attended=st.booleans())
    def informed(self, attended: bool) -> None:
        """The provider says something else of an institution."""
        self.facts = Facts(attended=frozenset({("bank-a", "web")}) if attended else frozenset())
        self.book.facts = self.facts
        for name in self.book.records:
            self.settle(rejudge(self.state(name), POLICY, self.facts, self.now))

    @rule(name=targets)
    def gone(self, name: str) -> None:
        """A target goes for good."""
        if name in self.book.records:
            self.settle(drop(self.state(name), self.now))
            self.fleet.remove("bank", name)

    @invariant()
    def counted(self) -> None:
        """Every row is the row that counting from scratch gives, zeros included."""
        scratch = Fleet()
        book = scratch.open(POLICY, self.facts, Tally(POLICY, {}))
        book.scales, book.vocabulary = self.book.scales, self.book.vocabulary
        for record in self.book.records.values():
            scratch.apply("bank", rejudge(record.state, POLICY, self.facts, self.now))
        assert rows(self.fleet) == rows(scratch)
        assert dict(self.fleet.oldest.items()) == dict(scratch.oldest.items())
        assert dict(self.fleet.expiring.items()) == dict(scratch.expiring.items())


def rows(fleet: Fleet) -> Mapping[str, Mapping[tuple[str, ...], int]]:
    """All rows of all groups that have any."""
    return {group: dict(labels) for group, labels in fleet.groups.rows.items() if labels}


TestFleetAsCounted = FleetAsCounted.TestCase
TestFleetAsCounted.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)


def one_book(*items: Item) -> Fleet:
    """A fleet with one target that was listed once."""
    fleet = Fleet()
    fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    fleet.apply("bank", step(target(), polled(*items), POLICY, NO_FACTS, NOW))
    return fleet


class TestZeros:
    """Zero where the truth is zero, nothing where it is unknown (decisions.md 19)."""

    def test_documented_rows_are_there_from_the_first_complete_poll(self) -> None:
        """Every documented pair of a company that was polled, and none before."""
        fleet = Fleet()
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        failed = step(target(), Failed(Failure("timeout"), NOW), POLICY, NO_FACTS, NOW)
        fleet.apply("bank", failed)
        assert rows(fleet) == {}
        fleet.apply("bank", step(failed.state, polled(), POLICY, NO_FACTS, NOW))
        assert fleet.groups.get("connections") == {
            ("bank", "basiq", "acme", status, reason, condition): 0
            for (status, reason), condition in POLICY.table.items()
        }

    def test_derived_rows_come_and_go(self) -> None:
        """`expired` has no zero: its row is there while something is expired."""
        fleet = one_book(Item("a", expires_at=NOW - 1))
        row = ("bank", "basiq", "acme", "ok", "", "expired")
        assert fleet.groups.get("connections")[row] == 1
        state = fleet.books["bank"].records["user-1"].state
        fleet.apply("bank", step(state, polled(Item("a")), POLICY, NO_FACTS, NOW))
        assert row not in fleet.groups.get("connections")

    def test_a_source_without_anybody_has_zeros(self) -> None:
        """A discovery that found nobody to ask is the truth: nothing is unknown, and all is zero (decisions.md 4)."""
        fleet = Fleet()
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        fleet.know_empty("bank", "acme")
        zeros = rows(fleet)
        assert set(zeros["connections"].values()) == {0}
        fleet.apply("bank", step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW))
        fleet.apply("bank", drop(fleet.books["bank"].records["user-1"].state, NOW))
        fleet.remove("bank", "user-1")
        fleet.know_empty("bank", "acme")
        assert rows(fleet) == zeros
        fleet.close("bank")
        assert rows(fleet) == {}

    def test_a_poll_that_changed_nothing_dirties_nothing(self) -> None:
        """What a scrape shows is written anew only where it changed."""
        fleet = one_book(Item("a"))
        fleet.groups.dirty.clear()
        state = fleet.books["bank"].records["user-1"].state
        fleet.apply("bank", step(state, polled(Item("a"), at=NOW + 60), POLICY, NO_FACTS, NOW + 60))
        assert fleet.groups.dirty == {}

    def test_no_company_leaves_a_row_behind(self) -> None:
        """When the last target of a company goes, so does everything that was counted of it."""
        fleet = one_book(Item("a"), Item("b", status="wait", data_at=None))
        state = fleet.books["bank"].records["user-1"].state
        fleet.apply("bank", drop(state, NOW))
        fleet.remove("bank", "user-1")
        assert rows(fleet) == {}
        assert dict(fleet.oldest.items()) == {}


def test_a_source_that_closes_leaves_nothing_behind() -> None:
    """Neither counts nor extremes, nor a deadline that would find somebody."""
    fleet = one_book(Item("a", expires_at=NOW + DAY), Item("b", status="wait", data_at=None))
    fleet.close("bank")
    assert (rows(fleet), dict(fleet.oldest.items()), dict(fleet.expiring.items())) == ({}, {}, {})
    assert fleet.due(NOW + 10 * DAY) == []
    assert fleet.next_deadline() == float("inf")


def test_at_most_twenty_unknown_words_become_labels() -> None:
    """A provider that invents words doesn't invent series without end."""
    fleet = one_book(*[Item(f"c{number}", status=f"odd{number}") for number in range(30)])
    words = {labels[3] for labels, count in fleet.groups.get("connections").items() if count}
    assert len(words) == 21
    assert fleet.groups.get("connections")["bank", "basiq", "acme", "other", "", "unknown"] == 10


def test_accounts_are_counted_by_status_and_tracking() -> None:
    """Accounts weigh as many as there are of them."""

    def with_accounts(item: Item) -> Connection:
        seen = read(item)
        return replace(seen, accounts=(Accounts("ONBOARDED", "ENABLED", 3),))

    fleet = Fleet()
    fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    listing = Listing.of(map(with_accounts, (Item("a"), Item("b"))))
    fleet.apply("bank", step(target(), Polled(listing, NOW), POLICY, NO_FACTS, NOW))
    assert fleet.groups.get("accounts") == {("bank", "basiq", "acme", "ONBOARDED", "ENABLED"): 6}


def test_a_tally_is_promised_before_it_is_shown() -> None:
    """What the store was told is never less than what a scrape saw (decisions.md 18)."""
    tally = Tally(POLICY, {("transitions", ("healthy", "action_required")): 4.0})
    before = step(target(), polled(Item("a")), POLICY, NO_FACTS, NOW).state
    broken = step(before, polled(Item("a", status="bad")), POLICY, NO_FACTS, NOW + 60)
    key = ("transitions", ("healthy", "action_required"))
    assert tally.promise(broken) == {key: 5.0}
    assert tally.shown[key] == 4.0
    tally.count(broken)
    assert tally.shown[key] == 5.0


def test_taken_in_together_or_one_by_one_is_the_same() -> None:
    """After a restart a million connections are counted in portions: it comes to the same."""
    steps = [
        step(
            target(name, company=company),
            polled(
                Item(f"{name}-a"),
                Item(f"{name}-b", status="wait", data_at=None),
                Item(f"{name}-c", expires_at=NOW + DAY),
            ),
            POLICY,
            NO_FACTS,
            NOW,
        )
        for name, company in (("u1", "acme"), ("u2", "acme"), ("u3", "bcme"))
    ]
    together, singly = Fleet(), Fleet()
    for fleet in (together, singly):
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    together.take_in("bank", together.books["bank"].weigh(steps))
    for one in steps:
        singly.apply("bank", one)
    assert rows(together) == rows(singly)
    assert dict(together.oldest.items()) == dict(singly.oldest.items())
    assert dict(together.expiring.items()) == dict(singly.expiring.items())
    assert together.next_deadline() == singly.next_deadline()
