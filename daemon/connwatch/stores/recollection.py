"""How a restart reads the targets of a source: in the order of their ids, some at a time, each with all its connections.

A million are never there twice, as rows and as what became of them; and what is read is dealt with while the processor still
has it at hand. Each look is one of its own: between two, others have their turn with the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Dialect, Select, bindparam, func, select
from sqlalchemy.engine.interfaces import DBAPICursor

from connwatch.core.model import Kept
from connwatch.core.ports import Asleep, Wake
from connwatch.stores.reading import REST, SAID, TOLD, Reading
from connwatch.stores.rows import Row, target_state
from connwatch.stores.schema import connections, targets

T = TypeVar("T")
SIZE: Final = 2000
"""Connections: what a look costs beside them is little, and what came of them is soon counted."""
FEW: Final = 100
"""Rows that are there at once."""

_CONNECTIONS: Final = (
    select(
        *(connections.c[name] for name in TOLD),
        func.json_array(*(connections.c[name] for name in SAID)),
        *(connections.c[name] for name in REST),
    )
    .where(
        connections.c.source == bindparam("source"),
        connections.c.gone_at.is_(None),
        connections.c.target > bindparam("after"),
    )
    .order_by(connections.c.source, connections.c.target, connections.c.id)
)
_TARGETS: Final = (
    select(targets)
    .where(targets.c.source == bindparam("source"), targets.c.gone_at.is_(None), targets.c.id > bindparam("after"))
    .order_by(targets.c.source, targets.c.id)
)


class Recollection(Generic[T]):
    """The targets of one source. Both tables are read side by side in the order of their keys, which is Python's order of texts.

    `size` is after how many connections a look ends, and after how many targets; of its last target it takes all connections.
    """

    def __init__(self, source: str, wake: Wake[T], size: int = SIZE) -> None:
        self.over = False
        """Whether all were read."""
        self._source = source
        self._wake = wake
        self._size = size
        self._reading = Reading()
        self._after = ""

    def more(self, connection: Connection) -> T:
        """The next targets, woken one by one. There may be none among them."""
        of_source, after = self._source, self._after
        with (
            closing(_asked(connection, _TARGETS, source=of_source, after=after)) as whose,
            closing(_asked(connection, _CONNECTIONS, source=of_source, after=after)) as told,
        ):
            return self._wake(self._asleep(_rows(whose), self._reading.kept(_rows(told))))

    def _asleep(self, rows: Iterable[Row], kept: Iterator[tuple[str, Sequence[Kept]]]) -> Iterator[Asleep]:
        left = self._size
        found = next(kept, None)
        for row in rows:
            state = target_state(row)
            id_ = state.target.id
            while found is not None and found[0] < id_:
                found = next(kept, None)
            some = found[1] if found is not None and found[0] == id_ else ()
            yield state, some
            self._after = id_
            left -= max(1, len(some))
            if left <= 0:
                return
        self.over = True


def _asked(connection: Connection, wanted: Select[Any], **values: str) -> DBAPICursor:
    statement, names = _compiled(wanted, connection.dialect)
    cursor = connection.connection.cursor()
    cursor.execute(statement, tuple(values[name] for name in names))
    return cursor


def _rows(cursor: DBAPICursor) -> Iterable[Row]:
    """Rows as the driver makes them, a few at a time: all those of a large target would take a multiple of its room."""
    return chain.from_iterable(iter(partial(cursor.fetchmany, FEW), []))


@lru_cache
def _compiled(wanted: Select[Any], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The statement, and the names of its values in their order."""
    compiled = wanted.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())
