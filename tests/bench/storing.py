"""Line 11: what the store costs beyond what SQLite costs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from shutil import copyfile
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from connwatch.clock import SystemClock
from connwatch.core.ports import TargetMemory
from connwatch.metrics import ProcessRecorder
from connwatch.simulator.shapes import stamps
from connwatch.stores import open_store
from connwatch.stores.sqlite import _SETTINGS as SETTINGS
from tests.bench.alone import alone
from tests.bench.deals import COMPANIES
from tests.bench.figures import Figure, Measured
from tests.bench.filling import filled
from tests.bench.fleet import Grown
from tests.bench.measure import awaited, timed, wall
from tests.bench.pages import NOW
from tests.bench.scale import Scale

ROWS: Final = 1000
"""Connections in a batch."""
TABLES: Final = {"targets": "id", "connections": "target"}
"""Tables that a batch writes, and the columns in which they name targets."""


def measure(folder: str, scale: Scale) -> Measured:
    """Rows a second into a database of the largest size."""
    return Measured([alone(compared, folder, scale, filled(folder, COMPANIES, scale.most // COMPANIES.each))])


def compared(folder: str, scale: Scale, file: Path) -> Figure:
    """Floor: `executemany` of the driver with the same statements, settings and rows. Subject: `commit` of the store.

    Each batch is what ten polls leave behind that found a hundred connections each to have been checked anew: ten rows of
    targets and a thousand of connections, from all over the database, in one transaction. The floor gets the rows as the
    store wrote them, ready made, into a database of its own.
    """
    with TemporaryDirectory(dir=folder) as home:
        ours, theirs = (Path(home) / name for name in ("ours.db", "theirs.db"))
        for copy in (ours, theirs):
            copyfile(file, copy)
        grown = Grown(COMPANIES.shelf(folder, scale.most // COMPANIES.each), polled=False)
        return asyncio.run(_compared(grown, ours, theirs, scale.batches))


async def _compared(grown: Grown, ours: Path, theirs: Path, count: int) -> Figure:
    subjects, floors = [], []
    store = open_store(f"sqlite:///{ours}", clock=SystemClock(start=NOW), recorder=ProcessRecorder("bench"))
    with closing(sqlite3.connect(ours)) as written, closing(sqlite3.connect(theirs, isolation_level=None)) as bare:
        for setting in SETTINGS:
            bare.execute(setting)
        statements = {table: _upsert(bare, table) for table in TABLES}
        for memories in _batches(grown, count):
            subjects.append((await awaited(partial(store.commit, memories)))[0])
            rows = {table: _rows(written, table, column, memories) for table, column in TABLES.items()}
            floors.append(timed(partial(_execute, bare, statements, rows), wall))
            if any(_rows(bare, table, column, memories) != rows[table] for table, column in TABLES.items()):
                raise AssertionError("they have not written the same")
    await store.close()
    size = ROWS + ROWS // COMPANIES.each
    return Figure(11, size / median(subjects), size / median(floors))


def _batches(grown: Grown, count: int) -> Iterator[Sequence[TargetMemory]]:
    """Polls of ten companies at a time, after Nectar's weekly check."""
    size, each = len(grown.shelf), ROWS // COMPANIES.each
    stride = max(1, size // (count * each))
    for batch in range(count):
        at = NOW + (batch + 1) * 60.0
        yield [_checked(grown, (batch * each + spot) * stride % size, at) for spot in range(each)]


def _checked(grown: Grown, number: int, at: float) -> TargetMemory:
    lines = grown.shelf.lines(number)
    grown.poll(number, lines)
    made = grown.poll(number, [_with_check(line, at) for line in lines], at)
    return TargetMemory("main", made.state, made.moved, made.transitions, grown.book.tally.promise(made), at)


def _with_check(line: bytes, at: float) -> bytes:
    item = msgspec.json.decode(line)
    item["statusLastUpdateTime"] = stamps.seconds(at)
    return msgspec.json.encode(item)


def _upsert(connection: sqlite3.Connection, table: str) -> str:
    """The statement that writes a row, or writes over the one with the same key."""
    columns = [(row[1], row[5]) for row in connection.execute(f"PRAGMA table_info({table})")]
    names, marks = ", ".join(name for name, _ in columns), ", ".join("?" for _ in columns)
    key = ", ".join(name for name, of_key in columns if of_key)
    values = ", ".join(f"{name} = excluded.{name}" for name, of_key in columns if not of_key)
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {values}"  # noqa: S608 - names of its own


def _rows(
    connection: sqlite3.Connection, table: str, column: str, memories: Sequence[TargetMemory]
) -> Sequence[tuple[Any, ...]]:
    """The rows of these targets, in the order in which the store writes them."""
    statement = f"SELECT * FROM {table} WHERE source = 'main' AND {column} = ?"  # noqa: S608 - names of ours
    return [row for memory in memories for row in connection.execute(statement, [memory.state.target.id])]


def _execute(
    connection: sqlite3.Connection, statements: Mapping[str, str], rows: Mapping[str, Sequence[tuple[Any, ...]]]
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table, statement in statements.items():
        connection.executemany(statement, rows[table])
    connection.execute("COMMIT")
