"""What the store does, as SQL, on a connection within a transaction. Knows tables, and neither files nor threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects import sqlite

from connwatch.core.model import Transition
from connwatch.core.ports import Remembered
from connwatch.stores.batch import HISTORY, Batch, Found, Key
from connwatch.stores.rows import Row, announced_ids, announced_text, source_memory, tallies, transition
from connwatch.stores.schema import connections, history, sources, targets
from connwatch.stores.schema import tallies as totals

SLICE: Final = 1000
"""Connections that are erased in one transaction, so that commits get their turn."""
PORTION: Final = 1000
"""Rows that are made and written at once."""
_KEY: Final = (connections.c.source, connections.c.target, connections.c.id)
_LINE: Final = tuple(column for column in history.columns if not column.primary_key)


def write(connection: Connection, batch: Batch) -> None:
    """Write a batch. Rows go straight to the driver: the statement is compiled once, and nothing is done for each row."""
    for table, rows in (
        (targets, batch.targets.values()),
        (connections, batch.connection_rows()),
        (sources, batch.sources.values()),
        (totals, batch.tallies.values()),
    ):
        for some in _portions(rows):
            connection.exec_driver_sql(_upsert(table, connection.dialect), some)
    for some in _portions(chain.from_iterable(batch.history.values())):
        connection.exec_driver_sql(_append(connection.dialect), some)


def _portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, PORTION)):
        yield some


def load(connection: Connection) -> Remembered:
    """What is remembered of sources as a whole."""
    told = map(source_memory, connection.execute(select(sources)))
    return Remembered(
        sources={memory.source: memory for memory in told},
        tallies=tallies(connection.execute(select(totals))),
    )


def find(connection: Connection, id_: str) -> Found:
    """Each connection of that id, gone ones too."""
    whose = and_(targets.c.source == connections.c.source, targets.c.id == connections.c.target)
    width = len(targets.columns)
    found = connection.execute(
        select(targets, connections).join_from(targets, connections, whose).where(connections.c.id == id_)
    )
    return {(row[0], row[1]): (tuple(row[:width]), tuple(row[width:])) for row in found}


def changes(connection: Connection, source: str, id_: str) -> list[Transition]:
    """The history of one connection, oldest first."""
    lines = select(*_LINE).where(history.c.source == source, history.c.connection == id_)
    return [transition(tuple(row)) for row in connection.execute(lines.order_by(history.c.at, history.c.serial))]


def forget(connection: Connection, *, id_: str | None, target: str | None, source: str | None) -> set[Key]:
    """Erase a connection, or a target with all that it has; None stands for any. Returns the connections that it erased."""
    mine = _meant((connections.c.source, source), (connections.c.target, target), (connections.c.id, id_))
    erased = connection.execute(select(*_KEY).where(mine)).all()
    connection.execute(delete(connections).where(mine))
    lines = _meant((history.c.source, source), (history.c.target, target), (history.c.connection, id_))
    connection.execute(delete(history).where(lines))
    if id_ is None and target is not None:
        connection.execute(delete(targets).where(_meant((targets.c.source, source), (targets.c.id, target))))
        _unannounce(connection, target, source)
    return {(key[0], key[1], key[2]) for key in erased}


def expire(connection: Connection, before: float) -> int:
    """Erase connections that are gone since before that instant, with their history: a slice of them. Returns how many."""
    doomed = connection.execute(select(*_KEY).where(connections.c.gone_at < before).limit(SLICE)).all()
    for source, target, id_ in doomed:
        forget(connection, id_=id_, target=target, source=source)
    return len(doomed)


def tidy(connection: Connection, before: float) -> None:
    """Erase targets that are gone since before that instant, and of each history all but its newest lines."""
    connection.execute(delete(targets).where(targets.c.gone_at < before))
    whose = (history.c.source, history.c.connection)
    crowded = connection.execute(select(*whose).group_by(*whose).having(func.count() > HISTORY)).all()
    for source, id_ in crowded:
        mine = and_(history.c.source == source, history.c.connection == id_)
        newest = (
            select(history.c.serial).where(mine).order_by(history.c.at.desc(), history.c.serial.desc()).limit(HISTORY)
        )
        connection.execute(delete(history).where(mine, history.c.serial.not_in(newest)))


def _unannounce(connection: Connection, target: str, source: str | None) -> None:
    """Strike a target off those that an event feed told of."""
    rows = connection.execute(select(sources.c.source, sources.c.announced).where(_meant((sources.c.source, source))))
    for name, text in rows.all():
        left = announced_text(announced_ids(text) - {target})
        if left != text:
            connection.execute(update(sources).where(sources.c.source == name).values(announced=left))


def _meant(*pairs: tuple[ColumnElement[str], str | None]) -> ColumnElement[bool]:
    """These columns have these values; where it is None, any will do."""
    return and_(true(), *(column == value for column, value in pairs if value is not None))


@lru_cache
def _upsert(table: Table, dialect: Dialect) -> str:
    """Write a row, or write over the one with the same key."""
    key = table.primary_key.columns
    statement = sqlite.insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={column.name: statement.excluded[column.name] for column in table.columns if column.name not in key},
    )
    return str(statement.compile(dialect=dialect))


@lru_cache
def _append(dialect: Dialect) -> str:
    """Write a line of history."""
    return str(insert(history).compile(dialect=dialect, column_keys=[column.name for column in _LINE]))
