"""What needs somebody's attention: whose connections, at which institution, and where the API lists exactly these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from connwatch.core.book import Book
from connwatch.core.condition import ACTORS
from connwatch.core.model import Actor, Condition, Verdict
from connwatch.core.policy import Policy
from connwatch.providers.options import spelled
from connwatch.web.turns import Turns


class Spot(NamedTuple):
    """Where connections need attention."""

    source: str
    company: str
    institution: str


class Topic(NamedTuple):
    """One kind of need: who acts, what is the matter, which connections it is about, and the API's filters for the same."""

    title: str
    actor: Actor
    matter: str
    concerns: Callable[[Verdict], bool]
    filters: Callable[[Policy], Mapping[str, str]]


def _of(condition: Condition, title: str, matter: str) -> Topic:
    """The need that a condition stands for."""
    return Topic(
        title,
        ACTORS[condition],
        matter,
        lambda verdict: verdict.condition == condition,
        lambda _: {"condition": condition},
    )


TOPICS: Final = (
    _of(
        "action_required",
        "Has to sign in again",
        "A password, a code or an answer is missing. Data has stopped until it is given.",
    ),
    _of("expired", "Has to consent again", "The consent has run out."),
    Topic(
        "Consent ends soon",
        "end user",
        "Renewed in time, no data is missed.",
        lambda verdict: verdict.expiring,
        lambda policy: {"expiring_within": spelled(policy.expiring_within)},
    ),
    _of("degraded", "Institution in trouble", "The provider tries again by itself. There is nothing to do but wait."),
    _of("investigating", "Under investigation", "The aggregator's team is on it."),
    Topic(
        "Healthy, but without new data",
        "us",
        "The status is fine, and yet data has not arrived for longer than it may: ask the provider.",
        lambda verdict: verdict.stale and verdict.condition == "healthy",
        lambda _: {"stale": "true", "condition": "healthy"},
    ),
    _of("unknown", "Not understood", "The provider uses a value that its documents don't list."),
)
"""In the order in which they are worth an effort."""


async def attention(books: Mapping[str, Book], turns: Turns) -> Mapping[str, Counter[Spot]]:
    """By the title of each topic, how many connections it is about at which spots."""
    needs: dict[str, Counter[Spot]] = {topic.title: Counter() for topic in TOPICS}
    for source, book in books.items():
        for record in tuple(book.records.values()):
            await turns.look()
            state = record.state
            for held in state.connections.values():
                await turns.look()
                for topic in TOPICS:
                    if topic.concerns(held.verdict):
                        needs[topic.title][Spot(source, state.target.company, held.seen.institution)] += 1
    return needs
