"""The signed client assertion of private_key_jwt (providers/moneyhub.md section 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import JoseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

ALGORITHMS = [f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)]
SKEW = 10.0
LONGEST = 3600.0


class Claims(msgspec.Struct, frozen=True):
    """What an assertion must say."""

    iss: str
    sub: str
    aud: str | list[str]
    jti: str
    iat: int
    exp: int


class Assertions:
    """The assertions of one client: each is accepted once."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}

    def complaint(
        self, assertion: str, keys: Sequence[dict[str, Any]], client_id: str, audiences: AbstractSet[str], now: float
    ) -> str:
        """Say what is wrong with an assertion, or nothing if it proves the client."""
        verified = _verified(assertion, keys)
        if verified is None:
            return "the signature does not verify with a registered key"
        try:
            claims = msgspec.convert(verified, Claims)
        except msgspec.ValidationError as problem:
            return f"claims: {problem}"
        self._spent = {jti: until for jti, until in self._spent.items() if until > now - SKEW}
        checks = (
            ({claims.iss, claims.sub} == {client_id}, "iss and sub must be the client id"),
            (audiences & {*([claims.aud] if isinstance(claims.aud, str) else claims.aud)}, "aud is not this server"),
            (claims.exp > now - SKEW, "the assertion has expired"),
            (claims.iat < now + SKEW, "the assertion was issued in the future"),
            (claims.exp - claims.iat <= LONGEST, "the assertion is valid for too long"),
            (claims.jti and claims.jti not in self._spent, "jti was used before"),
        )
        complaint = next((complaint for holds, complaint in checks if not holds), "")
        if not complaint:
            self._spent[claims.jti] = float(claims.exp)
        return complaint


def _verified(assertion: str, keys: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    for key in keys:
        try:
            return dict(jwt.decode(assertion, jwk.import_key(key), algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError):
            continue
    return None
