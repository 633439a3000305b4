"""Nectar as a source: its companies, its options, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connwatch.core.discovery import Discovery, Found
from connwatch.core.model import Failure
from connwatch.core.wire import DAY, Request
from connwatch.providers.nectar import NectarOptions
from tests.providers.conversing import NOW, Script, Site, reply, run
from tests.providers.nectar_source import nectar


def test_an_envelope_is_read_too() -> None:
    """The guide and the reference differ on the shape of this list."""
    site = Site({"/company": reply({"companies": [{"id": "c-1", "name": "Acme"}, {"id": "c-2", "name": None}]})})
    assert run(nectar().discover(None, NOW), site) == Discovery(found=(Found("c-1", "Acme"), Found("c-2")))


def test_companies_in_pages_are_not_taken_for_all() -> None:
    """An incomplete discovery would remove companies that are there."""
    site = Site({"/company": reply({"companies": [{"id": "c-1", "name": "Acme"}], "hasNext": True})})
    failure = run(nectar().discover(None, NOW), site)
    assert isinstance(failure, Failure)
    assert failure.outcome == "truncated"


def test_configured_companies_are_named() -> None:
    """`GET /company` lends its names; companies that aren't configured stay out."""
    options = nectar(companies=["c-2", "c-9", "c-2"])
    site = Site({"/company": reply([{"id": "c-1", "name": "Acme"}, {"id": "c-2", "name": "Best"}])})
    assert options.listed == ("c-2", "c-9", "c-2")
    assert run(options.discover(options.listed, NOW), site) == Discovery(found=(Found("c-2", "Best"), Found("c-9")))


@pytest.mark.parametrize("outcome", ["forbidden", "not_found"])
def test_configured_companies_stand_without_names(outcome: Any) -> None:
    """A key that may not list companies can still be asked for one."""
    found = run(nectar().discover(("c-1",), NOW), Script(Failure(outcome=outcome)))
    assert found == Discovery(found=(Found("c-1"),))
    assert isinstance(run(nectar().discover(None, NOW), Script(Failure(outcome=outcome))), Failure)


@pytest.mark.parametrize("outcome", ["auth", "throttled", "server", "timeout", "schema"])
def test_other_failures_end_the_discovery(outcome: Any) -> None:
    """Names that are missing for the moment would rename every company."""
    assert run(nectar().discover(("c-1",), NOW), Script(Failure(outcome=outcome))) == Failure(outcome=outcome)


def test_the_defaults_are_the_documented_ones() -> None:
    """metrics.md, *Policies and their defaults*; decisions.md 7."""
    options = NectarOptions.model_validate({"api_key": "key"})
    policy = nectar().policy("main", ())
    assert (options.base_url, options.poll_interval) == ("https://external.nectarclimate.com/v2.2", 900)
    quota = options.quota
    assert (quota.requests_per_minute, quota.burst, quota.max_in_flight) == (300, 10, 4)
    assert (policy.stale_after, policy.never_updated_after) == ({"utility": 8 * DAY}, {"utility": 3 * DAY})
    assert (policy.stuck_after, policy.discovery_interval) == ({"PENDING": 3 * DAY}, 600)
    assert policy.not_judged == {"action_required", "inactive"}


def test_limits_can_be_overridden() -> None:
    """Only what is named changes."""
    changed = {"stale_after": {"utility": "never"}, "stuck_after": {"UNDER_INVESTIGATION": "7d"}}
    policy = nectar(**changed).policy("main", ())
    assert policy.stale_after == {"utility": float("inf")}
    assert policy.stuck_after == {"PENDING": 3 * DAY, "UNDER_INVESTIGATION": 7 * DAY}


def test_a_part_of_the_quota_can_be_given() -> None:
    """The rest of the budget keeps its defaults."""
    assert NectarOptions.model_validate({"api_key": "key", "quota": {"burst": 2}}).quota.requests_per_minute == 300


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"api_key": None}, "api_key or api_key_file is needed"),
        ({"api_key_file": "/run/key"}, "both given"),
        ({"companies": []}, "at least 1 item"),
        ({"companies": "some"}, "'all'"),
        ({"companies": ["../x"]}, "not fit for a path"),
        ({"accounts": "some"}, "'none', 'list' or 'details'"),
        ({"stale_after": {"utilty": "8d"}}, "utilty: not one of utility"),
        ({"stuck_after": {"PENDNG": "8d"}}, "PENDNG: not one of CONNECTED, PENDING"),
        ({"compnies": "all"}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], words: str) -> None:
    """With words that say what is wrong, and without the key."""
    with pytest.raises(ValidationError) as refused:
        NectarOptions.model_validate({"api_key": "key-4711", **wrong})
    assert words in str(refused.value)
    assert "4711" not in str(refused.value)


@pytest.mark.parametrize(
    ("accounts", "sizes", "requests"),
    [("list", [0, 1, 500, 501], 5), ("list", [], 0), ("details", [0, 96, 9600], 73), ("details", [480], 6)],
)
def test_a_sweep_is_counted(accounts: str, sizes: list[int], requests: int) -> None:
    """One request for each page of five hundred; with details, a day's share of them at each poll."""
    assert nectar(accounts=accounts).sweep_requests(sizes) == requests


def test_rare_polls_ask_for_all_details() -> None:
    """Polled less often than daily, each connection is read in full at each poll, and no more often."""
    assert nectar(accounts="details", poll_interval="2d").sweep_requests([10]) == 11


def test_a_refused_ping_is_about_the_key() -> None:
    """Everyone with a key may ping: a 403 there means the key, elsewhere what it may see."""
    refused = reply({"detail": "no"}, status=403)
    provider = nectar()
    outcomes = [provider.refusal(Request(endpoint, "/x"), refused, NOW).outcome for endpoint in ("ping", "connections")]
    assert outcomes == ["auth", "forbidden"]
