"""The schema and how it came about.

There is one revision so far, so that no older database of a release can exist. The step from an older to a newer one is
proved with a later revision that these tests make up, on a database that this version wrote.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from connwatch.stores import StoreTooNew, StoreUnusable, migrations, open_for_reading
from connwatch.stores.migrations import HEAD, REVISIONS, upgrade
from connwatch.stores.schema import metadata
from connwatch.stores.sqlite import SqliteFile
from tests.stores.conftest import Shelf
from tests.stores.making import appeared, held

LATER = """
from alembic import op
from sqlalchemy import Column, Text, text

revision = "later"
down_revision = "{head}"


def upgrade():
    op.add_column("targets", Column("region", Text))
    op.execute(text("UPDATE targets SET region = 'eu'"))
    {then}
"""


@pytest.fixture
def later(tmp_path: Path) -> Callable[[str], str]:
    """The scripts of a version to come, with one more revision, which ends with some statement."""

    def write(then: str) -> str:
        folder = tmp_path / "later"
        shutil.copytree(Path(migrations.__file__).parent, folder)
        (folder / "versions" / "later.py").write_text(LATER.format(head=HEAD, then=then))
        return str(folder)

    return write


def test_an_empty_file_gets_the_schema_that_the_code_uses(database: Path) -> None:
    """The revisions, applied one after the other, make exactly the tables, columns and indexes of `schema`."""
    file = SqliteFile(database)
    with file.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    file.close()


def test_every_revision_is_known() -> None:
    """The list that is looked at without loading the scripts is the list of the scripts, in one line of descent."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(REVISIONS)


async def test_an_older_database_is_brought_up_to_date(
    sqlite: Shelf, database: Path, later: Callable[[str], str]
) -> None:
    """What this version wrote is there after the next one's revision, changed as it says; and then it is too new for this one."""
    await sqlite.commit(appeared("t1", held("c1")), appeared("t2", held("c2")))
    await sqlite.store.close()
    file = SqliteFile(database)
    with file.transaction() as connection:
        upgrade(connection, later("pass"))
    with file.transaction() as connection:
        assert connection.execute(text("SELECT id, region FROM targets ORDER BY id")).all() == [
            ("t1", "eu"),
            ("t2", "eu"),
        ]
        assert connection.scalar(text("SELECT count(*) FROM connections")) == 2
    file.close()
    with pytest.raises(StoreTooNew, match="schema later"):
        sqlite.restarted()
    restore(database)
    sqlite.store = sqlite.restarted()


def test_an_upgrade_that_fails_changes_nothing(database: Path, later: Callable[[str], str]) -> None:
    """It is one transaction: after a failure in its midst, the version before still works with the file."""
    file = SqliteFile(database)
    with pytest.raises(StoreUnusable, match="no such table: nowhere"), file.transaction() as connection:
        upgrade(connection, later('op.execute(text("UPDATE nowhere SET region = 1"))'))
    with file.transaction() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    file.close()
    SqliteFile(database).close()


def test_what_reads_does_not_migrate(database: Path) -> None:
    """A database that has yet to be made or brought up to date is left to the daemon."""
    database.touch()
    with pytest.raises(StoreUnusable, match=r"older than this version.*`connwatch run` brings it up to date"):
        open_for_reading(f"sqlite:///{database}")
    assert database.stat().st_size == 0


def restore(database: Path) -> None:
    """Undo what the made-up revision did."""
    with closing(sqlite3.connect(database, isolation_level=None)) as file:
        file.execute("ALTER TABLE targets DROP COLUMN region")
        file.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
