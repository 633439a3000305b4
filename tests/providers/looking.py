"""One look of a provider at its fixtures: its conversations, run to their ends, and what the daemon keeps of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from connwatch.core.model import Condition, Failure, Held, Target, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Listing, Polled
from connwatch.core.ports import Provider
from connwatch.core.step import step
from connwatch.core.wire import Conversation, Request
from connwatch.providers import PROVIDERS
from tests.providers.conversing import NOW, Answers, Site, fixture, reply, run
from tests.providers.documents import Document
from tests.providers.parts import PARTS

every_provider = pytest.mark.parametrize("name", PROVIDERS)
"""A promise that all keep."""


def provider_of(name: str) -> Provider:
    """A provider with everything switched on."""
    made = PROVIDERS[name]
    return made("main", made.Options(**PARTS[name].options))


def state_of(name: str) -> TargetState:
    """A target that was never polled."""
    return TargetState(target=Target(id=PARTS[name].target, company="acme"), first_seen=NOW, due=NOW)


def conversations(name: str) -> Mapping[str, Conversation[Any]]:
    """All that a provider can say, each from the start."""
    provider, part = provider_of(name), PARTS[name]
    started: Mapping[str, Conversation[Any] | None] = {
        "ping": provider.ping(),
        "token": provider.token(part.secrets, NOW, "nonce-1", None),
        "discover": provider.discover(part.listed, NOW),
        "list": provider.list(state_of(name), NOW),
        "institutions": provider.institutions(NOW),
        "hints": provider.hints("", NOW),
    }
    return {verb: conversation for verb, conversation in started.items() if conversation is not None}


def site(name: str) -> Site:
    """The provider as its fixtures have it."""
    return Site({at: reply(fixture(name, file)) for at, file in PARTS[name].pages.items()})


def serve(name: str, item: Document, reason: str = "") -> Site:
    """A provider that lists this one connection."""
    return Site({at: reply(document) for at, document in PARTS[name].serve(item, reason).items()})


def look(name: str, answers: Answers, state: TargetState | None = None) -> Listing | Failure:
    """One listing, of a target that is in that state."""
    return run(provider_of(name).list(state or state_of(name), NOW), answers)


def after(name: str, listing: Listing | Failure, state: TargetState | None = None) -> TargetState:
    """What the daemon knows of the target after that listing."""
    assert isinstance(listing, Listing), listing
    event = Polled(listing, started_at=NOW)
    return step(state or state_of(name), event, provider_of(name).policy("main", ()), Facts(), NOW).state


def remembered(name: str, listing: Listing | Failure) -> Mapping[str, Held]:
    """The connections as the daemon keeps them after that listing."""
    return after(name, listing).connections


def only(name: str, item: Document, reason: str = "") -> Held:
    """One connection as the daemon keeps it."""
    (one,) = remembered(name, look(name, serve(name, item, reason))).values()
    return one


def documented(name: str) -> Mapping[tuple[str, str], Condition]:
    """The provider's table."""
    return provider_of(name).policy("main", ()).table


def healthy(name: str) -> dict[str, Document]:
    """A connection that works."""
    status, reason = next(row for row, condition in documented(name).items() if condition == "healthy")
    return PARTS[name].item(status, reason)


def allows(provider: Provider, method: str, path: str, endpoint: str | None = None) -> bool:
    """Whether the allow list lets a request pass."""
    return any(
        method == one.method and re.fullmatch(one.path, path) and endpoint in {None, one.endpoint}
        for one in provider.allowed
    )


def asked(name: str) -> list[Request]:
    """Every request of every conversation over the fixtures."""
    answers = site(name)
    for conversation in conversations(name).values():
        run(conversation, answers)
    return answers.requests
