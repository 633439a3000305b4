"""How a restart reads the targets of a source: in the order of their ids, some at a time, each with all its connections.

A million are never there twice, as rows and as what became of them; and what is read is dealt with while the processor still
has it at hand. Each look is one of its own: between two, others have their turn with the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Dialect, Select, bindparam, func, select

from connwatch.core.ports import Wake
from connwatch.stores.reading import REST, SAID, TOLD, Reading
from connwatch.stores.rows import Row, target_state
from connwatch.stores.schema import connections, targets

T = TypeVar("T")
SIZE: Final = 2000
"""Connections, soon dealt with: a matter of ten milliseconds."""
FEW: Final = 100
"""Rows that are there at once."""

_told: Final = (
    select(
        *(connections.c[name] for name in TOLD),
        func.json_array(*(connections.c[name] for name in SAID)),
        *(connections.c[name] for name in REST),
    )
    .where(connections.c.source == bindparam("source"), connections.c.gone_at.is_(None))
    .order_by(connections.c.source, connections.c.target, connections.c.id)
)
_ALL: Final = (
    select(targets)
    .where(targets.c.source == bindparam("source"), targets.c.gone_at.is_(None), targets.c.id > bindparam("after"))
    .order_by(targets.c.source, targets.c.id)
    .limit(bindparam("size"))
)
_SOME: Final = _told.where(connections.c.target > bindparam("after")).limit(bindparam("size"))
_OTHERS: Final = _told.where(connections.c.target == bindparam("target"), connections.c.id > bindparam("after"))
_UP_TO: Final = _ALL.where(targets.c.id <= bindparam("last"))


class Recollection(Generic[T]):
    """The targets of one source. Both tables are read in the order of their keys, which is Python's order of texts.

    `size` is how many connections a look takes, and at most how many targets; of its last target it takes all connections.
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
        """The next targets, woken. There may be none among them, and yet more to come."""
        source, after, size = self._source, self._after, self._size
        kept = self._reading.kept(_rows(connection, _SOME, source=source, after=after, size=size))
        last = None
        if sum(map(len, kept.values())) == size:
            last, some = kept.popitem()
            rest = _rows(connection, _OTHERS, source=source, target=last, after=some[-1][0].id)
            kept[last] = some + self._reading.kept(rest).get(last, [])
            whose = [*_rows(connection, _UP_TO, source=source, after=after, last=last, size=size)]
        else:
            whose = [*_rows(connection, _ALL, source=source, after=after, size=size)]
        if len(whose) == size:  # what was read of those behind it is read once more
            last = whose[-1][1]
        self.over, self._after = last is None, last or ""
        return self._wake([(target_state(row), kept.get(row[1], ())) for row in whose])


def _rows(connection: Connection, wanted: Select[Any], **values: str | int) -> Iterator[Row]:
    """Rows as the driver makes them, a few at a time: all those of a large target would take a multiple of its room."""
    statement, names, given = _compiled(wanted, connection.dialect)
    with connection.exec_driver_sql(statement, tuple((given | values)[name] for name in names)) as result:
        while some := result.cursor.fetchmany(FEW):
            yield from some


@lru_cache
def _compiled(wanted: Select[Any], dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """The statement, the names of its values in their order, and the values that it has already."""
    compiled = wanted.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)
