"""Rows that are asked for at each scrape: present where they are known, absent where they are not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from connwatch.core.fleet import Fleet
from connwatch.core.model import NEVER, Failure
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.poll import Failed
from connwatch.core.ports import Vitals
from connwatch.core.step import step
from connwatch.core.tally import Tally
from connwatch.metrics import live
from connwatch.metrics.family import View
from tests.core.cast import INTERVAL, NO_FACTS, NOW, POLICY, Item, target
from tests.metrics.scene import FACTS, listed, two_sources, vitals

BANK = ("bank", "basiq")


@pytest.fixture
def fleet() -> Fleet:
    """A source without targets."""
    fleet = Fleet()
    fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    return fleet


def seen(fleet: Fleet, *known: Vitals, now: float = NOW, folded: Mapping[str, int] | None = None) -> View:
    """What there is to be seen."""
    return View(fleet, known, now, folded or {})


DISCOVERED = Vitals("bank", "basiq", True, 0.0, 120.0, 1.0, INTERVAL, NOW - 5)
UNDISCOVERED = replace(DISCOVERED, discovered_at=None, up=None, lag=None)


def test_no_target_is_complete_only_when_that_is_known(fleet: Fleet) -> None:
    """Discovered and none: covered, since the discovery. Not discovered: nothing is known."""
    assert dict(live.coverage(seen(fleet, DISCOVERED))) == {BANK: 1.0}
    assert dict(live.complete_since(seen(fleet, DISCOVERED))) == {BANK: NOW - 5}
    assert dict(live.coverage(seen(fleet, UNDISCOVERED))) == {}
    assert dict(live.complete_since(seen(fleet, UNDISCOVERED))) == {}


def test_a_source_that_was_not_asked_is_neither_up_nor_down(fleet: Fleet) -> None:
    """None is absent."""
    for rows in (live.up, live.lag, live.discovered_at):
        assert dict(rows(seen(fleet, UNDISCOVERED))) == {}
    assert dict(live.up(seen(fleet, DISCOVERED))) == {BANK: 1.0}
    assert dict(live.up(seen(fleet, replace(DISCOVERED, up=False)))) == {BANK: 0.0}
    assert dict(live.quota_factor(seen(fleet, UNDISCOVERED))) == {BANK: 1.0}


def test_targets_and_coverage_follow_the_sweep(fleet: Fleet) -> None:
    """One fresh, one new: half."""
    listed(fleet, "bank", "u", Item("a"))
    failed = step(target("v"), Failed(Failure("timeout"), NOW), POLICY, NO_FACTS, NOW)
    fleet.apply("bank", failed)
    view = seen(fleet, DISCOVERED)
    assert dict(live.targets(view)) == {
        (*BANK, "fresh"): 1.0,
        (*BANK, "late"): 0.0,
        (*BANK, "lost"): 0.0,
        (*BANK, "new"): 1.0,
    }
    assert dict(live.coverage(view)) == {BANK: 0.5}


def test_vanished_is_zero_once_something_was_polled(fleet: Fleet) -> None:
    """Before that it is unknown."""
    assert dict(live.vanished(seen(fleet))) == {}
    listed(fleet, "bank", "u", Item("a"))
    assert dict(live.vanished(seen(fleet))) == {BANK: 0.0}
    listed(fleet, "bank", "u", at=NOW + INTERVAL)
    assert dict(live.vanished(seen(fleet))) == {BANK: 1.0}


def test_a_company_is_named_before_its_first_poll() -> None:
    """Companies by their own id, end users under the one label, each once; a company without a name is its id."""
    fleet = two_sources()
    listed(fleet, "bank", "user-3")
    rows = sorted(labels[2:] for labels, _ in live.companies(View(fleet, vitals(NOW), NOW)))
    assert [row[1] for row in rows] == ["id-1", "acme", "id-2"]
    assert rows[1:] == [("acme", "acme"), ("id-2", "id-2")]


def test_an_institution_has_one_name(fleet: Fleet) -> None:
    """The provider's own, else the newest seen, else its id; nothing for one without a connection of ours."""
    listed(fleet, "bank", "u", Item("a"), Item("b", institution="bank-b"))
    names = dict.fromkeys([(*BANK, "bank-a", "Bank-A"), (*BANK, "bank-b", "Bank-B")], 1.0)
    assert dict(live.institution_names(seen(fleet))) == names
    labels = ((*BANK, "bank-a", "Newest"), (*BANK, "bank-c", ""))
    fleet.groups.add({"institution_names": dict.fromkeys(labels, 1)})
    fleet.books["bank"].facts = Facts(names={"bank-b": "B plc", "bank-z": "Z plc"})
    assert {labels[2:] for labels, _ in live.institution_names(seen(fleet))} == {
        ("bank-a", "Newest"),
        ("bank-b", "B plc"),
        ("bank-c", "bank-c"),
    }


def test_the_provider_s_word_counts_where_we_have_a_connection(fleet: Fleet) -> None:
    """An outage of an institution that nobody uses is no series."""
    listed(fleet, "bank", "u", Item("a"))
    fleet.books["bank"].facts = Facts(statuses=(*FACTS.statuses, InstitutionStatus("bank-a", "web", "auth", "odd")))
    assert {labels[2:] for labels, _ in live.institution_statuses(seen(fleet))} == {
        ("bank-a", "web", "sync", "TEMPORARILY_UNAVAILABLE"),
        ("bank-a", "web", "auth", "odd"),
    }


def test_only_finite_limits_are_told() -> None:
    """A kind that is never stale has no limit."""
    fleet = Fleet()
    policy = replace(POLICY, stale_after={"web": 10.0, "csv": NEVER})
    fleet.open(policy, NO_FACTS, Tally(policy, {}))
    assert dict(live.staleness_limits(seen(fleet))) == {(*BANK, "web"): 10.0}


def test_tallies_are_told_as_shown(fleet: Fleet) -> None:
    """Counters begin at zero and go on from what the store remembered."""
    restored = {("repair", ("degraded", "2")): 3.0, ("repair", ("degraded", "sum")): 60.0, ("unknown", ("kind",)): 2.0}
    fleet.open(POLICY, NO_FACTS, Tally(POLICY, restored))
    view = seen(fleet)
    assert dict(live.repairs(view))[(*BANK, "degraded")] == (0, 0, 3.0, 0, 0, 0, 0, 0, 0, 60.0)
    assert dict(live.unknown_values(view)) == {(*BANK, "kind"): 2.0, (*BANK, "status"): 0.0}
    assert set(dict(live.transitions(view)).values()) == {0.0}
    assert len(dict(live.transitions(view))) == 72


def test_what_is_folded_is_told_by_family(fleet: Fleet) -> None:
    """Also where it is none."""
    assert dict(live.folded(seen(fleet, folded={"connwatch_accounts": 0}))) == {("connwatch_accounts",): 0.0}
