"""Rows that are asked for at each scrape: how sources are doing, extremes, limits, totals, names. One function for each family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from connwatch.core.condition import CONDITIONS, REPAIRABLE
from connwatch.core.groups import Labels
from connwatch.core.sweep import STATES
from connwatch.core.tally import REPAIR_BOUNDS, SUM
from connwatch.metrics.family import Row, View


def oldest(view: View) -> Iterator[Row]:
    """The oldest data among the connections that are judged."""
    yield from view.fleet.oldest.items()


def next_expiry(view: View) -> Iterator[Row]:
    """The next consent to end."""
    yield from view.fleet.expiring.items()


def vanished(view: View) -> Iterator[Row]:
    """Connections that are held; 0 as soon as any target was polled."""
    held = view.fleet.groups.get("vanished")
    for book in view.fleet.books.values():
        if book.companies:
            yield book.prefix, float(held.get(book.prefix, 0))


def transitions(view: View) -> Iterator[Row]:
    """Changes of condition."""
    yield from _shown(view, "transitions")


def unknown_values(view: View) -> Iterator[Row]:
    """Undocumented values by field."""
    yield from _shown(view, "unknown")


def repairs(view: View) -> Iterator[Row]:
    """How long unhealthy conditions lasted: the count of each bucket, then the sum."""
    for book in view.fleet.books.values():
        shown = book.tally.shown
        for condition in CONDITIONS:
            if condition in REPAIRABLE:
                parts = (*(str(index) for index in range(len(REPAIR_BOUNDS))), SUM)
                yield (
                    (*book.prefix, condition),
                    tuple(shown.get(("repair", (condition, part)), 0.0) for part in parts),
                )


def staleness_limits(view: View) -> Iterator[Row]:
    """The configured limits; a kind that is never stale has none."""
    for book in view.fleet.books.values():
        for kind, limit in book.policy.stale_after.items():
            if isfinite(limit):
                yield (*book.prefix, kind), limit


def institutions(view: View) -> tuple[object, ...]:
    """What the names and the statuses of institutions follow from: which of them have a connection of ours, and what was learned."""
    facts = {source: book.facts for source, book in view.fleet.books.items()}
    return view.changes.get("institution_names", 0), facts


def institution_names(view: View) -> Iterator[Row]:
    """One name for each institution with a connection of ours: the provider's own, else the newest seen, else its id."""
    newest: dict[Labels, str] = {}
    for (source, provider, institution, name), count in view.fleet.groups.get("institution_names").items():
        if count:
            newest[source, provider, institution] = name or newest.get((source, provider, institution), "")
    for (source, provider, institution), name in newest.items():
        book = view.fleet.books.get(source)
        given: Mapping[str, str] = book.facts.names if book else {}
        yield (source, provider, institution, given.get(institution) or name or institution), 1.0


def institution_statuses(view: View) -> Iterator[Row]:
    """What the provider says of institutions that have a connection of ours."""
    ours = {labels[:3] for labels, count in view.fleet.groups.get("institution_names").items() if count}
    for book in view.fleet.books.values():
        for one in book.facts.statuses:
            labels = (*book.prefix, one.institution)
            if labels in ours:
                yield (*labels, one.kind, one.aspect, one.status), 1.0


def companies(view: View) -> Iterator[Row]:
    """Every company with its id: that of the target where each target is a company, else the label that all targets share."""
    for book in view.fleet.books.values():
        for record in book.records.values():
            target = record.state.target
            if not target.name and target.company != target.id:
                yield (*book.prefix, target.company, target.company), 1.0
                break
            yield (*book.prefix, target.company, target.id), 1.0


def targets(view: View) -> Iterator[Row]:
    """Targets by how fresh they are."""
    for book in view.fleet.books.values():
        counts = book.sweep.counts()
        for state in STATES:
            yield (*book.prefix, state), float(counts[state])


def coverage(view: View) -> Iterator[Row]:
    """Share of targets that are fresh. No target is complete coverage once it is known that there is none."""
    found = _discovered(view)
    for book in view.fleet.books.values():
        share = book.sweep.coverage()
        if share is None and book.policy.source in found:
            share = 1.0
        if share is not None:
            yield book.prefix, share


def complete_since(view: View) -> Iterator[Row]:
    """Since when every target was polled at least once; with no target, since it is known that there is none."""
    found = _discovered(view)
    for book in view.fleet.books.values():
        none = book.sweep.coverage() is None
        since = found.get(book.policy.source) if none else book.sweep.complete_since(view.now)
        if since is not None:
            yield book.prefix, since


def up(view: View) -> Iterator[Row]:
    """Whether a source answers; nothing before it was asked."""
    for one in view.vitals:
        if one.up is not None:
            yield (one.source, one.provider), float(one.up)


def lag(view: View) -> Iterator[Row]:
    """How late the most overdue target is."""
    for one in view.vitals:
        if one.lag is not None:
            yield (one.source, one.provider), one.lag


def quota_limit(view: View) -> Iterator[Row]:
    """Requests a minute as configured."""
    for one in view.vitals:
        yield (one.source, one.provider), one.quota_per_minute


def quota_factor(view: View) -> Iterator[Row]:
    """The share of it that is in force."""
    for one in view.vitals:
        yield (one.source, one.provider), one.quota_factor


def poll_interval(view: View) -> Iterator[Row]:
    """Seconds between two polls of a target."""
    for one in view.vitals:
        yield (one.source, one.provider), one.poll_interval


def discovered_at(view: View) -> Iterator[Row]:
    """The last complete discovery."""
    for one in view.vitals:
        if one.discovered_at is not None:
            yield (one.source, one.provider), one.discovered_at


def folded(view: View) -> Iterator[Row]:
    """What the ceiling hides."""
    for name, count in view.folded.items():
        yield (name,), float(count)


def _discovered(view: View) -> Mapping[str, float]:
    return {one.source: one.discovered_at for one in view.vitals if one.discovered_at is not None}


def _shown(view: View, name: str) -> Iterator[Row]:
    for book in view.fleet.books.values():
        for (tally, labels), total in book.tally.shown.items():
            if tally == name:
                yield (*book.prefix, *labels), total
