"""The first schema."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, Text, text

revision: Final = "0001"
down_revision: Final = None

_GONE: Final = text("gone_at IS NOT NULL")


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "targets",
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
    op.create_table(
        "connections",
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
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history",
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
    op.create_table(
        "sources",
        Column("source", Text, primary_key=True),
        Column("not_before", Double, nullable=False),
        Column("cursor", Text, nullable=False),
        Column("discovered_at", Double),
        Column("names", Text, nullable=False),
        Column("attended", Text, nullable=False),
        Column("announced", Text, nullable=False),
    )
    op.create_table(
        "tallies",
        Column("source", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("labels", Text, primary_key=True),
        Column("total", Double, nullable=False),
    )
    op.create_index("history_of_connection", "history", ["source", "connection", "at"])
    for table in ("targets", "connections"):
        op.create_index(f"{table}_gone", table, ["gone_at"], sqlite_where=_GONE, postgresql_where=_GONE)
