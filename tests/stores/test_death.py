"""The process dies at any instant: whatever a commit has returned from is there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.stores.conftest import Shelves
from tests.stores.making import NOW, recalled

TESTS = Path(__file__).resolve().parents[2]


def killed_after(commits: int, database: Path) -> list[tuple[str, int]]:
    """Let the victim commit that often, kill it without a word while it goes on, and tell what it had said."""
    command = (sys.executable, "-m", "tests.stores.victim", str(database))
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as victim:  # noqa: S603 - ourselves
        assert victim.stdout is not None
        said = [victim.stdout.readline() for _ in range(commits)]
        victim.kill()
        said += victim.stdout.readlines()
    return [(f"t{line.split()[0]}", int(line.split()[1])) for line in said if line.endswith("\n")]


@pytest.mark.e2e
@pytest.mark.parametrize("commits", [1, 7, 31, 97, 211])
async def test_no_committed_memory_is_lost(commits: int, database: Path, shelves: Shelves) -> None:
    """Each memory whose commit had returned is there with all its parts; the file is sound, and its lock is free."""
    committed = killed_after(commits, database)
    assert len(committed) >= commits
    shelf = shelves(f"sqlite:///{database}")
    remembered = await recalled(shelf.store)
    for target, number in committed:
        connections = remembered.targets["bank"][target].connections
        assert f"only-{number}" in connections
        assert connections[f"c{number % 50}"].since >= NOW + number
        assert [line.at for line in await shelf.store.history("bank", f"only-{number}")] == [NOW + number]
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
