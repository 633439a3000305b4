"""Between the core's values and rows: pure, and by position, in the order of the columns in `schema`.

What a restart finds out anew isn't stored: fingerprints, the end of a pause, all of a verdict but its condition and the
rule behind it, the providers' word on their institutions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from connwatch.core.model import Accounts, Held, Target, TargetState, Transition
from connwatch.core.policy import Facts
from connwatch.core.ports import SourceMemory, Tallies

Row: TypeAlias = tuple[Any, ...]

_text: Final = msgspec.json.Encoder(order="sorted")
_words: Final = msgspec.json.Decoder(tuple[str, ...])
_pairs: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...])
_names: Final = msgspec.json.Decoder(dict[str, str])


def target_row(source: str, state: TargetState, gone_at: float | None) -> Row:
    """A target without its connections."""
    target = state.target
    return (
        source,
        target.id,
        target.company,
        target.name,
        state.first_seen,
        state.due,
        state.polled_at,
        state.changed_at,
        state.failures,
        state.outcome,
        state.absent_since,
        state.gone,
        gone_at,
    )


def target_state(row: Row) -> TargetState:
    """A target without its connections."""
    _, id_, company, name, first_seen, due, polled_at, changed_at, failures, outcome, absent_since, gone, _ = row
    return TargetState(
        target=Target(id_, company, name),
        first_seen=first_seen,
        due=due,
        polled_at=polled_at,
        changed_at=changed_at,
        failures=failures,
        outcome=outcome,
        absent_since=absent_since,
        gone=bool(gone),
    )


def connection_row(source: str, target: str, held: Held, gone_at: float | None) -> Row:
    """A connection of a target."""
    seen, verdict = held.seen, held.verdict
    said = seen.words
    return (
        source,
        target,
        seen.id,
        said.institution,
        said.institution_name,
        said.kind,
        said.status,
        said.reason,
        seen.created_at,
        seen.status_since,
        seen.checked_at,
        seen.data_at,
        seen.expires_at,
        said.renewal,
        _json(said.traits) if said.traits else None,
        None if seen.accounts is None else _accounts(seen.accounts),
        _json(said.unknown) if said.unknown else None,
        verdict.condition,
        verdict.rule,
        held.since,
        held.status_since,
        held.first_seen,
        held.missing_since,
        held.learned_at,
        gone_at,
    )


def transition_row(source: str, target: str, change: Transition) -> Row:
    """A line of a connection's history."""
    return (
        source,
        target,
        change.connection,
        change.at,
        change.before,
        change.after,
        change.status,
        change.reason,
        change.lasted,
    )


def transition(row: Row) -> Transition:
    """A line of a connection's history."""
    _, _, connection, at, before, after, status, reason, lasted = row
    return Transition(connection, at, before, after, status, reason, lasted)


def source_row(memory: SourceMemory) -> Row:
    """A source as a whole. What its provider said of institutions is asked for anew, but for the names and who must attend."""
    facts = memory.facts
    return (
        memory.source,
        memory.not_before,
        memory.cursor,
        memory.discovered_at,
        _json(facts.names),
        _json(sorted(facts.attended)),
        announced_text(memory.announced),
    )


def source_memory(row: Row) -> SourceMemory:
    """A source as a whole."""
    source, not_before, cursor, discovered_at, names, attended, announced = row
    return SourceMemory(
        source=source,
        not_before=not_before,
        cursor=cursor,
        discovered_at=discovered_at,
        facts=Facts(names=_names.decode(names), attended=frozenset(_pairs.decode(attended))),
        announced=announced_ids(announced),
    )


def announced_text(ids: Iterable[str]) -> str:
    """The column `announced` of a source."""
    return _json(sorted(ids))


def announced_ids(text: str) -> frozenset[str]:
    """The ids in the column `announced` of a source."""
    return frozenset(_words.decode(text))


def tally_rows(source: str, tallies: Tallies) -> Iterator[Row]:
    """Totals of a source's counters."""
    for (name, labels), total in tallies.items():
        yield source, name, _labels(labels), total


def tallies(rows: Iterable[Row]) -> dict[str, Tallies]:
    """Source -> its totals."""
    totals: dict[str, dict[tuple[str, tuple[str, ...]], float]] = {}
    for source, name, labels, total in rows:
        totals.setdefault(source, {})[name, _words.decode(labels)] = total
    return dict(totals)


@lru_cache
def _accounts(counted: tuple[Accounts, ...]) -> str:
    return _json(counted)


@lru_cache
def _labels(labels: tuple[str, ...]) -> str:
    return _json(labels)


def _json(value: object) -> str:
    return _text.encode(value).decode()
