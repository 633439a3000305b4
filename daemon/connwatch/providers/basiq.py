"""Basiq: Australian and New Zealand banks. A list a user, reasons from jobs, hints from events (providers/basiq.md)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta, Struct
from pydantic import BeforeValidator, Field

from connwatch.core.clocks import HOUR, pauses
from connwatch.core.discovery import Discovery, Found, Own
from connwatch.core.model import NEVER, Connection, Failure, TargetState
from connwatch.core.policy import Facts, Mute, PauseRule, Policy
from connwatch.core.poll import Learned, Listing
from connwatch.core.ports import Hints
from connwatch.core.wire import ID, Allowed, Conversation, Refused, Reply, Request, Token, read, segment
from connwatch.providers import basiq_replies
from connwatch.providers.basiq_connections import (
    CONDITIONS,
    INVALID,
    ITEM,
    METHODS,
    PAGE,
    PENDING,
    REFRESHED,
    Item,
    connection,
)
from connwatch.providers.basiq_connectors import CONNECTORS, facts
from connwatch.providers.basiq_events import EVENTS, told
from connwatch.providers.basiq_jobs import CONDITIONS as EXPLAINED
from connwatch.providers.basiq_jobs import JOBS, due, reasons
from connwatch.providers.basiq_replies import collect, pages
from connwatch.providers.options import (
    Interval,
    ProviderUrl,
    QuotaOptions,
    Secret,
    SourceOptions,
    TargetId,
    UsersFile,
)
from connwatch.providers.recognition import Recognition

SCOPE: Final = "SERVER_ACCESS"
PAUSE: Final = PauseRule(kind="web", status=PENDING, gone="deleted")


class Grant(Struct, frozen=True):
    """An answer to a request for a token, which must be fit for a header and have some life in it."""

    access_token: Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]
    expires_in: Annotated[float, Meta(gt=0)]


_GRANT: Final = msgspec.json.Decoder(Grant)


def _countable(value: object) -> object:
    if value == "all":
        raise ValueError("Basiq has no call that lists users: give their ids, or {file: PATH}")
    return value


class BasiqQuota(QuotaOptions):
    """Basiq publishes no limit for reads (section 5.1): a modest rate by default (decisions.md 7)."""

    requests_per_minute: float = Field(default=120.0, gt=0)
    burst: int = Field(default=5, ge=1)
    max_in_flight: int = Field(default=4, ge=1)


class BasiqOptions(SourceOptions):
    """A Basiq source as configured (contract.md, *Configuration*)."""

    secrets: ClassVar = ("api_key",)
    needed: ClassVar = ("api_key",)
    kinds: ClassVar = METHODS.values
    statuses: ClassVar = tuple(CONDITIONS)

    provider: Literal["basiq"] = "basiq"
    company: str = ""
    base_url: ProviderUrl = "https://au-api.basiq.io"
    api_key: Secret = None
    api_key_file: str = ""
    users: Annotated[
        Annotated[tuple[TargetId, ...], Field(min_length=1)] | UsersFile,
        BeforeValidator(_countable),
    ]
    smart_cache: bool = False
    """Whether Basiq refreshes this application's connections daily: only where the operator has asked it to."""
    events: bool = True
    jobs: bool = True
    poll_interval: Interval = 1800.0
    quota: BasiqQuota = BasiqQuota()


class Basiq:
    """Basiq, bound to the options of one source."""

    Options: ClassVar = BasiqOptions
    name: Final = "basiq"
    allowed: Final = (
        Allowed("token", "/token", "POST"),
        Allowed("ping", "/connectors"),
        Allowed("institutions", "/connectors"),
        Allowed("connections", f"/users/{ID}/connections"),
        Allowed("jobs", f"/users/{ID}/jobs"),
        Allowed("events", "/events"),
    )
    """A user, a single connection, accounts: not here, for they are personal data (section 11)."""

    def __init__(self, source_name: str, options: BasiqOptions) -> None:
        self._options = options
        self.company: Final = options.company or source_name
        self.base_url: Final = options.base_url

    @property
    def listed(self) -> Sequence[str] | None:
        return None if isinstance(self._options.users, UsersFile) else self._options.users

    @property
    def reading(self) -> Hashable:
        return self._options.jobs

    def policy(self, source: str, mutes: tuple[Mute, ...]) -> Policy:
        options = self._options
        explained = {(INVALID, reason): condition for reason, condition in EXPLAINED.items()} if options.jobs else {}
        limit = 36 * HOUR if options.smart_cache else NEVER
        return Policy(
            source=source,
            provider=self.name,
            table={(status, ""): condition for status, condition in CONDITIONS.items()} | explained,
            poll_interval=options.poll_interval,
            discovery_interval=options.discovery_seconds,
            stale_after=dict.fromkeys(METHODS.values, NEVER) | dict.fromkeys(REFRESHED, limit) | options.stale_after,
            never_updated_after=dict.fromkeys(REFRESHED, HOUR) | options.never_updated_after,
            stuck_after={PENDING: HOUR / 4, "init": HOUR / 4, "pre-init": HOUR} | options.stuck_after,
            expiring_within=options.expiring_within,
            not_judged=frozenset({"inactive", "expired", "pending"}),
            inactive_statuses=frozenset({"deleted"}),
            pause=PAUSE,
            unknown_fields=("status", "method", "time", "future_time"),
            mutes=mutes,
        )

    def authorize(self, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token.value}"} if token is not None else {}

    def token(self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None) -> Conversation[Token]:
        """A token for the whole application. The key is sent as Basiq gave it: it is encoded already (section 1)."""
        headers = {"Authorization": f"Basic {secrets['api_key']}", "basiq-version": "3.0"}
        form = (("scope", SCOPE),)
        request = Request("token", "/token", method="POST", form=form, headers=headers, authenticated=False)
        grant = read((yield request), _GRANT)
        return Token(grant.access_token, obtained_at=now, expires_at=now + grant.expires_in, scope=SCOPE)

    def ping(self) -> Conversation[str]:
        read((yield Request("ping", "/connectors", query=(("filter", "connector.id.eq('AU00000')"),))), CONNECTORS)
        return f"the key is accepted; Basiq has no read-only keys: with the scope {SCOPE} it may write too"

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """The users that the configuration names. Nothing is asked: no documented call lists users (section 2)."""
        yield from ()
        if listed is None:
            raise Refused(Failure(outcome="schema", detail="no list of users was given"))
        return Discovery(found=tuple(Found(own(id_)) for id_ in dict.fromkeys(listed)))

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        user = f"/users/{segment(state.target.id)}"
        found = Recognition(state, PAGE, ITEM, self._read)
        yield from pages(Request("connections", f"{user}/connections"), found.page, self.base_url)
        learned: Mapping[str, Learned] = {}
        if self._options.jobs:
            listed = found.seen()
            if _may_ask_jobs(listed, state, now):
                learned = yield from self._explain(Request("jobs", f"{user}/jobs"), listed)
        return found.listing(learned)

    def institutions(self, now: float) -> Conversation[Facts]:
        connectors = yield from collect(Request("institutions", "/connectors"), CONNECTORS, self.base_url)
        return facts(connectors, now)

    def hints(self, cursor: str, now: float) -> Conversation[Hints] | None:
        return self._hints(cursor, now) if self._options.events else None

    def refusal(self, request: Request, reply: Reply, now: float) -> Failure:
        return basiq_replies.refusal(request, reply, now)

    def sweep_requests(self, sizes: Sequence[int]) -> int:
        """One a user. Jobs come on top, for the few users with a connection that is invalid or pending."""
        return len(sizes)

    def _hints(self, cursor: str, now: float) -> Conversation[Hints]:
        """Unfiltered: no documented filter brings the events of connections and of users in one call (section 8.2)."""
        events = yield from collect(Request("events", "/events"), EVENTS, self.base_url)
        return told(events, cursor, now)

    def _explain(self, request: Request, listed: Sequence[Connection]) -> Conversation[Mapping[str, Learned]]:
        """Why connections are invalid. A failure doesn't fail the listing: last known reasons stay (decisions.md 5)."""
        try:
            jobs = yield from collect(request, JOBS, self.base_url)
        except Refused:
            return {}
        known = reasons(jobs, {one.id: one.institution for one in listed})
        return {one.id: Learned(reason=known.get(one.id)) for one in listed if one.status == INVALID}

    def _read(self, item: Item) -> Connection:
        return connection(item, unexplained=None if self._options.jobs else "")


def _may_ask_jobs(listed: Sequence[Connection], state: TargetState, now: float) -> bool:
    """Whether jobs are due for a connection, and none of the user is in its six-minute pause (decisions.md 3)."""
    if not any(due(one.status, state.connections.get(one.id), now) for one in listed):
        return False
    return all(end <= now for end in pauses(listed, PAUSE).values())
