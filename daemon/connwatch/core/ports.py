"""What the shell must offer and a provider must be able to do, as protocols. The core knows no implementation of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.discovery import Discovery, Found, Own
from connwatch.core.model import Failure, Held, Kept, Moved, Outcome, TargetState, Transition
from connwatch.core.policy import Facts, Mute, Policy
from connwatch.core.poll import Listing
from connwatch.core.quota import Rule
from connwatch.core.wire import Allowed, Conversation, Reply, Request, Token

T = TypeVar("T")
Labels = tuple[str, ...]
Tallies = Mapping[tuple[str, Labels], float]
"""Totals of persisted counters: (name of the tally, label values) -> total."""


class Hints(Struct, frozen=True):
    """What a provider's event feed tells: whom to ask at once, who is new, who is gone. A hint, never the truth."""

    cursor: str
    """Where to go on from: opaque to all but the provider."""
    changed: frozenset[str] = frozenset()
    found: tuple[Found, ...] = ()
    removed: frozenset[str] = frozenset()
    gap: bool = False
    """Events may have been missed: everything has to be looked at."""


class Provider(Protocol):
    """A provider, bound to the options of one source: conversations that build requests and read replies, and tables. No I/O."""

    @property
    def name(self) -> str:
        """`nectar`, `moneyhub`, `basiq`: the label `provider`."""

    @property
    def base_url(self) -> str:
        """What the paths of all requests are below; without a trailing slash."""

    @property
    def allowed(self) -> tuple[Allowed, ...]:
        """Every read that may leave the process. Anything else raises before a socket is opened."""

    @property
    def company(self) -> str:
        """The label `company` of a source that has one company only; empty where companies are discovered."""

    @property
    def listed(self) -> Sequence[str] | None:
        """The targets that the configuration names; None if they are discovered or stand in a file."""

    @property
    def reading(self) -> Hashable:
        """What follows from the options for how connections are read: where it differs, nothing that was read holds."""

    def policy(self, source: str, mutes: tuple[Mute, ...]) -> Policy:
        """What the source is judged by: the provider's defaults, overridden by the options."""

    def authorize(self, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
        """The headers that carry the credential of an authenticated request."""

    def token(
        self, secrets: Mapping[str, str], now: float, nonce: str, previous: Token | None
    ) -> Conversation[Token] | None:
        """How to get a token; None where the key itself is sent. `nonce` is unique; `previous` is the last token, for its scope."""

    def discover(self, listed: Sequence[str] | None, now: float, own: Own = str) -> Conversation[Discovery]:
        """All companies or users. `listed`: those that the configuration names, where it does. Ids are `own`."""

    def list(self, state: TargetState, now: float) -> Conversation[Listing]:
        """All connections of a target, complete, or no value at all. `now` is when the poll starts."""

    def institutions(self, now: float) -> Conversation[Facts] | None:
        """What the provider says of its institutions; None where it says nothing."""

    def hints(self, cursor: str, now: float) -> Conversation[Hints] | None:
        """What happened since; None where there is no feed. An empty cursor is the first look."""

    def ping(self) -> Conversation[str]:
        """One harmless call that ends in a short text on what the credential may do, for `check --live`."""

    def refusal(self, request: Request, reply: Reply, now: float) -> Failure:
        """What a reply other than 2xx means."""

    def sweep_requests(self, sizes: Sequence[int]) -> int:
        """How many requests one look at all targets takes, given how many connections each has."""


class Signal(Protocol):
    """Something that can be waited for: `asyncio.Event`."""

    async def wait(self) -> object:
        """Until it is given."""


class Clock(Protocol):
    """Time. The only one who asks for it is the shell."""

    def now(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back, to measure durations by."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def sleep_until(self, at: float) -> None:
        """Wait until that instant by `now`; at once if it is past."""

    async def wait(self, signal: Signal, until: float) -> None:
        """Wait for the signal, or for that instant by `now`, whichever comes first."""


class Vitals(Struct, frozen=True):
    """How a source is doing at an instant, for the scrape: what isn't counted by connection. None is absent."""

    source: str
    provider: str
    up: bool | None
    lag: float | None
    """Seconds by which the most overdue target is late."""
    quota_per_minute: float
    quota_factor: float
    poll_interval: float
    discovered_at: float | None


class SourceMemory(Struct, frozen=True, gc=False):
    """What is remembered of a source as a whole, over restarts."""

    source: str
    not_before: float = 0.0
    cursor: str = ""
    discovered_at: float | None = None
    facts: Facts = Facts()
    announced: frozenset[str] = frozenset()
    """Targets that the configuration doesn't name, and that an event feed told of."""


class TargetMemory(Struct, frozen=True, gc=False):
    """What one step leaves behind: the target's state, what moved, its history, and totals that it raised."""

    source: str
    state: TargetState
    moved: tuple[Moved, ...] = ()
    transitions: tuple[Transition, ...] = ()
    tallies: Tallies = {}
    at: float = 0.0
    """When the step was made: the time of removals."""
    dropped: bool = False
    """The target is gone for good."""


class Remembered(Struct, frozen=True):
    """What a store holds of sources as a whole, as the daemon starts with it."""

    sources: Mapping[str, SourceMemory] = {}
    tallies: Mapping[str, Tallies] = {}
    """Source -> totals."""


Asleep: TypeAlias = tuple[TargetState, Sequence[Kept]]
"""A target as a store keeps it, and its connections."""
Wake: TypeAlias = Callable[[Iterable[Asleep]], T]
"""What becomes of targets while they are read, where they are read: nobody walks over a million a second time."""


class Stored(Protocol):
    """The targets of a source, as a store keeps them: see `Store.targets`."""

    def __call__(self, wake: Wake[T]) -> AsyncIterator[T]:
        """All of them, once."""


def as_they_are(asleep: Iterable[Asleep]) -> Sequence[TargetState]:
    """Let them sleep."""
    return [as_it_is(state, connections) for state, connections in asleep]


def as_it_is(state: TargetState, connections: Iterable[Kept]) -> TargetState:
    """Let one sleep."""
    held = {
        seen.id: Held(seen, verdict, 0.0, since, status_since, first_seen, 0, missing_since, 0.0, learned_at)
        for seen, verdict, since, status_since, first_seen, missing_since, learned_at in connections
    }
    return replace(state, connections=held)


class Store(Protocol):
    """Where what was learned survives. Nine verbs, nothing generic."""

    async def load(self) -> Remembered:
        """What is remembered of sources as a whole, at start."""

    def targets(self, source: str, wake: Wake[T]) -> AsyncIterator[T]:
        """The targets of a source, all but those that are gone: some at a time, as many as are soon dealt with, in the order of their ids.

        What is committed meanwhile may be among them, or not. `wake` changes nothing, and may be called in another thread.
        """

    async def commit(self, memories: Sequence[TargetMemory | SourceMemory]) -> None:
        """Returns when it is committed, or when the store is down and has taken it into its backlog. Never raises for a fault of the disk."""

    def hurry(self) -> None:
        """Let what is being committed, or is next, be written at once: it must survive a death in the next instant."""

    async def find(self, connection: str, source: str | None = None) -> Sequence[tuple[str, TargetState]]:
        """(source, state of its target with that connection only), for each source that holds the connection."""

    async def history(self, source: str, connection: str) -> Sequence[Transition]:
        """The changes of one connection, oldest first."""

    async def forget(self, *, connection: str = "", target: str = "", source: str | None = None) -> int:
        """Erase a connection or an end user now, with all history. Returns how many connections were erased."""

    async def expire(self, before: float) -> int:
        """Erase what is gone since before that instant. Returns how many connections were erased."""

    async def close(self) -> None:
        """Commit what is outstanding and let go of the file."""


class Recorder(Protocol):
    """Counts what the process does, under the names of the family table."""

    def requested(self, source: str, provider: str, endpoint: str, code: str, seconds: float) -> None:
        """A request ended; `code` is its status, or `none`."""

    def polled(self, source: str, provider: str, outcome: Outcome) -> None:
        """A poll ended."""

    def waited(self, source: str, provider: str, seconds: float) -> None:
        """A request waited for the quota."""

    def token(self, source: str, provider: str, expires_at: float) -> None:
        """A token was obtained."""

    def skewed(self, source: str, provider: str, seconds: float) -> None:
        """The provider's clock differs from ours by that much."""

    def committed(self, seconds: float) -> None:
        """The store committed a batch."""

    def store_up(self, up: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """The store can, or can't, commit."""

    def store_failed(self) -> None:
        """The store failed to commit."""

    def reloaded(self, ok: bool, at: float, digest: str) -> None:  # noqa: FBT001 - the one thing that it says
        """The configuration was read: `digest` is of the plan in force, without secrets."""


class SourcePlan(Struct, frozen=True):
    """One source as configured: its provider bound to its options, its policy, its budget, and how it is reached."""

    name: str
    provider: Provider
    policy: Policy
    quota: Rule
    secrets: Mapping[str, SecretRef]
    request_timeout: float
    users_file: str = ""
    """File with one target id a line; empty if there is none."""
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    proxy: str = ""
    trust_env: bool = False
    digest: str = ""
    """Of everything that configures the source, without secrets: equal digests are not disturbed by a reload."""


class SecretRef(Struct, frozen=True):
    """Where a secret comes from: a value, or a file that is read again when it changes. `repr` never shows it."""

    value: str = ""
    file: str = ""

    def __repr__(self) -> str:
        return f"SecretRef(file={self.file!r})" if self.file else "SecretRef(value=***)"


class StoppingError(Exception):
    """The daemon stops: a request that had not started yet will not be made."""


class Fetch(Protocol):
    """Carries conversations out: the only way to a provider."""

    async def converse(self, conversation: Conversation[T], *, target: str = "") -> T | Failure:
        """Run a conversation to its end. Never raises for what a provider or the network does; raises StoppingError."""
