"""private_key_jwt: what a client assertion must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.simulator.calling import BOTH_SCOPES, NOW

if TYPE_CHECKING:
    from tests.simulator.calling import Caller

KEY = ECKey.generate_key("P-256", {"kid": "one"})
CLIENT = "moneyhub-simulator-client"
GOOD = {
    "iss": CLIENT,
    "sub": CLIENT,
    "aud": "https://identity.moneyhub.co.uk/oidc",
    "jti": "first",
    "iat": int(NOW),
    "exp": int(NOW) + 60,
}


async def log_in(caller: Caller, claims: dict[str, Any], key: ECKey = KEY) -> tuple[int, Any]:
    """Ask for a token with an assertion of these claims."""
    assertion = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, algorithms=["ES256"]),
    }
    return await caller.post("/moneyhub/oidc/token", data=BOTH_SCOPES | assertion)


@pytest.fixture(autouse=True)
def registered(caller: Caller) -> None:
    """Let the simulator know the public key."""
    caller.simulator.register_moneyhub_key(KEY.as_dict(private=False))


@pytest.mark.parametrize("form", ["real issuer", "own issuer", "token endpoint", "both"])
async def test_all_documented_audiences_are_accepted(caller: Caller, form: str) -> None:
    """The issuer, the token endpoint, or a list with both."""
    issuer = str(caller.client.make_url("/moneyhub/oidc"))
    audience: dict[str, object] = {
        "real issuer": GOOD["aud"],
        "own issuer": issuer,
        "token endpoint": f"{issuer}/token",
        "both": [issuer, f"{issuer}/token"],
    }

    assert (await log_in(caller, GOOD | {"aud": audience[form]}))[0] == 200


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"aud": "https://elsewhere.example.test"}, "aud"),
        ({"sub": "somebody"}, "client id"),
        ({"exp": int(NOW) - 60}, "expired"),
        ({"iat": int(NOW) + 600, "exp": int(NOW) + 700}, "future"),
        ({"exp": int(NOW) + 7200}, "too long"),
        ({"exp": NOW + 60.5}, "claims"),
        ({"jti": None}, "claims"),
    ],
)
async def test_wrong_claims_are_refused(caller: Caller, wrong: dict[str, object], complaint: str) -> None:
    """Each claim is checked, and the complaint names it."""
    status, body = await log_in(caller, GOOD | wrong)

    assert (status, body["error"]) == (401, "invalid_client")
    assert complaint in body["error_description"]


async def test_an_assertion_is_accepted_once(caller: Caller) -> None:
    """The same jti is not accepted again."""
    assert (await log_in(caller, GOOD))[0] == 200
    assert (await log_in(caller, GOOD))[0] == 401
    assert (await log_in(caller, GOOD | {"jti": "second"}))[0] == 200


async def test_another_key_is_refused(caller: Caller) -> None:
    """Only registered keys sign."""
    assert (await log_in(caller, GOOD, ECKey.generate_key("P-256", {"kid": "one"})))[0] == 401
