"""The floor of line 10, in a module that knows nothing of the daemon."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.bench.measure import wall

FETCH: Final = 10_000


def fetched(file: Path, rows: int) -> float:
    """Seconds to have all rows of connections and targets from the driver, by ten thousand, and drop them."""
    start = wall()
    with closing(sqlite3.connect(file)) as connection:
        for table in ("connections", "targets"):
            cursor = connection.execute(f"SELECT * FROM {table} WHERE gone_at IS NULL")  # noqa: S608 - a fixed word
            while some := cursor.fetchmany(FETCH):
                rows -= len(some)
    seconds = wall() - start
    if rows:
        raise AssertionError("these are not all rows")
    return seconds
