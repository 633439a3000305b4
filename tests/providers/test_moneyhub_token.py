"""How a client proves itself to Moneyhub, and what it is given."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any, Literal

import pytest
from joserfc import jwk, jwt
from joserfc.jwk import ECKey, RSAKey

from connwatch.core.model import Failure
from connwatch.core.wire import Reply, Request, Token
from connwatch.providers.moneyhub import Moneyhub
from tests.providers.conversing import NOW, Script, reply, run
from tests.providers.moneyhub_source import CLIENT, SECRET, moneyhub, stored

BOTH = "user:read connection:read"
RSA = RSAKey.generate_key(2048, private=True)
CURVES: dict[str, Literal["P-256", "P-384", "P-521"]] = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def ask(source: Moneyhub, script: Script, previous: Token | None = None, **secrets: str) -> Token | Failure:
    """What a request for a token ends in."""
    conversation = source.token(secrets or {"client_secret": SECRET}, NOW, "nonce-1", previous)
    return run(conversation, script, refusal=source.refusal)


def signing(**given: Any) -> Moneyhub:
    """A source that signs."""
    return moneyhub(client_secret=None, private_key_file="/run/key.pem", key_id="k-1", **given)


def verified(request: Request, key: jwk.Key, algorithm: str) -> jwt.Token:
    """The assertion of a request, its signature verified by the public half of the key."""
    public = jwk.import_key(key.as_dict(private=False))
    return jwt.decode(dict(request.form)["client_assertion"], public, algorithms=[algorithm])


def test_the_token_call() -> None:
    """client_secret_basic, and no scope but for reading (section 2)."""
    script = Script(stored("token.json"))
    token = ask(moneyhub(), script)
    assert isinstance(token, Token)
    assert (token.obtained_at, token.expires_at, token.scope) == (NOW, NOW + 7200, BOTH)
    (request,) = script.requests
    assert (request.endpoint, request.method, request.path) == ("token", "POST", "/oidc/token")
    assert request.form == (("grant_type", "client_credentials"), ("scope", BOTH))
    assert not request.authenticated
    scheme, _, encoded = request.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(encoded).decode()) == ("Basic", f"{CLIENT}:{SECRET}")


def test_each_part_is_form_encoded() -> None:
    """A colon in the id, or what is special in a form, would be taken for something else (RFC 6749 section 2.3.1)."""
    script = Script(stored("token.json"))
    ask(moneyhub(client_id="a:b c"), script, client_secret="s%+/=:é")
    encoded = script.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert b64decode(encoded).decode() == "a%3Ab+c:s%25%2B%2F%3D%3A%C3%A9"


@pytest.mark.parametrize(
    ("told", "life"),
    [
        ({"expires_in": 7200}, 7200),
        ({"expires_in": 90.5, "expires_at": NOW + 7200}, 90.5),
        ({"expires_at": NOW + 900}, 900),
        ({}, 600),
        ({"expires_in": None, "expires_at": None}, 600),
        ({"expires_in": 0, "expires_at": NOW + 900}, 900),
        ({"expires_in": -1, "expires_at": NOW - 1}, 600),
    ],
)
def test_the_life_of_a_token(told: dict[str, float], life: float) -> None:
    """As the reply tells it, in either form; ten minutes where it doesn't (section 2.5)."""
    token = ask(moneyhub(), Script(reply({"access_token": "eyJ", **told})))
    assert isinstance(token, Token)
    assert (token.expires_at, token.scope) == (NOW + life, BOTH)


@pytest.mark.parametrize("value", ["", "eyJ\r\nX-Evil: 1", "eyJ\n", "ey J", "ëyJ", None, 3])
def test_a_token_that_is_none(value: Any) -> None:
    """What is no token, or would make another header, is not taken for one."""
    failure = ask(moneyhub(), Script(reply({"access_token": value, "expires_in": 7200})))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


def test_the_narrow_scope_is_tried_once_and_remembered() -> None:
    """A client without connection:read gets by on user:read, and isn't refused again at each renewal."""
    script = Script(stored("invalid-scope.json", 400), stored("token-expires-at.json"))
    token = ask(moneyhub(), script)
    assert isinstance(token, Token)
    assert (token.scope, token.expires_at) == ("user:read", NOW + 7200)
    assert [dict(one.form)["scope"] for one in script.requests] == [BOTH, "user:read"]

    renewal = Script(stored("token-expires-at.json"))
    assert ask(moneyhub(), renewal, previous=token) == token
    assert dict(renewal.requests[0].form)["scope"] == "user:read"


def test_the_scope_that_was_granted_is_kept() -> None:
    """A server may grant less than was asked for."""
    token = ask(moneyhub(), Script(reply({"access_token": "eyJ", "expires_in": 60, "scope": "user:read"})))
    assert isinstance(token, Token)
    assert token.scope == "user:read"


@pytest.mark.parametrize("previous", [None, Token("old", 0.0, 1.0, scope="connection:read user:read")])
def test_a_wide_scope_is_asked_for_otherwise(previous: Token | None) -> None:
    """In whatever order the last one was told."""
    script = Script(stored("token.json"))
    ask(moneyhub(), script, previous=previous)
    assert dict(script.requests[0].form)["scope"] == BOTH


def test_a_client_without_any_scope() -> None:
    """It is refused twice and no more: the credential is no good."""
    refused = stored("invalid-scope.json", 400)
    script = Script(refused, refused)
    failure = ask(moneyhub(), script)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.status, failure.code) == ("auth", 400, "invalid_scope")
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (stored("invalid-client.json", 401), "auth", "invalid_client"),
        (stored("invalid-client.json", 400), "auth", "invalid_client"),
        (reply({"error": "invalid_request"}, status=400), "auth", "invalid_request"),
        (reply(b"<html>", status=403), "auth", ""),
        (reply({}, status=404), "auth", ""),
        (reply({}, status=429), "throttled", ""),
        (reply({"error": "server_error"}, status=500), "server", "server_error"),
        (Failure(outcome="timeout"), "timeout", ""),
    ],
)
def test_a_token_that_is_refused(answer: Reply | Failure, outcome: str, code: str) -> None:
    """Our credential is at fault where the client is refused, and not where the server is in trouble."""
    script = Script(answer)
    failure = ask(moneyhub(), script)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code, failure.renew) == (outcome, code, False)
    assert "someone" not in repr(failure)


@pytest.mark.parametrize("algorithm", [f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)])
def test_the_client_assertion(algorithm: str) -> None:
    """private_key_jwt, by any of the nine algorithms: verified with the public key, it says what is documented (2.4)."""
    key: RSAKey | ECKey = ECKey.generate_key(CURVES[algorithm], private=True) if algorithm in CURVES else RSA
    script = Script(stored("token.json"))
    pem = key.as_pem(private=True).decode()
    assert isinstance(ask(signing(signing_algorithm=algorithm), script, private_key=pem), Token)
    (request,) = script.requests
    form = dict(request.form)
    assertion = verified(request, key, algorithm)
    assert assertion.header == {"typ": "JWT", "alg": algorithm, "kid": "k-1"}
    assert assertion.claims == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": "https://identity.moneyhub.co.uk/oidc",
        "jti": "nonce-1",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
    }
    assert form.pop("client_assertion")
    assert form == {
        "grant_type": "client_credentials",
        "scope": BOTH,
        "client_id": CLIENT,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert request.headers == {}


def test_the_audience() -> None:
    """The issuer by default, wherever the source is; or what the operator says."""
    for given, audience in (
        ({"identity_url": "https://gateway.example.test/mh/"}, "https://gateway.example.test/mh/oidc"),
        (
            {"token_audience": "https://identity.moneyhub.co.uk/oidc/token"},
            "https://identity.moneyhub.co.uk/oidc/token",
        ),
    ):
        script = Script(stored("token.json"))
        ask(signing(**given), script, private_key=RSA.as_pem(private=True).decode())
        assert verified(script.requests[0], RSA, "RS256").claims["aud"] == audience


def test_a_second_request_has_an_assertion_of_its_own() -> None:
    """A server takes each `jti` once, also where it refused the scope."""
    script = Script(stored("invalid-scope.json", 400), stored("token-expires-at.json"))
    ask(signing(), script, private_key=RSA.as_pem(private=True).decode())
    assert len({verified(one, RSA, "RS256").claims["jti"] for one in script.requests}) == 2


def test_a_key_may_be_a_jwk() -> None:
    """Moneyhub's own tools make one."""
    script = Script(stored("token.json"))
    ask(signing(), script, private_key="\n" + json.dumps(RSA.as_dict(private=True)))
    assert verified(script.requests[0], RSA, "RS256").claims["iss"] == CLIENT


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        ("", "RS256"),
        ("no key at all", "RS256"),
        ('{"kty": "RSA"}', "RS256"),
        ('{"keys": ', "RS256"),
        (RSA.as_pem(private=True).decode(), "ES256"),
        (RSA.as_pem(private=False).decode(), "RS256"),
        (RSA.as_pem(private=True, password="locked").decode(), "RS256"),
        (ECKey.generate_key("P-256", private=True).as_pem(private=True).decode(), "PS256"),
        (ECKey.generate_key("P-256", private=True).as_pem(private=True).decode(), "ES384"),
    ],
)
def test_a_key_that_cannot_sign(key: str, algorithm: str) -> None:
    """No token can be had: nothing is asked, and nothing of the key is told."""
    script = Script()
    failure = ask(signing(signing_algorithm=algorithm), script, private_key=key)
    assert failure == Failure(outcome="auth", detail=f"the private key can't sign by {algorithm}")
    assert script.requests == []
