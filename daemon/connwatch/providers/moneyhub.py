"""Moneyhub: UK banks, pensions and property values, one list a user (providers/moneyhub.md)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator

from connwatch.core.clocks import HOUR
from connwatch.core.discovery import Discovery, Found, Own
from connwatch.core.model import NEVER, Failure, TargetState
from connwatch.core.policy import Facts, Mute, Policy
from connwatch.core.poll import Listing
from connwatch.core.wire import DAY, ID, Allowed, Conversation, Refused, Reply, Request, Token, read
from connwatch.providers import moneyhub_connections as connections
from connwatch.providers import moneyhub_institutions as institutions
from connwatch.providers import moneyhub_replies as replies
from connwatch.providers import moneyhub_users as users
from connwatch.providers.moneyhub_token import Algorithm, Proof, Signer, by_secret, obtain
from connwatch.providers.options import (
    Interval,
    ProviderUrl,
    QuotaOptions,
    Secret,
    SourceOptions,
    TargetId,
    UsersFile,
)

NEVER_UPDATED: Final = "never_updated"
"""Stands among the statuses for a connection without `lastUpdated`."""
_JUDGED: Final[Mapping[str, float]] = {
    "api": DAY,
    "legacy": 2 * DAY,
    **dict.fromkeys(("zoopla", "mouseprice", "autotrader"), 35 * DAY),
}
_SIGNING: Final = frozenset({"key_id", "token_audience", "signing_algorithm"})


class MoneyhubQuota(QuotaOptions):
    """A quarter of the limit per client, which is shared with what the client is for (section 5.1, decisions.md 7)."""

    requests_per_minute: float = Field(default=250.0, gt=0)
    burst: int = Field(default=10, ge=1)
    max_in_flight: int = Field(default=8, ge=1)


class MoneyhubOptions(SourceOptions):
    """A Moneyhub source as configured (contract.md, *Configuration*; decisions.md 10)."""

    secrets: ClassVar = ("client_secret", "private_key")
    kinds: ClassVar = connections.KINDS.values
    statuses: ClassVar = (*connections.STATUSES.values, NEVER_UPDATED)

    provider: Literal["moneyhub"] = "moneyhub"
    company: str = ""
    identity_url: ProviderUrl = "https://identity.moneyhub.co.uk"
    client_id: str = Field(min_length=1)
    client_secret: Secret = None
    client_secret_file: str = ""
    private_key: Secret = None
    """PEM, or a JWK as JSON."""
    private_key_file: str = ""
    key_id: str = ""
    """The `kid` of the public key as it is registered with Moneyhub."""
    token_audience: str = ""
    """Whom a signed assertion is meant for. Default: the issuer."""
    signing_algorithm: Algorithm = "RS256"
    client_cert_file: str = ""
    client_key_file: str = ""
    users: Literal["all"] | Annotated[tuple[TargetId, ...], Field(min_length=1)] | UsersFile = "all"
    poll_interval: Interval = 1800.0
    quota: MoneyhubQuota = MoneyhubQuota()

    @property
    def signs(self) -> bool:
        """Whether the client proves itself by a signature (private_key_jwt), and not by a secret."""
        return self.private_key is not None or bool(self.private_key_file)

    @model_validator(mode="after")
    def _one_proof(self) -> MoneyhubOptions:
        shares = self.client_secret is not None or bool(self.client_secret_file)
        if shares and self.signs:
            raise ValueError("client_secret and private_key are both given: a client proves itself by one of them")
        if not shares and not self.signs:
            raise ValueError("client_secret or client_secret_file is needed, or private_key_file with key_id")
        if self.signs and not self.key_id:
            raise ValueError("key_id is needed with a private key")
        if shares and (idle := _SIGNING & self.model_fields_set):
            raise ValueError(f"{', '.join(sorted(idle))}: of use with a private key only")
        return self

    @model_validator(mode="after")
    def _whole_certificate(self) -> MoneyhubOptions:
        if bool(self.client_cert_file) != bool(self.client_key_file):
            raise ValueError("client_cert_file and client_key_file are needed together")
        return self


class Moneyhub:
    """Moneyhub, bound to the options of one source."""

    Options: ClassVar = MoneyhubOptions
    name: Final = "moneyhub"
    allowed: Final = (
        Allowed("token", "/oidc/token", "POST"),
        Allowed("ping", "/users"),
        Allowed("users", "/users"),
        Allowed("connections", f"/users/{ID}/connections"),
        Allowed("institutions", rf"/oidc/\.well-known/(?:all|{'|'.join(connections.KINDS.values)})-connections"),
    )
    """No sync, which would be a refresh, and nothing of a single user or connection (section 9)."""

    def __init__(self, source_name: str, options: MoneyhubOptions) -> None:
        self._options = options
        self.company: Final = options.company or source_name
        self.base_url: Final = options.identity_url
        self._signer = Signer(
            client_id=options.client_id,
            key_id=options.key_id,
            algorithm=options.signing_algorithm,
            audience=options.token_audience or f"{options.identity_url}/oidc",
        )

    @property
    def listed(self) -> Sequence[str] | None:
        return self._options.users if isinstance(self._options.users, tuple) else None

    @property
    def reading(self) -> Hashable:
        return ()

    def policy(self, source: str, mutes: tuple[Mute, ...]) -> Policy:
        options = self._options
        return Policy(
            source=source,
            provider=self.name,
            table=connections.CONDITIONS,
            poll_interval=options.poll_interval,
            discovery_interval=options.discovery_seconds,
            stale_after={"test": NEVER, **_JUDGED, **options.stale_after},
            never_updated_after=dict.fromkeys(_JUDGED, HOUR) | options.never_updated_after,
            stuck_after={NEVER_UPDATED: HOUR, **options.stuck_after},
            expiring_within=options.expiring_within,
            not_judged=frozenset({"inactive", "expired"}),
            settling={"ok": HOUR},
            inactive_statuses=frozenset({"never"}),
            unknown_fields=("status", "error", "type", "extended_status", "time", "future_time"),
            mutes=mutes,
        )

    def authorize(self, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token.value}"} if token is not None else {}

    def token(self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None) -> Conversation[Token]:
        return obtain(partial(self._prove, secrets, now), nonce, previous, now)

    def ping(self) -> Conversation[str]:
        page = read((yield Request("ping", "/users", query=(("limit", "1"),))), users.PAGE)
        seen = "" if page.total is None else f", {page.total} of them"
        return f"the client may list its users{seen}; no scope that writes was asked for"

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """The users that the configuration names, without a call, or all that the client has."""
        if listed is not None:
            return Discovery(found=tuple(Found(own(id_)) for id_ in dict.fromkeys(listed)))
        if self._options.users != "all":
            raise Refused(Failure(outcome="schema", detail="no list of users was given"))
        return Discovery(found=(yield from users.sweep(own)))

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        found = yield from connections.sweep(state)
        return found.listing()

    def institutions(self, now: float) -> Conversation[Facts]:
        entries = yield from institutions.sweep()
        return institutions.facts(entries, now)

    def hints(self, cursor: str, now: float) -> None:
        return None

    def refusal(self, request: Request, reply: Reply, now: float) -> Failure:
        return replies.refusal(request, reply, now)

    def sweep_requests(self, sizes: Sequence[int]) -> int:
        """One a user. Users without connections are no targets (decisions.md 4)."""
        return len(sizes)

    def _prove(self, secrets: Mapping[str, str], now: float, nonce: str) -> Proof:
        if self._options.signs:
            return self._signer.proof(secrets["private_key"], now, nonce)
        return by_secret(self._options.client_id, secrets["client_secret"])
