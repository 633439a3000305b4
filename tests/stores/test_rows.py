"""Between values and rows: nothing is lost, nothing is added, and what is equal is shared."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields

from connwatch.core.model import (
    Condition,
    Connection,
    Held,
    Outcome,
    Target,
    TargetState,
    Transition,
    Words,
)
from connwatch.core.policy import Facts
from connwatch.core.ports import SourceMemory
from connwatch.stores import rows, schema
from tests.stores.making import held, state

words = st.text(max_size=8)
times = st.floats(min_value=0.0, max_value=4e9)
conditions = st.sampled_from(get_args(Condition))
states = st.builds(
    TargetState,
    target=st.builds(Target, id=words, company=words, name=words),
    first_seen=times,
    due=times,
    connections=st.just({}),
    polled_at=st.none() | times,
    changed_at=st.none() | times,
    failures=st.integers(0, 1_000),
    outcome=st.none() | st.sampled_from(get_args(Outcome)),
    absent_since=st.none() | times,
    gone=st.booleans(),
)
transitions = st.builds(
    Transition,
    connection=words,
    at=times,
    before=st.none() | conditions,
    after=st.none() | conditions,
    status=words,
    reason=words,
    lasted=st.none() | times,
)
sources = st.builds(
    SourceMemory,
    source=words,
    not_before=times,
    cursor=words,
    discovered_at=st.none() | times,
    facts=st.builds(
        Facts,
        names=st.dictionaries(words, words, max_size=3),
        attended=st.frozensets(st.tuples(words, words), max_size=3),
    ),
    announced=st.frozensets(words, max_size=3),
)
totals = st.dictionaries(st.tuples(words, st.lists(words, max_size=3).map(tuple)), times, max_size=4)


@given(words, states)
def test_targets_come_back(source: str, one: TargetState) -> None:
    """Every field of a target is in the row, and comes back as it was; its connections have rows of their own."""
    assert rows.target_state(rows.target_row(source, one, None)) == one


@given(words, words, transitions)
def test_history_comes_back(source: str, target: str, one: Transition) -> None:
    """Every field of a line is in the row."""
    assert rows.transition(rows.transition_row(source, target, one)) == one


@given(sources)
def test_sources_come_back(one: SourceMemory) -> None:
    """Every field that survives is in the row."""
    assert rows.source_memory(rows.source_row(one)) == one


@given(words, totals)
def test_tallies_come_back(source: str, some: dict[tuple[str, tuple[str, ...]], float]) -> None:
    """Every total comes back under its name and labels."""
    assert rows.tallies(rows.tally_rows(source, some)) == ({source: some} if some else {})


def test_rows_are_as_wide_as_the_tables() -> None:
    """Rows are written by position: each column has its value."""
    assert len(rows.connection_row("bank", "t1", held(), None)) == len(schema.connections.columns)
    assert len(rows.target_row("bank", state(), None)) == len(schema.targets.columns)
    assert len(rows.source_row(SourceMemory("bank"))) == len(schema.sources.columns)


FOUND_ANEW = {"seen", "words", "verdict", "until", "fingerprint", "paused_until"}
NAMED_OTHERWISE = {"source", "target", "condition", "rule", "gone_at", "seen_status_since"}


def named(*kinds: type[Struct]) -> set[str]:
    """The fields that the core names."""
    return {field.name for kind in kinds for field in fields(kind)}


def test_the_columns_are_what_the_core_names() -> None:
    """No credential, name of a person or account number can creep in, and no new field is forgotten."""
    of_connections = set(schema.connections.columns.keys())
    assert of_connections - NAMED_OTHERWISE == named(Words, Connection, Held) - FOUND_ANEW
    of_targets = set(schema.targets.columns.keys())
    assert of_targets - {"source", "gone_at"} == named(Target, TargetState) - {"target", "connections", "imprints"}
    assert set(schema.tallies.columns.keys()) == {"source", "name", "labels", "total"}
