"""Connections as a restart reads them: nothing is lost, and what is equal is there once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.model import Accounts, Condition, Connection, Held, Kept, Renewal, Trait, Verdict, Words
from connwatch.core.ports import as_it_is
from connwatch.stores.reading import SAID, Reading, told_row
from connwatch.stores.rows import Row, connection_row
from connwatch.stores.schema import connections
from tests.stores.making import NOW, held, state

words = st.text(max_size=8)
stored = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
"""Half of a surrogate pair is no text for a database."""
times = st.floats(min_value=0.0, max_value=4e9)
conditions = st.sampled_from(get_args(Condition))
said = st.builds(
    Words,
    institution=words,
    kind=words,
    status=words,
    reason=st.none() | words,
    institution_name=words,
    renewal=st.none() | st.sampled_from(get_args(Renewal)),
    traits=st.lists(st.sampled_from(get_args(Trait)), unique=True).map(tuple),
    unknown=st.lists(st.tuples(words, words), max_size=2).map(tuple),
)
seen = st.builds(
    Connection,
    id=words,
    words=said,
    created_at=st.none() | times,
    status_since=st.none() | times,
    checked_at=st.none() | times,
    data_at=st.none() | times,
    expires_at=st.none() | times,
    accounts=st.none() | st.lists(st.builds(Accounts, words, words, st.integers(0, 99)), max_size=3).map(tuple),
)
holds = st.builds(
    Held,
    seen=seen,
    verdict=st.builds(Verdict, condition=conditions, rule=words),
    until=st.just(0.0),
    since=times,
    status_since=times,
    first_seen=times,
    missing_since=st.none() | times,
    learned_at=st.none() | times,
)


def held_of(connections: Sequence[Kept]) -> list[Held]:
    """What they are as long as they sleep."""
    return list(as_it_is(state(), connections).connections.values())


def read(*rows: Row) -> list[Held]:
    """The connections of a target."""
    return [one for _, each in Reading().kept(map(told_row, rows)) for one in held_of(each)]


@given(words, words, st.lists(holds, max_size=4, unique_by=lambda one: one.seen.id))
def test_connections_come_back(source: str, target: str, some: list[Held]) -> None:
    """Every field that survives is in the row, and comes back as it was, under the connection's id."""
    made = [told_row(connection_row(source, target, one, None)) for one in some]
    assert {owner: held_of(each) for owner, each in Reading().kept(made)} == ({target: some} if some else {})


def test_each_target_gets_its_own() -> None:
    """Rows come target by target, and connections of different targets may have the same id."""
    whose = [("t1", "c1"), ("t1", "c2"), ("t2", "c1")]
    made = [told_row(connection_row("a", target, held(id_), None)) for target, id_ in whose]
    found = {owner: [one.seen.id for one in held_of(some)] for owner, some in Reading().kept(made)}
    assert found == {"t1": ["c1", "c2"], "t2": ["c1"]}


@given(st.lists(st.none() | stored, min_size=len(SAID), max_size=len(SAID)))
def test_a_database_says_it_in_the_same_words(values: list[str | None]) -> None:
    """What SQLite makes of several columns is what is made of a row that waits to be written: no sign in them breaks it."""
    row = dict.fromkeys(connections.columns.keys()) | dict(zip(SAID, values, strict=True))
    with closing(sqlite3.connect(":memory:")) as database:
        (said,) = database.execute(f"SELECT json_array({', '.join('?' * len(SAID))})", values).fetchone()
    assert msgspec.json.decode(said) == msgspec.json.decode(told_row(tuple(row.values()))[2]) == values


def test_what_is_equal_is_shared() -> None:
    """A million connections hold few words: institutions, statuses, verdicts and lists of accounts are there once."""
    one = Held(
        seen=Connection(
            "c1",
            Words("bank", "api", "ok", traits=("single_sync",)),
            accounts=(Accounts("ACTIVE", "ON", 1),),
            checked_at=7.0,
            data_at=7.0,
        ),
        verdict=Verdict("healthy", "table"),
        until=0.0,
        since=7.5,
        status_since=7.5,
        first_seen=7.5,
    )
    # as a driver makes them: equal values, but each row its own
    first, second = read(*(fresh("t1", each) for each in (one, replace(one, seen=replace(one.seen, id="c2")))))
    assert first == one
    assert first.verdict is second.verdict
    assert first.seen.words is second.seen.words
    assert first.seen.accounts is second.seen.accounts
    assert first.since is first.status_since is first.first_seen
    assert first.seen.checked_at is first.seen.data_at


def test_instants_of_a_target_are_shared() -> None:
    """Connections that one poll found, or learned of, have that instant in common: a million copies of it would take 32 MB each."""
    some = [replace(held(id_), since=since, learned_at=NOW + 5.0) for id_, since in (("c1", 1.0), ("c2", 2.0))]
    first, second = read(*(fresh("t1", one) for one in some))
    assert (first.first_seen, first.learned_at) == (NOW, NOW + 5.0)
    assert first.first_seen is second.first_seen
    assert first.learned_at is second.learned_at


def fresh(target: str, one: Held) -> Row:
    """A row of values that nobody else has."""
    return tuple(map(_fresh, connection_row("bank", target, one, None)))


def _fresh(value: object) -> object:
    if isinstance(value, float):
        return float(repr(value))
    return "".join(list(value)) if isinstance(value, str) else value
