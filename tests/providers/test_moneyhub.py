"""A Moneyhub source: its options, its policy, its conversations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from connwatch.core.discovery import Discovery, Found
from connwatch.core.model import NEVER, Failure
from connwatch.core.ports import Provider
from connwatch.core.wire import Token
from connwatch.providers.moneyhub import Moneyhub
from tests.providers.conversing import NOW, Script, paths, reply, run
from tests.providers.moneyhub_source import CLIENT, SECRET, moneyhub, options, page, stored

HOUR, DAY = 3600.0, 86_400.0
KEY: dict[str, Any] = {"client_secret": None, "private_key": "pem-4711", "key_id": "k-1"}


def test_it_is_a_provider() -> None:
    """It offers what the daemon asks of every provider."""
    provider: Provider = moneyhub()
    assert provider.name == "moneyhub"
    assert provider.hints("", NOW) is None


def test_the_token_is_sent_with_each_call() -> None:
    """As a bearer."""
    assert moneyhub().authorize({}, Token("eyJ", NOW, NOW + 60)) == {"Authorization": "Bearer eyJ"}


def test_ping_makes_one_harmless_call() -> None:
    """It says how many users the client sees, and nothing of any."""
    script = Script(stored("users-one.json"))
    assert run(moneyhub().ping(), script) == (
        "the client may list its users, 4 of them; no scope that writes was asked for"
    )
    assert paths(script.requests) == ["/users?limit=1"]
    assert (
        run(moneyhub().ping(), Script(page("a"))) == "the client may list its users; no scope that writes was asked for"
    )


def test_configured_users_are_not_asked_for() -> None:
    """All of the list are found, each once, whether or not they have connections; the same for a file."""
    for users in (["u-1", "u-2", "u-1"], {"file": "/etc/connwatch/users"}):
        script = Script()
        found = run(moneyhub(users=users).discover(("u-1", "u-2", "u-1"), NOW), script)
        assert found == Discovery(found=(Found("u-1"), Found("u-2")))
        assert script.requests == []


def test_a_file_that_is_not_there_is_not_all_users() -> None:
    """Who names users doesn't want the others, and a missing list must not look like one without users."""
    script = Script()
    assert isinstance(run(moneyhub(users={"file": "/etc/connwatch/users"}).discover(None, NOW), script), Failure)
    assert script.requests == []


def test_which_users_are_listed() -> None:
    """Those that stand in the configuration itself."""
    assert moneyhub(users=["u-1", "u-2"]).listed == ("u-1", "u-2")
    assert moneyhub(users={"file": "/etc/users"}).listed is None
    assert moneyhub().listed is None


def test_the_defaults() -> None:
    """contract.md, *Configuration*; decisions.md 7."""
    made, source = options(), moneyhub()
    assert (source.base_url, source.company) == ("https://identity.moneyhub.co.uk", "moneyhub")
    assert (made.users, made.poll_interval, made.discovery_seconds) == ("all", 1800.0, 600.0)
    assert (made.quota.requests_per_minute, made.quota.burst, made.quota.max_in_flight) == (250.0, 10, 8)
    assert (made.signing_algorithm, made.signs) == ("RS256", False)
    assert Moneyhub("acme", options(company="Acme Ltd")).company == "Acme Ltd"
    assert moneyhub(identity_url="https://gateway.example.test/mh/").base_url == "https://gateway.example.test/mh"


def test_the_policy() -> None:
    """metrics.md, *Policies and their defaults* and *Settled in detail*."""
    policy = moneyhub().policy("main", ())
    monthly = ("zoopla", "mouseprice", "autotrader")
    assert (policy.source, policy.provider, policy.poll_interval) == ("main", "moneyhub", 1800.0)
    assert policy.stale_after == {"api": DAY, "legacy": 2 * DAY, "test": NEVER} | dict.fromkeys(monthly, 35 * DAY)
    assert policy.never_updated_after == dict.fromkeys(("api", "legacy", *monthly), HOUR)
    assert policy.stuck_after == {"never_updated": HOUR}
    assert policy.settling == {"ok": HOUR}
    assert policy.not_judged == {"inactive", "expired"}
    assert policy.inactive_statuses == {"never"}
    assert policy.pause is None


def test_limits_can_be_overridden() -> None:
    """Only what is named changes."""
    policy = moneyhub(
        stale_after={"api": "12h", "test": "2d", "zoopla": "never"},
        never_updated_after={"legacy": "3h"},
        stuck_after={"never_updated": "never", "error": "7d"},
    ).policy("main", ())
    assert (policy.stale_after["api"], policy.stale_after["test"], policy.stale_after["zoopla"]) == (
        DAY / 2,
        2 * DAY,
        NEVER,
    )
    assert policy.stale_after["legacy"] == 2 * DAY
    assert (policy.never_updated_after["legacy"], policy.never_updated_after["api"]) == (3 * HOUR, HOUR)
    assert policy.stuck_after == {"never_updated": NEVER, "error": 7 * DAY}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/oidc/.well-known/all-connections", True),
        ("/oidc/.well-known/legacy-connections", True),
        ("/oidc/.well-known/payments-connections", False),
        ("/oidc/.well-known/openid-configuration", False),
        ("/oidc/xwell-known/all-connections", False),
        ("/users", True),
        ("/users/u-1", False),
        ("/users/u-1/connections", True),
        ("/users/u-1/connections/c:1", False),
        ("/users/u-1/connections/c:1/syncs", False),
        ("/users/u-1/syncs", False),
        ("/oidc/token", False),
    ],
)
def test_what_may_be_read(path: str, *, allowed: bool) -> None:
    """The lists that are needed, and no other read."""
    reads = [one for one in moneyhub().allowed if one.method == "GET"]
    assert any(re.fullmatch(one.path, path) for one in reads) == allowed


def test_a_sweep_is_one_request_a_user() -> None:
    """However many connections each has."""
    assert moneyhub().sweep_requests([1, 0, 250]) == 3


@pytest.mark.parametrize(
    "given",
    [
        {"client_secret": None, "client_secret_file": "/run/secret"},
        KEY,
        {"client_secret": None, "private_key_file": "/run/key", "key_id": "k-1"},
        {**KEY, "signing_algorithm": "ES512", "token_audience": "https://identity.moneyhub.co.uk/oidc/token"},
        {"client_cert_file": "/run/cert.pem", "client_key_file": "/run/cert.key"},
        {"users": ["u-1"]},
        {"quota": {"burst": 2}},
    ],
)
def test_options_that_make_sense(given: dict[str, Any]) -> None:
    """Each way for a client to prove itself, with and without a certificate."""
    assert options(**given).client_id == CLIENT


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"client_id": None}, "client_id\n  Field required"),
        ({"client_id": ""}, "at least 1 character"),
        ({"client_secret": None}, "client_secret or client_secret_file is needed, or private_key_file with key_id"),
        ({"client_secret": None, "key_id": "k-1"}, "client_secret or client_secret_file is needed"),
        ({"client_secret_file": "/run/secret"}, "client_secret and client_secret_file are both given"),
        ({**KEY, "private_key_file": "/run/key"}, "private_key and private_key_file are both given"),
        ({"private_key_file": "/run/key", "key_id": "k-1"}, "client_secret and private_key are both given"),
        ({**KEY, "client_secret_file": "/run/secret"}, "client_secret and private_key are both given"),
        ({**KEY, "key_id": None}, "key_id is needed with a private key"),
        ({"key_id": "k-1"}, "key_id: of use with a private key only"),
        ({"token_audience": "x", "signing_algorithm": "PS256"}, "signing_algorithm, token_audience: of use with a"),
        ({**KEY, "signing_algorithm": "HS256"}, "Input should be 'RS256', 'RS384'"),
        ({"client_cert_file": "/run/cert.pem"}, "client_cert_file and client_key_file are needed together"),
        ({"client_key_file": "/run/cert.key"}, "client_cert_file and client_key_file are needed together"),
        ({"users": []}, "at least 1 item"),
        ({"users": ["../x"]}, "an id that is not fit for a path"),
        ({"users": "everyone"}, "Input should be 'all'"),
        ({"identity_url": "http://identity.moneyhub.co.uk"}, "use https"),
        ({"stale_after": {"apis": "1h"}}, "apis: not one of api, legacy, test, zoopla, mouseprice, autotrader"),
        ({"stuck_after": {"api": "1h"}}, "api: not one of ok, error, never, never_updated"),
        ({"clientid": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_options_that_are_refused(given: dict[str, Any], message: str) -> None:
    """What can't work is said before anything starts, and no secret with it."""
    with pytest.raises(ValidationError, match=re.escape(message)) as refused:
        options(**given)
    assert "4711" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    """Neither is a key."""
    assert SECRET not in repr(options())
    assert KEY["private_key"] not in repr(options(**KEY))


def test_names_of_users_are_not_kept() -> None:
    """What the customer calls a user stays where it is."""
    found = run(moneyhub().discover(None, NOW), Script(reply({"data": [{"userId": "u-1", "clientUserId": "Jo"}]})))
    assert found == Discovery(found=(Found("u-1", name=""),))
