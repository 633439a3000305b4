"""How a client of Moneyhub proves itself, and gets a token that can only read (providers/moneyhub.md section 2)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote_plus

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from msgspec import Meta, Struct

from connwatch.core.model import Failure
from connwatch.core.wire import Conversation, Refused, Request, Token, read

Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]

WIDE: Final = "user:read connection:read"
"""What is asked for. Never a scope that writes."""
NARROW: Final = "user:read"
"""What is asked for where that is more than the client may have: it opens connections too (section 2.3)."""
ASSERTION_LIFE: Final = 300
"""Seconds for which an assertion is good."""
UNTOLD_LIFE: Final = 600.0
"""Seconds for which a token is taken to be good that doesn't say."""
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Proof(NamedTuple):
    """What a request for a token carries to show who asks."""

    headers: Mapping[str, str]
    form: tuple[tuple[str, str], ...]


class Grant(Struct, frozen=True):
    """An answer to a request for a token, which must be fit for a header. Documents differ on how it tells its end."""

    access_token: Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]
    expires_in: float | None = None
    expires_at: float | None = None
    scope: str | None = None

    def life(self, now: float) -> float:
        """Seconds for which the token is good."""
        told = (self.expires_in, None if self.expires_at is None else self.expires_at - now)
        return next((life for life in told if life is not None and life > 0), UNTOLD_LIFE)


_GRANT: Final = msgspec.json.Decoder(Grant)


class Signer(Struct, frozen=True):
    """How assertions are signed: private_key_jwt (section 2.4)."""

    client_id: str
    key_id: str
    algorithm: Algorithm
    audience: str

    def proof(self, key: str, now: float, nonce: str) -> Proof:
        """An assertion by this key: PEM, or a JWK as JSON. `nonce` is used once. Raises Refused (`auth`) if it can't sign."""
        header = {"alg": self.algorithm, "kid": self.key_id}
        parties = {"iss": self.client_id, "sub": self.client_id, "aud": self.audience}
        claims = {**parties, "jti": nonce, "iat": int(now), "exp": int(now) + ASSERTION_LIFE}
        try:
            material = json.loads(key) if key.lstrip().startswith("{") else key
            signing = jwk.import_key(material, "EC" if self.algorithm.startswith("ES") else "RSA")
            assertion = jwt.encode(header, claims, signing, algorithms=[self.algorithm])
        except (JoseError, ValueError, TypeError):
            detail = f"the private key can't sign by {self.algorithm}"
            raise Refused(Failure(outcome="auth", detail=detail)) from None
        form = (
            ("client_id", self.client_id),
            ("client_assertion_type", _ASSERTION_TYPE),
            ("client_assertion", assertion),
        )
        return Proof({}, form)


def by_secret(client_id: str, secret: str) -> Proof:
    """client_secret_basic: each part is form-encoded before they are joined (RFC 6749 section 2.3.1)."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return Proof({"Authorization": f"Basic {b64encode(joined.encode()).decode()}"}, ())


def obtain(prove: Callable[[str], Proof], nonce: str, previous: Token | None, now: float) -> Conversation[Token]:
    """A token for all users. `prove` makes a proof of a nonce, which each request has its own of.

    A client that may not have all scopes is refused them once: after that, the scope of its previous token tells.
    """
    scopes = (NARROW,) if previous is not None and previous.scope == NARROW else (WIDE, NARROW)
    for scope, unique in zip(scopes, (nonce, f"{nonce}-2"), strict=False):
        proof = prove(unique)
        form = (("grant_type", "client_credentials"), ("scope", scope), *proof.form)
        answer = yield Request(
            "token", "/oidc/token", method="POST", form=form, headers=proof.headers, authenticated=False
        )
        if not (isinstance(answer, Failure) and answer.code == "invalid_scope"):
            break
    grant = read(answer, _GRANT)
    return Token(grant.access_token, obtained_at=now, expires_at=now + grant.life(now), scope=grant.scope or scope)
