"""How the schema came about: one revision a file in `versions`, forward only, run at start.

A revision never changes once it was released: it says what was done then, whatever `schema` says today.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

REVISIONS: Final = ("0001",)
"""All revisions, oldest first. Known without loading them, so that only a database that needs it pays for the migration tool."""
HEAD: Final = REVISIONS[-1]
SCRIPTS: Final = "connwatch.stores:migrations"


def upgrade(connection: Connection, scripts: str = SCRIPTS) -> None:
    """Bring a database to the newest revision among `scripts`, within the transaction that is open."""
    from alembic import command, config  # noqa: PLC0415 - 12 MB and 0.2 s that a database at its newest needn't cost

    settings = config.Config(attributes={"connection": connection})
    settings.set_main_option("script_location", scripts)
    command.upgrade(settings, "head")
