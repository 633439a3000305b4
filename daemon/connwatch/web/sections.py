"""The sections of the page: what was seen, in words. Where nothing is known yet, they say so instead of showing zeros."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from connwatch.core.condition import CONDITIONS
from connwatch.core.model import Actor
from connwatch.core.sweep import Freshness
from connwatch.providers.options import spelled
from connwatch.web.attention import TOPICS, Spot, Topic
from connwatch.web.markup import Markup, element, joined
from connwatch.web.survey import SourceSight, Survey

SPOTS: Final = 5
"""Places that are listed for each need; the rest is behind a link for each source."""
COMPANIES: Final = 100
"""Companies that are listed, those with most to do first."""
_UP: Final[Mapping[bool | None, tuple[str, str]]] = {
    True: ("good", "answers"),
    False: ("bad", "does not answer"),
    None: ("none", "not asked yet"),
}
_FRESHNESS: Final[Mapping[Freshness, str]] = {
    "fresh": "polled in time",
    "late": "late",
    "lost": "lost: what is shown of them is old",
    "new": "not polled yet",
}
_ACTORS: Final[Mapping[Actor, str]] = {
    "end user": "wait",
    "institution": "none",
    "aggregator": "none",
    "us": "bad",
    "nobody": "good",
}
_QUIET: Final = frozenset({"healthy", "pending", "inactive", "muted"})


class Links(NamedTuple):
    """Where the page's links lead: below the external URL, or relative to the page."""

    external_url: str

    def to(self, path: str) -> str:
        """A path of ours."""
        return f"{self.external_url}/{path}" if self.external_url else path

    def listed(self, count: int, **filters: str) -> Markup:
        """A number of connections that leads to the API's list of them; zero leads nowhere."""
        text = f"{count:,}".replace(",", "\u202f")
        if not count:
            return element("span", text, class_="soft")
        return element("a", text, href=self.to(f"api/v1/connections?{urlencode(filters)}"))


def sources(seen: Survey) -> Markup:
    """A card for each source."""
    if not seen.sources:
        return _nothing("No source is at work yet.")
    return element("div", *(_source(one, seen.at) for one in seen.sources), class_="cards")


def needs(seen: Survey, links: Links) -> Markup:
    """Who has to act, and where."""
    if not seen.companies:
        return _nothing("Nothing is known yet: no target was polled completely so far.")
    cards = [_need(topic, seen, links) for topic in TOPICS if seen.needs[topic.title]]
    return element("div", *cards, class_="cards roomy") if cards else _nothing("Nobody has to do anything.")


def institutions(seen: Survey, links: Links) -> Markup:
    """What the providers themselves say of institutions that matter to us."""
    if not seen.statuses:
        return _nothing("No provider has said anything about its institutions yet.")
    rows = [
        (
            seen.names[source, one.institution],
            source,
            one.kind,
            f"{one.aspect}: {one.status}",
            links.listed(seen.sizes[source, one.institution], source=source, institution=one.institution),
        )
        for source, statuses in seen.statuses.items()
        for one in statuses
    ]
    if not rows:
        return _nothing("No institution with a connection of ours is reported to be in trouble.")
    return _card(_table(("Institution", "Source", "Kind", "Reported"), ("Connections",), rows))


def companies(seen: Survey, links: Links) -> Markup:
    """Connections by company and condition."""
    if not seen.companies:
        return _nothing("Nothing is known yet: no target was polled completely so far.")
    shown = [one for one in CONDITIONS if any(counts[one] for counts in seen.companies.values())]
    ranked = sorted(seen.companies.items(), key=_most_to_do)
    rows = [
        (company, source, *(links.listed(counts[one], source=source, company=company, condition=one) for one in shown))
        for (source, company), counts in ranked[:COMPANIES]
    ]
    heads = [one.replace("_", " ") for one in shown] or ["connections"]
    table = _table(("Company", "Source"), heads, rows if shown else [(*row, "0") for row in rows])
    return _card(table, *_rest(len(ranked) - COMPANIES, "companies with less to do"))


def _source(one: SourceSight, now: float) -> Markup:
    mark, word = _UP[one.vitals.up if one.vitals else None]
    title = element(
        "div",
        element("h3", f"{one.policy.source} ", element("small", one.policy.provider)),
        element("span", word, class_=f"mark {mark}"),
        class_="title",
    )
    facts = (element(tag, text) for pair in _facts(one, now) for tag, text in zip(("dt", "dd"), pair, strict=True))
    return element("article", title, element("dl", *facts), class_="card")


def _facts(one: SourceSight, now: float) -> Iterator[tuple[str, str]]:
    """What is known of a source, and a word for what isn't."""
    targets = [f"{count} {_FRESHNESS[state]}" for state, count in one.targets.items() if count]
    discovered = one.vitals is not None and one.vitals.discovered_at is not None
    yield "Targets", ", ".join(targets) or ("none: nobody was discovered" if discovered else "not discovered yet")
    if one.coverage is not None:
        yield "Coverage", f"{one.coverage:.0%}"
    yield "Last complete sweep", "none yet" if one.complete_since is None else f"{_span(now - one.complete_since)} ago"
    if one.vitals is not None:
        if one.vitals.lag is not None:
            yield "Most overdue poll", f"{_span(one.vitals.lag)} late" if one.vitals.lag >= 1 else "none is late"
        factor = one.vitals.quota_factor
        throttled = "" if factor >= 1 else f", throttled to {factor:.0%}"
        yield "Quota", f"{one.vitals.quota_per_minute:g} a minute{throttled}"


def _need(topic: Topic, seen: Survey, links: Links) -> Markup:
    """One card: the places with most connections, each with a link to exactly these."""
    counts = seen.needs[topic.title]
    filters = {one.policy.source: topic.filters(one.policy) for one in seen.sources}

    def row(spot: Spot, count: int) -> Sequence[str]:
        name = seen.names.get((spot.source, spot.institution), spot.institution)
        number = links.listed(count, **spot._asdict(), **filters[spot.source])
        return spot.company, name, spot.source, number

    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    by_source: Counter[str] = Counter()
    for spot, count in ranked:
        by_source[spot.source] += count
    all_of_them = [
        joined(f" {source} ", links.listed(count, source=source, **filters[source]))
        for source, count in sorted(by_source.items())
    ]
    title = element(
        "div",
        element("h3", topic.title, " ", element("small", f"{counts.total()}")),
        element("span", topic.actor, class_=f"mark {_ACTORS[topic.actor]}"),
        class_="title",
    )
    table = _table(
        ("Company", "Institution", "Source"), ("Connections",), [row(spot, count) for spot, count in ranked[:SPOTS]]
    )
    more = _rest(len(ranked) - SPOTS, "places; all of them:", *all_of_them)
    return _card(title, element("p", topic.matter, class_="soft"), table, *more)


def _most_to_do(pair: tuple[tuple[str, str], Counter[str]]) -> tuple[int, tuple[str, str]]:
    key, counts = pair
    return -sum(count for condition, count in counts.items() if condition not in _QUIET), key


def _rest(left: int, what: str, *ways: Markup) -> Sequence[Markup]:
    return [element("p", f"and {left} more {what}", *ways, class_="soft")] if left > 0 else []


def _card(*content: Markup) -> Markup:
    return element("article", *content, class_="card")


def _nothing(why: str) -> Markup:
    return _card(element("p", why, class_="soft"))


def _table(words: Sequence[str], numbers: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose last columns are numbers."""
    classes: list[dict[str, str]] = [{}] * len(words) + [{"class_": "number"}] * len(numbers)

    def cells(tag: str, texts: Sequence[str]) -> Markup:
        return element("tr", *(element(tag, text, **extra) for text, extra in zip(texts, classes, strict=True)))

    head = element("thead", cells("th", (*words, *numbers)))
    table = element("table", head, element("tbody", *(cells("td", row) for row in rows)))
    return element("div", table, class_="scroll")


def _span(seconds: float) -> str:
    """A duration in two units at most."""
    step = next((unit for above, unit in ((86_400, 3600), (3600, 60), (60, 1)) if seconds >= above), 1)
    return spelled(max(0.0, seconds // step * step))
