"""What Moneyhub tells of its institutions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.model import Failure
from connwatch.core.policy import Facts, InstitutionStatus
from tests.providers.conversing import NOW, Answers, Script, Site, paths, reply, run
from tests.providers.moneyhub_source import decoded, moneyhub, stored

KINDS = ("api", "legacy", "test", "zoopla", "mouseprice", "autotrader")
ROOT = "/oidc/.well-known/"


def told(answers: Answers) -> Facts | Failure:
    """The facts that one look ends in."""
    return run(moneyhub().institutions(NOW), answers)


def entry(id_: str, **fields: Any) -> dict[str, Any]:
    """An institution where all is well."""
    return {"id": id_, "name": "Example", "type": "api", "status": {"sync": "AVAILABLE", "auth": "AVAILABLE"}, **fields}


def test_one_list_is_enough() -> None:
    """It needs no credential, and all kinds are in it (section 8.1)."""
    script = Script(stored("all-connections.json"))
    facts = told(script)
    assert isinstance(facts, Facts)
    assert paths(script.requests) == [f"{ROOT}all-connections"]
    assert not script.requests[0].authenticated
    assert facts.complete_at == NOW
    assert facts.names["a" * 32] == "Example Bank Open Banking"
    assert facts.statuses == (
        InstitutionStatus("a" * 32, "api", "sync", "TEMPORARILY_UNAVAILABLE"),
        InstitutionStatus("c" * 32, "api", "auth", "TEMPORARILY_UNAVAILABLE"),
        InstitutionStatus("c" * 32, "api", "sync", "PARTIALLY_AVAILABLE"),
        InstitutionStatus("d" * 32, "legacy", "auth", "PERMANENTLY_UNAVAILABLE"),
        InstitutionStatus("d" * 32, "legacy", "sync", "PERMANENTLY_UNAVAILABLE"),
    )


def test_where_it_is_not_served_there_is_one_for_each_kind() -> None:
    """All of them together are the same."""
    pages = {f"{ROOT}{kind}-connections": reply([entry(kind, type=kind, name=kind.title())]) for kind in KINDS}
    site = Site(pages)
    facts = told(site)
    assert isinstance(facts, Facts)
    assert facts.names == {kind: kind.title() for kind in KINDS}
    assert paths(site.requests) == [f"{ROOT}all-connections", *pages]
    assert not any(one.authenticated for one in site.requests)


@pytest.mark.parametrize("outcome", ["timeout", "throttled", "server", "forbidden", "auth"])
def test_other_failures_end_it(outcome: Any) -> None:
    """A list that fails for the moment is not asked for in six parts."""
    script = Script(Failure(outcome=outcome))
    assert told(script) == Failure(outcome=outcome)


def test_a_part_that_fails_fails_the_whole() -> None:
    """Facts that lack a kind would take its outages for ended."""
    pages = {f"{ROOT}{kind}-connections": reply([]) for kind in KINDS}
    failure = told(Site({**pages, f"{ROOT}legacy-connections": Failure(outcome="timeout")}))
    assert failure == Failure(outcome="timeout")


@pytest.mark.parametrize("body", [{"data": []}, {}, None, [{"name": "no id"}], [3], b"<html>"])
def test_another_shape_is_a_schema_failure(body: Any) -> None:
    """A bare list of institutions, or nothing."""
    failure = told(Script(reply(body)))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


@pytest.mark.parametrize("status", [None, {}, {"sync": None, "auth": None}, {"sync": "", "auth": "AVAILABLE"}])
def test_what_is_not_said_is_no_trouble(status: Any) -> None:
    """Missing is absent."""
    facts = told(Script(reply([entry("a", status=status, name=None)])))
    assert isinstance(facts, Facts)
    assert (facts.names, facts.statuses) == ({}, ())


def test_odd_values_are_fit_for_labels() -> None:
    """New spellings are passed on, free text is not, and an id that connections can't have is left out."""
    odd = {"sync": "ON_FIRE", "auth": "see our page!"}
    facts = told(Script(reply([entry("a", type="experian", status=odd), entry("no id", status=odd)])))
    assert isinstance(facts, Facts)
    assert facts.statuses == (
        InstitutionStatus("a", "experian", "auth", "other"),
        InstitutionStatus("a", "experian", "sync", "ON_FIRE"),
    )
    assert facts.names == {"a": "Example"}


@settings(deadline=None, max_examples=50)
@given(st.permutations([*decoded("all-connections.json"), entry("a" * 32, name="Another Name", type="legacy")]))
def test_the_order_does_not_matter(entries: list[Any]) -> None:
    """Facts that are the same are equal: connections are judged anew only where one changed (decisions.md 17)."""
    facts = told(Script(reply(entries)))
    assert facts == told(Script(reply(entries[::-1])))
    assert isinstance(facts, Facts)
    assert facts.names["a" * 32] == "Another Name"
