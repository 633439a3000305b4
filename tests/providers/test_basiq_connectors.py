"""What Basiq says of its institutions."""

from __future__ import annotations

from itertools import permutations

import msgspec

from connwatch.core.model import Failure
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.providers.basiq_connectors import CONNECTORS, facts
from tests.providers.basiq_source import basiq, decoded, stored
from tests.providers.conversing import NOW, Script, paths, run

TOLD = Facts(
    names={"AU04301": "Example Bank", "AU00002": "Pied Piper", "AU00003": "Nucleus"},
    statuses=(
        InstitutionStatus("AU00002", "web", "connector", "under-maintenance"),
        InstitutionStatus("AU04301", "web", "connector", "major-outage"),
    ),
    attended=frozenset({("AU00002", "web")}),
    complete_at=NOW,
)


def test_names_troubles_and_attended_connectors() -> None:
    """Names by institution; every status but operational, raw; `user-mfa` alone is attended, intermittent is not."""
    script = Script(stored("connectors.json"))
    assert run(basiq().institutions(NOW), script) == TOLD
    assert paths(script.requests) == ["/connectors"]


def test_the_order_of_the_list_means_nothing() -> None:
    """The same facts come of the same connectors in any order, so that no name and no judgement flips."""
    for order in permutations(decoded("connectors.json")["data"]):
        assert facts(CONNECTORS.decode(msgspec.json.encode({"data": order})).data, NOW) == TOLD


def test_methods_are_spelled_as_in_connections() -> None:
    """What holds for `open-banking` connectors is found under the kind of the connections."""
    body = {"data": [{"id": "AU1", "method": "open-banking", "status": "partial-outage"}]}
    made = facts(CONNECTORS.decode(msgspec.json.encode(body)).data, NOW)
    assert made.statuses == (InstitutionStatus("AU1", "openbanking", "connector", "partial-outage"),)


def test_what_is_left_out_says_nothing() -> None:
    """A connector without status, name or sign-in is neither down nor attended; an undocumented status is passed on."""
    body = {"data": [{"id": "AU1"}, {"id": "AU2", "method": "web", "status": "brand new"}]}
    made = facts(CONNECTORS.decode(msgspec.json.encode(body)).data, NOW)
    assert made.names == {}
    assert made.attended == frozenset()
    assert made.statuses == (InstitutionStatus("AU2", "web", "connector", "other"),)


def test_a_failure_is_no_facts() -> None:
    """A list that can't be had says nothing, rather than that all is well."""
    assert run(basiq().institutions(NOW), Script(Failure(outcome="timeout"))) == Failure(outcome="timeout")
