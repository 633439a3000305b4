"""A fleet as it grows in life: targets come of a discovery, connections of replies that are decoded, and `step` decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from connwatch.core.discovery import Discovery, Found, reconcile
from connwatch.core.fleet import Fleet
from connwatch.core.model import Step, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Listing, Polled
from connwatch.core.ports import Provider
from connwatch.core.step import step
from connwatch.core.tally import Tally
from connwatch.core.wire import Conversation, Reply
from connwatch.providers import PROVIDERS
from tests.bench.pages import NOW, Shelf, company

T = TypeVar("T")
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "nectar": {"api_key": "a key"},
    "moneyhub": {"company": "acme", "client_id": "a client", "client_secret": "a secret"},
    "basiq": {"company": "acme", "api_key": "a key", "users": ["a-user"], "jobs": False},
}
"""As a source is configured that asks one request a target: with Basiq's jobs there would be more of them."""


def provider(name: str) -> Provider:
    """A provider with the options above."""
    made = PROVIDERS[name]
    return made("main", made.Options.model_validate(OPTIONS[name]))


def listing(asked: Provider, state: TargetState, body: bytes, now: float = NOW) -> Listing:
    """What a provider makes of the one reply to its one request."""
    return _answered(asked.list(state, now), body)


def _answered(conversation: Conversation[T], body: bytes) -> T:
    next(conversation)
    try:
        conversation.send(Reply(200, body))
    except StopIteration as end:
        value: T = end.value
        return value
    raise ValueError("one reply was not enough")


class Grown:
    """One source and its fleet, without a network, a store or a clock."""

    def __init__(self, shelf: Shelf, *, polled: bool = True) -> None:
        """All targets of the shelf, discovered; polled once each, if that is wanted."""
        self.shelf: Final = shelf
        self.provider: Final = provider(shelf.provider)
        self.policy: Final = self.provider.policy("main", ())
        self.fleet: Final = Fleet()
        self.book: Final = self.fleet.open(self.policy, Facts(), Tally(self.policy, {}))
        discovery = Discovery(tuple(Found(shelf.target(number), company(number)) for number in range(len(shelf))))
        for state in reconcile({}, discovery, self.policy, NOW, company=self.provider.company).changed:
            self.fleet.apply("main", Step(state))
        for number in range(len(shelf)) if polled else ():
            self.poll(number, shelf.lines(number))

    def state(self, number: int) -> TargetState:
        """What is known of a target."""
        return self.book.records[self.shelf.target(number)].state

    def poll(self, number: int, lines: Sequence[bytes], now: float = NOW) -> Step:
        """A target was asked, and listed these connections."""
        state = self.state(number)
        listed = listing(self.provider, state, self.shelf.page(lines), now)
        made = step(state, Polled(listed, now), self.policy, self.book.facts, now)
        self.fleet.apply("main", made)
        return made

    def change(self, number: int, turn: int, now: float) -> Step:
        """A target was asked, and one of its connections had changed: each turn another one."""
        lines = self.shelf.lines(number)
        spot = (number + turn) % len(lines)
        lines[spot] = self.shelf.changed(lines[spot], now)
        return self.poll(number, lines, now)
