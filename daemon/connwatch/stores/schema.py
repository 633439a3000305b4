"""What is remembered, as tables. Rows are written and read by position: the order of the columns is the order in `rows`.

Times are Unix seconds. Lists and mappings are JSON. A connection or a target that is gone keeps its row, with `gone_at`,
until it expires or is forgotten. Nothing is kept of a connection but what `core.model` names.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, Table, Text

metadata: Final = MetaData()

targets: Final = Table(
    "targets",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("company", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("due", Double, nullable=False),
    Column("polled_at", Double),
    Column("changed_at", Double),
    Column("failures", Integer, nullable=False),
    Column("outcome", Text),
    Column("absent_since", Double),
    Column("gone", Boolean, nullable=False),
    Column("gone_at", Double),
)

connections: Final = Table(
    "connections",
    metadata,
    Column("source", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("institution", Text, nullable=False),
    Column("institution_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", Double),
    Column("seen_status_since", Double),
    Column("checked_at", Double),
    Column("data_at", Double),
    Column("expires_at", Double),
    Column("renewal", Text),
    Column("traits", Text),
    Column("accounts", Text),
    Column("unknown", Text),
    Column("condition", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("status_since", Double, nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("missing_since", Double),
    Column("learned_at", Double),
    Column("gone_at", Double),
    sqlite_with_rowid=False,  # in the order of its key: a restart reads target after target
)

history: Final = Table(
    "history",
    metadata,
    Column("serial", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lasted", Double),
)

sources: Final = Table(
    "sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("not_before", Double, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("discovered_at", Double),
    Column("names", Text, nullable=False),
    Column("attended", Text, nullable=False),
    Column("announced", Text, nullable=False),
)

tallies: Final = Table(
    "tallies",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("total", Double, nullable=False),
)

Index("history_of_connection", history.c.source, history.c.connection, history.c.at)
for _table in (targets, connections):
    Index(
        f"{_table.name}_gone",
        _table.c.gone_at,
        sqlite_where=_table.c.gone_at.is_not(None),
        postgresql_where=_table.c.gone_at.is_not(None),
    )
