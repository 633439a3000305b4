"""The daemon as a whole, against the simulated providers: what it counts, what a scrape costs, and when it is ready."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from connwatch.providers import PROVIDERS
from tests.app.household import NAMES, PATIENCE, Household, moved_in, select, total
from tests.fakes import until

ALIASES = {"INCORRECT_PASSWORD": "PASSWORD_INCORRECT", "invalid-connection": "invalid"}
BY_TIME = {"expired", "pending", "inactive", "action_required"}
"""Conditions that follow from a trait or a clock, whatever the status."""
NOBODY_YET = "Brand New Tenant"
"""The company that has no connections."""


def by_label(found: Mapping[frozenset[tuple[str, str]], float], *labels: str) -> Counter[tuple[str, ...]]:
    """Samples summed over all other labels, zeros left out."""
    sums: Counter[tuple[str, ...]] = Counter()
    for key, value in found.items():
        sums[tuple(dict(key)[label] for label in labels)] += int(value)
    return +sums


def by_word(truth: Mapping[str, object], *words: str) -> Counter[tuple[str, ...]]:
    """The same of the truth, aliases resolved."""
    sums: Counter[tuple[str, ...]] = Counter()
    rows = truth["rows"]
    assert isinstance(rows, list)
    for row in rows:
        sums[tuple(ALIASES.get(row[word], row[word]) for word in words)] += row["count"]
    return sums


def test_every_provider_is_watched_here() -> None:
    """What these tests go through are all providers that there are."""
    assert set(NAMES) == set(PROVIDERS)


async def test_every_connection_of_the_truth_is_counted(house: Household) -> None:
    """By provider, condition and institution, as a flawless monitor would; and nothing was asked that may not be."""
    async with house.running():
        await house.ready()
        found, truth = await house.metrics(), house.simulator.truth()
    for name, source in house.plan().sources.items():
        rows = select(found, "connwatch_connections", provider=name)
        for key in (dict(key) for key, count in rows.items() if count):
            documented = source.policy.table[key["status"], key["reason"]]
            assert key["condition"] in {documented} | BY_TIME
        conditions = by_label(rows, "condition")
        places = by_label(select(found, "connwatch_institution_connections", provider=name), "condition")
        assert conditions == places
        assert conditions.total() == truth[name]["total"]
        institutions = by_label(select(found, "connwatch_institution_connections", provider=name), "institution")
        assert sorted(institutions.values()) == sorted(truth[name]["by"]["institution"].values())
    assert (house.simulator.violations, house.lines("reading_broke")) == ([], [])


@pytest.mark.parametrize(
    ("name", "labels"), [("nectar", ["status"]), ("moneyhub", ["status", "reason"]), ("basiq", ["status"])]
)
async def test_statuses_are_the_providers_own(name: str, labels: list[str], tmp_path: Path) -> None:
    """Each raw status, and Moneyhub's reason, is counted as often as the provider tells it."""
    async with moved_in(tmp_path, connections=300 if name == "basiq" else 150, providers=(name,)) as house:
        async with house.running():
            await house.ready()
            rows = select(await house.metrics(), "connwatch_connections", provider=name)
        assert by_label(rows, *labels) == by_word(house.simulator.truth()[name], *labels)


async def test_companies_are_told_by_their_names(nectar: Household) -> None:
    """Every company has its info, twins are told apart, and one without connections is counted as zeros."""
    async with nectar.running():
        await nectar.ready()
        found = await nectar.metrics_once(
            lambda found: bool(select(found, "connwatch_connections", company=NOBODY_YET))
        )
    infos = {dict(key)["company_id"]: dict(key)["company"] for key in select(found, "connwatch_company_info")}
    names = nectar.simulator.truth()["nectar"]["companies"]
    assert infos.keys() == names.keys()
    assert len(set(infos.values())) == len(names)
    assert all(label.startswith(names[id_]) for id_, label in infos.items())
    assert set(select(found, "connwatch_connections", company=NOBODY_YET).values()) == {0}


async def test_scrapers_cost_the_providers_nothing(house: Household) -> None:
    """Ten scrapers at once, in both formats and compressed: not one request more upstream."""
    async with house.running():
        await house.ready()
        await house.answers("/-/ready", 200)
        before = len(house.simulator.requests)
        answers = await asyncio.gather(
            *(house.get("/metrics", Accept="application/openmetrics-text;version=1.0.0") for _ in range(5)),
            *(house.get("/metrics", Accept_Encoding="gzip") for _ in range(5)),
        )
        assert {status for status, _ in answers} == {200}
        assert len(house.simulator.requests) == before


async def test_it_is_ready_once_every_source_was_tried(house: Household) -> None:
    """A source that is down was tried, too: readiness waits for nobody's recovery, and what is missing is no zero."""
    house.simulator.faults.use("moneyhub", "down")
    async with house.running():
        await house.answers("/-/ready", 200)
        assert select(await house.metrics(), "connwatch_connections", provider="moneyhub") == {}


async def test_a_source_that_is_not_tried_yet_is_named(nectar: Household) -> None:
    """Until then, /-/ready says whom it waits for, and /-/healthy says that all is well."""
    nectar.slow_down()
    async with nectar.running():
        await until(lambda: nectar.held > 0, patience=PATIENCE)
        assert "source nectar: not discovered yet" in await nectar.answers("/-/ready", 503)
        assert (await nectar.get("/-/healthy"))[0] == 200
        nectar.release.set()
        await nectar.answers("/-/ready", 200)


async def test_a_change_in_the_world_is_seen_and_told(nectar: Household) -> None:
    """A password changes: the condition moves, the transition is counted, and the API says who has to act."""
    nectar.ask_often()
    async with nectar.running():
        await nectar.ready()
        broken = nectar.working()[0]
        nectar.simulator.world.set_status(broken, "PASSWORD_INCORRECT")
        moved = {"from": "healthy", "to": "action_required"}
        await nectar.metrics_once(lambda found: total(found, "connwatch_connection_transitions_total", **moved) == 1)
        told = await nectar.json(f"/api/v1/connections/nectar/{broken}")
    assert (told["status"], told["condition"], told["actor"]) == ("PASSWORD_INCORRECT", "action_required", "end user")
    assert [change["after"] for change in told["history"]] == ["healthy", "action_required"]
