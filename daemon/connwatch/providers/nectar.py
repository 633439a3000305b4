"""Nectar: utility accounts of companies, listed page by page, checked by Nectar once a week (providers/nectar.md)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import ceil
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from msgspec.structs import replace
from pydantic import Field

from connwatch.core import wire
from connwatch.core.discovery import Discovery, Found, Own
from connwatch.core.model import Connection, Failure, Outcome, TargetState
from connwatch.core.policy import Mute, Policy
from connwatch.core.poll import Learned, Listing
from connwatch.core.wire import DAY, ID, Allowed, Conversation, Refused, Reply, Request, Token, read
from connwatch.providers import nectar_replies as replies
from connwatch.providers.nectar_listing import DETAILS_PER_POLL, PAGE_SIZE, details, sweep, undetailed
from connwatch.providers.nectar_replies import KIND, Account, Companies, Company, Item
from connwatch.providers.options import Interval, ProviderUrl, QuotaOptions, Secret, SourceOptions, TargetId

AccountsFrom: TypeAlias = Literal["none", "list", "details"]

_LISTED: Final[Mapping[AccountsFrom, Callable[[Item], tuple[Account, ...] | None]]] = {
    "none": lambda _item: (),
    "list": lambda item: item.accounts,
    "details": lambda _item: None,
}
"""What a listing tells of the accounts of a connection. None: nothing, so that what is known of them stays."""
_NAMELESS: Final[frozenset[Outcome]] = frozenset({"forbidden", "not_found"})


class NectarQuota(QuotaOptions):
    """Nectar sets no limit a minute, and asks for ten requests at once at most (providers/nectar.md section 5)."""

    requests_per_minute: float = Field(default=300.0, gt=0)
    burst: int = Field(default=10, ge=1)
    max_in_flight: int = Field(default=4, ge=1)


class NectarOptions(SourceOptions):
    """A Nectar source as configured (contract.md, *Configuration*)."""

    secrets: ClassVar = ("api_key",)
    needed: ClassVar = ("api_key",)
    kinds: ClassVar = (KIND,)
    statuses: ClassVar = tuple(replies.CONDITIONS)

    provider: Literal["nectar"] = "nectar"
    base_url: ProviderUrl = "https://external.nectarclimate.com/v2.2"
    api_key: Secret = None
    api_key_file: str = ""
    companies: Literal["all"] | Annotated[tuple[TargetId, ...], Field(min_length=1)] = "all"
    accounts: AccountsFrom = "list"
    poll_interval: Interval = 900.0
    quota: NectarQuota = NectarQuota()


class Nectar:
    """Nectar, bound to the options of one source."""

    Options: ClassVar = NectarOptions
    name: Final = "nectar"
    company: Final = ""
    allowed: Final = (
        Allowed("ping", "/ping"),
        Allowed("companies", "/company"),
        Allowed("connections", f"/connection/company/{ID}"),
        Allowed("details", f"/connection/{ID}/details"),
    )
    """`GET /connection/{id}` without `/details` creates a magic link: never here (providers/nectar.md section 8)."""

    def __init__(self, _source: str, options: NectarOptions) -> None:
        self._options = options

    @property
    def base_url(self) -> str:
        return self._options.base_url

    @property
    def listed(self) -> Sequence[str] | None:
        return None if self._options.companies == "all" else self._options.companies

    @property
    def reading(self) -> Hashable:
        return self._options.accounts

    def policy(self, source: str, mutes: tuple[Mute, ...]) -> Policy:
        options = self._options
        return Policy(
            source=source,
            provider=self.name,
            table={(status, ""): condition for status, condition in replies.CONDITIONS.items()},
            poll_interval=options.poll_interval,
            discovery_interval=options.discovery_seconds,
            stale_after={KIND: 8 * DAY, **options.stale_after},
            never_updated_after={KIND: 3 * DAY, **options.never_updated_after},
            stuck_after={"PENDING": 3 * DAY, **options.stuck_after},
            expiring_within=options.expiring_within,
            not_judged=frozenset({"action_required", "inactive"}),
            inactive_statuses=frozenset({"COMPANY_INACTIVE"}),
            account_rows=()
            if options.accounts == "none"
            else tuple(
                (status, tracking) for status in replies.ACCOUNT_STATUSES.values for tracking in replies.TRACKING.values
            ),
            unknown_fields=("status", "account_status", "tracking", "time", "future_time"),
            mutes=mutes,
        )

    def authorize(self, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
        return {"X-API-Key": secrets["api_key"]}

    def token(self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None) -> None:
        return None

    def institutions(self, now: float) -> None:
        return None

    def hints(self, cursor: str, now: float) -> None:
        return None

    def ping(self) -> Conversation[str]:
        wire.expect((yield Request("ping", "/ping")))
        return "the key is accepted; Nectar has no read-only keys, so it may write too"

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """All companies, or those that are configured with their names, if the key may list them."""
        answer = yield Request("companies", "/company")
        if listed is not None and isinstance(answer, Failure) and answer.outcome in _NAMELESS:
            names: Mapping[str, str] = {}
        else:
            names = {company.id: company.name or "" for company in _companies(answer)}
        ids = names if listed is None else dict.fromkeys(listed)
        return Discovery(found=tuple(Found(own(id_), names.get(id_, "")) for id_ in ids))

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        found = yield from sweep(state, self._read)
        detailed = yield from details(
            undetailed(found.listed, state, now) if self._options.accounts == "details" else ()
        )
        return found.listing({id_: _learned(accounts) for id_, accounts in detailed.items()})

    def refusal(self, request: Request, reply: Reply, now: float) -> Failure:
        """By status; the body is free text. A 403 to a ping is about the key, not about what it may see."""
        failure = wire.refusal(reply, now)
        return replace(failure, outcome="auth") if (request.endpoint, reply.status) == ("ping", 403) else failure

    def sweep_requests(self, sizes: Sequence[int]) -> int:
        pages = sum(max(1, ceil(size / PAGE_SIZE)) for size in sizes)
        if self._options.accounts != "details":
            return pages
        share = min(1.0, self._options.poll_interval / DAY)
        return pages + sum(min(DETAILS_PER_POLL, ceil(size * share)) for size in sizes)

    def _read(self, item: Item) -> Connection:
        return replies.connection(item, _LISTED[self._options.accounts](item))


def _learned(accounts: tuple[Account, ...] | None) -> Learned:
    """What the details of a connection tell."""
    if accounts is None:
        return Learned()
    rows, unknown = replies.counted(accounts)
    return Learned(accounts=rows, unknown=unknown)


def _companies(answer: Reply | Failure) -> tuple[Company, ...]:
    listed = read(answer, replies.COMPANIES)
    if not isinstance(listed, Companies):
        return listed
    if listed.has_next:
        raise Refused(Failure(outcome="truncated", detail="a list of companies in pages, which no document describes"))
    return listed.companies
