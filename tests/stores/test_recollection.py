"""A source's targets, read some at a time: each once and complete, however the looks fall between them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine, create_engine

from connwatch.core.model import TargetState
from connwatch.core.ports import as_they_are
from connwatch.stores import ledger
from connwatch.stores.batch import Batch
from connwatch.stores.migrations import upgrade
from connwatch.stores.recollection import Recollection
from tests.stores.making import NOW, appeared, held

ids = st.sampled_from(["1", "10", "2", "A", "a", "aa", "b", "\u00e9", "\U0001f50c"])
fleets = st.dictionaries(ids, st.sets(ids, max_size=7), max_size=9)
"""Target -> its connections."""


def filled(fleet: Mapping[str, set[str]], gone: set[str]) -> Engine:
    """A database with these targets, of which some are gone, and with others of another source."""
    engine = create_engine("sqlite://")
    batch = Batch()
    for target, connections in fleet.items():
        memory = appeared(target, *map(held, sorted(connections)))
        batch.add(replace(memory, dropped=target in gone, at=NOW))
        batch.add(replace(memory, source="other"))
    with engine.begin() as connection:
        upgrade(connection)
        ledger.write(connection, batch)
    return engine


@given(fleets, st.sets(ids, max_size=3), st.integers(1, 5))
def test_each_target_is_read_once_and_complete(fleet: Mapping[str, set[str]], gone: set[str], size: int) -> None:
    """All that aren't gone, in the order of their ids, and no look takes more targets than it should."""
    engine, reading = filled(fleet, gone), Recollection("bank", as_they_are, size)
    read: list[TargetState] = []
    while not reading.over:
        with engine.begin() as connection:
            some = reading.more(connection)
        assert len(some) <= size
        read += some
    engine.dispose()
    expected = [(target, fleet[target]) for target in sorted(fleet) if target not in gone]
    assert [(one.target.id, set(one.connections)) for one in read] == expected


def test_a_look_takes_about_as_many_connections_as_it_should() -> None:
    """So many, and what is left of the last target; targets without any count as well."""
    fleet = {"a": set("123"), "b": set("12345"), "c": set(), "d": set(), "e": set(), "f": set("1")}
    engine, reading = filled(fleet, set()), Recollection("bank", as_they_are, 2)
    looks = []
    with engine.begin() as connection:
        while not reading.over:
            looks.append([one.target.id for one in reading.more(connection)])
    engine.dispose()
    assert looks == [["a"], ["b"], ["c", "d"], ["e", "f"], []]
