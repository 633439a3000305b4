"""Between the core's values and rows: pure, and by position, in the order of the columns in `schema`.

What a restart finds out anew isn't stored: fingerprints, the end of a pause, all of a verdict but its condition and the
rule behind it, the providers' word on their institutions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from connwatch.core.model import Accounts, Connection, Held, Target, TargetState, Trait, Transition, Verdict
from connwatch.core.policy import Facts
from connwatch.core.ports import SourceMemory, Tallies

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

_text: Final = msgspec.json.Encoder(order="sorted")
_traits: Final = msgspec.json.Decoder(tuple[Trait, ...])
_words: Final = msgspec.json.Decoder(tuple[str, ...])
_accounts: Final = msgspec.json.Decoder(tuple[Accounts, ...])
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


def target_state(row: Row, connections: Mapping[str, Held]) -> TargetState:
    """A target with these connections."""
    _, id_, company, name, first_seen, due, polled_at, changed_at, failures, outcome, absent_since, gone, _ = row
    return TargetState(
        target=Target(id_, company, name),
        first_seen=first_seen,
        due=due,
        connections=connections,
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
    return (
        source,
        target,
        seen.id,
        seen.institution,
        seen.institution_name,
        seen.kind,
        seen.status,
        seen.reason,
        seen.created_at,
        seen.status_since,
        seen.checked_at,
        seen.data_at,
        seen.expires_at,
        seen.renewal,
        _json(seen.traits) if seen.traits else None,
        None if seen.accounts is None else _json(seen.accounts),
        _json(seen.unknown) if seen.unknown else None,
        verdict.condition,
        verdict.rule,
        held.since,
        held.status_since,
        held.first_seen,
        held.missing_since,
        held.learned_at,
        gone_at,
    )


def held_connections(rows: Iterable[Row]) -> Iterator[tuple[str, str, Held]]:
    """(source, target, connection) for each row. What is equal is shared as far as it is cheap: rows are many, words are few."""
    words: dict[Any, Any] = {}
    share: Callable[[Any, Any], Any] = words.setdefault
    verdicts: dict[tuple[str, str], Verdict] = {}
    lists: dict[tuple[object, str], Any] = {}

    def listed(decoder: msgspec.json.Decoder[T], text: str) -> T:
        key = decoder, text
        if key not in lists:
            lists[key] = decoder.decode(text)
        value: T = lists[key]
        return value

    for (
        source,
        target,
        id_,
        institution,
        institution_name,
        kind,
        status,
        reason,
        created_at,
        seen_status_since,
        checked_at,
        data_at,
        expires_at,
        renewal,
        traits,
        accounts,
        unknown,
        condition,
        rule,
        since,
        status_since,
        first_seen,
        missing_since,
        learned_at,
        _,
    ) in rows:
        verdict = verdicts.get((condition, rule))
        if verdict is None:
            verdict = verdicts[condition, rule] = Verdict(condition, rule)
        seen = Connection(
            id_,
            share(institution, institution),
            share(kind, kind),
            share(status, status),
            share(reason, reason),
            share(institution_name, institution_name),
            created_at,
            seen_status_since,
            checked_at,
            data_at,
            expires_at,
            share(renewal, renewal),
            () if traits is None else listed(_traits, traits),
            None if accounts is None else listed(_accounts, accounts),
            () if unknown is None else listed(_pairs, unknown),
        )
        yield (
            source,
            target,
            Held(
                seen,
                verdict,
                0.0,
                since,
                since if status_since == since else status_since,
                since if first_seen == since else first_seen,
                missing_since=missing_since,
                learned_at=learned_at,
            ),
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
        yield source, name, _json(labels), total


def tallies(rows: Iterable[Row]) -> dict[str, Tallies]:
    """Source -> its totals."""
    totals: dict[str, dict[tuple[str, tuple[str, ...]], float]] = {}
    for source, name, labels, total in rows:
        totals.setdefault(source, {})[name, _words.decode(labels)] = total
    return dict(totals)


def _json(value: object) -> str:
    return _text.encode(value).decode()
