"""What there is to say to people about the whole fleet, as values: the page only words it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from connwatch.core.fleet import Fleet
from connwatch.core.policy import InstitutionStatus, Policy
from connwatch.core.ports import Vitals
from connwatch.core.sweep import STATES, Freshness
from connwatch.web.attention import Spot, attention
from connwatch.web.ports import Ports
from connwatch.web.turns import Turns


class SourceSight(NamedTuple):
    """How a source is doing. `vitals` is None while it is being set up; None in the rest is not known yet."""

    policy: Policy
    vitals: Vitals | None
    coverage: float | None
    complete_since: float | None
    targets: Mapping[Freshness, int]


class Survey(NamedTuple):
    """The fleet at an instant."""

    at: float
    sources: Sequence[SourceSight]
    companies: Mapping[tuple[str, str], Counter[str]]
    """(source, company) -> connections by condition; companies that were polled completely, connections or not."""
    needs: Mapping[str, Counter[Spot]]
    statuses: Mapping[str, Sequence[InstitutionStatus]]
    """Source -> what the provider says of institutions with a connection of ours; absent if it has not said anything."""
    names: Mapping[tuple[str, str], str]
    """(source, institution) with a connection of ours -> its name: the provider's own, else one that was seen, else the id."""
    sizes: Mapping[tuple[str, str], int]
    """(source, institution) -> connections."""


async def survey(ports: Ports) -> Survey:
    """Look at the whole fleet, in turns with others."""
    now, fleet, turns = ports.clock.now(), ports.fleet, Turns(ports.clock)
    books = dict(sorted(fleet.books.items()))
    vitals = {one.source: one for one in ports.vitals(now)}
    names, sizes = await _institutions(fleet, turns)
    return Survey(
        at=now,
        sources=[
            SourceSight(
                policy=book.policy,
                vitals=vitals.get(source),
                coverage=book.sweep.coverage(),
                complete_since=book.sweep.complete_since(now),
                targets={state: book.sweep.counts()[state] for state in STATES},
            )
            for source, book in books.items()
        ],
        companies=await _companies(fleet, turns),
        needs=await attention(books, turns),
        statuses={
            source: [one for one in book.facts.statuses if (source, one.institution) in names]
            for source, book in books.items()
            if book.facts.complete_at is not None
        },
        names=names,
        sizes=sizes,
    )


async def _companies(fleet: Fleet, turns: Turns) -> Mapping[tuple[str, str], Counter[str]]:
    companies: dict[tuple[str, str], Counter[str]] = {}
    for (source, _, company, _, _, condition), count in tuple(fleet.groups.get("connections").items()):
        await turns.look()
        companies.setdefault((source, company), Counter())[condition] += count
    return companies


async def _institutions(fleet: Fleet, turns: Turns) -> tuple[Mapping[tuple[str, str], str], Counter[tuple[str, str]]]:
    """Names and sizes of the institutions with a connection of ours."""
    names: dict[tuple[str, str], str] = {}
    sizes: Counter[tuple[str, str]] = Counter()
    for (source, _, institution, name), count in tuple(fleet.groups.get("institution_names").items()):
        await turns.look()
        book = fleet.books.get(source)
        key = source, institution
        names[key] = (book.facts.names.get(institution) if book else "") or name or names.get(key) or institution
        sizes[key] += count
    return names, sizes
