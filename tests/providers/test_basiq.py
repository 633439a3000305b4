"""A Basiq source: its options, its policy, its conversations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from connwatch.core.discovery import Discovery, Found
from connwatch.core.model import NEVER, Failure
from connwatch.core.policy import PauseRule
from connwatch.core.ports import Provider
from connwatch.core.wire import Token
from connwatch.providers.basiq import Basiq, BasiqOptions
from tests.providers.basiq_source import basiq, stored
from tests.providers.conversing import NOW, Script, paths, reply, run

HOUR = 3600.0


def test_it_is_a_provider() -> None:
    """It offers what the daemon asks of every provider."""
    provider: Provider = basiq()
    assert provider.name == "basiq"


@pytest.mark.parametrize("path", ["/events/e-1", "/events/types", "/users/u-1/consents", "/connectors/AU00000/web"])
def test_only_lists_are_allowed(path: str) -> None:
    """What is never asked for can't be asked for: an event alone, say, comes with the e-mail address of its user."""
    assert not any(re.fullmatch(one.path, path) for one in Basiq.allowed)


def test_the_token_call() -> None:
    """The key goes out verbatim, with the version and the server's scope, which Basiq takes from the form only."""
    script = Script(stored("token.json"))
    conversation = basiq().token({"api_key": "a2V5OmtleQ=="}, NOW, "nonce", None)
    token = run(conversation, script)
    assert isinstance(token, Token)
    assert (token.obtained_at, token.expires_at, token.scope) == (NOW, NOW + 3600, "SERVER_ACCESS")
    (request,) = script.requests
    assert (request.endpoint, request.method, request.path, request.authenticated) == ("token", "POST", "/token", False)
    assert request.form == (("scope", "SERVER_ACCESS"),)
    assert request.headers == {"Authorization": "Basic a2V5OmtleQ==", "basiq-version": "3.0"}
    assert basiq().authorize({"api_key": "k"}, token) == {"Authorization": f"Bearer {token.value}"}


@pytest.mark.parametrize(
    "grant",
    [
        {"access_token": "eyJ", "expires_in": 0},
        {"access_token": "eyJ", "expires_in": -5},
        {"access_token": "eyJ"},
        {"access_token": "", "expires_in": 3600},
        {"access_token": "eyJ\r\nX-Evil: 1", "expires_in": 3600},
        {"access_token": "eyJ\n", "expires_in": 3600},
    ],
)
def test_a_token_that_is_none(grant: Any) -> None:
    """A token without any life would be asked for again at each call; one with a line break is another header."""
    failure = run(basiq().token({"api_key": "k"}, NOW, "n", None), Script(reply(grant)))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


def test_ping_makes_one_harmless_call() -> None:
    """It reads one connector, and says what the key can do."""
    script = Script(stored("connectors.json"))
    told = run(basiq().ping(), script)
    assert isinstance(told, str)
    assert "SERVER_ACCESS" in told
    assert paths(script.requests) == ["/connectors?filter=connector.id.eq('AU00000')"]


def test_users_are_those_that_are_listed() -> None:
    """Without any request; one who is listed twice is one user."""
    script = Script()
    assert run(basiq().discover(["u-1", "u-2", "u-1"], NOW), script) == Discovery((Found("u-1"), Found("u-2")))
    assert script.requests == []


def test_no_list_of_users_is_no_discovery() -> None:
    """A list that isn't there must not look like one without users, which would drop them all."""
    assert isinstance(run(basiq().discover(None, NOW), Script()), Failure)


def test_each_status_and_reason_has_a_condition() -> None:
    """The table of product.md and metrics.md, row by row."""
    plain = {
        ("active", ""): "healthy",
        ("pending", ""): "pending",
        ("init", ""): "pending",
        ("pre-init", ""): "pending",
        ("deleted", ""): "inactive",
        ("invalid", ""): "action_required",
    }
    explained = {
        ("invalid", "user"): "action_required",
        ("invalid", "statement"): "action_required",
        ("invalid", "other"): "action_required",
        ("invalid", "institution"): "degraded",
        ("invalid", "basiq"): "degraded",
        ("invalid", "rate_limit"): "degraded",
        ("invalid", "config"): "degraded",
    }
    assert basiq().policy("basiq", ()).table == plain | explained
    assert basiq(jobs=False).policy("basiq", ()).table == plain


def test_the_policy_knows_the_same_pause() -> None:
    """The core recognises the pair by the same rule."""
    assert basiq().policy("basiq", ()).pause == PauseRule(kind="web", status="pending", gone="deleted", seconds=360.0)


def test_staleness_is_judged_with_smart_cache_only() -> None:
    """Nothing promises fresh data without Smart Cache; uploaded statements never get any. The operator's word holds."""
    never = {"web": NEVER, "openbanking": NEVER, "csv": NEVER, "pdf": NEVER}
    daily = {"web": 36 * HOUR, "openbanking": 36 * HOUR}
    assert basiq().policy("basiq", ()).stale_after == never
    assert basiq(smart_cache=True).policy("basiq", ()).stale_after == never | daily
    assert basiq(stale_after={"web": "3d"}).policy("basiq", ()).stale_after == never | {"web": 72 * HOUR}


def test_the_other_clocks() -> None:
    """metrics.md, *Policies and their defaults*, and their overrides."""
    policy = basiq().policy("basiq", ())
    assert policy.stuck_after == {"pending": 900.0, "init": 900.0, "pre-init": HOUR}
    assert basiq(stuck_after={"init": "never"}).policy("basiq", ()).stuck_after == {**policy.stuck_after, "init": NEVER}
    assert policy.never_updated_after == {"web": HOUR, "openbanking": HOUR}
    assert policy.not_judged == {"inactive", "expired", "pending"}
    assert policy.inactive_statuses == {"deleted"}
    assert (policy.source, policy.provider, policy.poll_interval) == ("basiq", "basiq", 1800.0)


def test_the_defaults() -> None:
    """contract.md, *Configuration*; decisions.md 7. Smart Cache is off unless the operator says so."""
    source = basiq()
    options = BasiqOptions.model_validate({"api_key": "k", "users": {"file": "/etc/users"}})
    assert (source.base_url, source.company, source.listed) == ("https://au-api.basiq.io", "basiq", ("u-1", "u-2"))
    assert (options.smart_cache, options.events, options.jobs, options.poll_interval) == (False, True, True, 1800.0)
    assert (options.quota.requests_per_minute, options.quota.burst, options.quota.max_in_flight) == (120.0, 5, 4)
    assert Basiq("main", options).listed is None
    assert basiq(company="acme-au").company == "acme-au"
    assert source.sweep_requests([0, 3, 1]) == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"users": "all"}, "Basiq has no call that lists users"),
        ({"users": []}, "at least 1 item"),
        ({"users": ["../u-1"]}, "an id that is not fit for a path"),
        ({"users": None}, "users"),
        ({"api_key": None}, "api_key or api_key_file is needed"),
        ({"api_key_file": "/run/key"}, "both given"),
        ({"stale_after": {"screen": "1h"}}, "screen: not one of web, openbanking, csv, pdf"),
        ({"stuck_after": {"never_updated": "1h"}}, "never_updated: not one of active, pending, init"),
        ({"base_url": "http://au-api.basiq.io"}, "use https"),
        ({"smartcache": True}, "smartcache"),
    ],
)
def test_options_that_are_refused(changed: dict[str, Any], message: str) -> None:
    """What can't work is said before anything starts, and the key isn't."""
    with pytest.raises(ValidationError, match=message) as refused:
        basiq(**changed)
    assert "a2V5" not in str(refused.value)
