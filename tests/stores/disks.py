"""Real causes for which a database cannot be written, and which work for root too. Each heals when its block ends."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process is writing, and doesn't come to an end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def no_growth(database: Path) -> Iterator[None]:
    """The system writes no byte to any file: an I/O error for SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert database.exists()


@contextmanager
def replaced(database: Path) -> Iterator[None]:
    """Something else lies where the file was, and the file is gone for good."""
    database.unlink()
    database.mkdir()
    yield
    database.rmdir()


@contextmanager
def moved_away(database: Path) -> Iterator[None]:
    """Something else lies where the file was, and the file comes back."""
    aside = database.with_suffix(".aside")
    database.rename(aside)
    database.mkdir()
    yield
    database.rmdir()
    aside.rename(database)


@contextmanager
def folder_gone(database: Path) -> Iterator[None]:
    """The folder went, with all that was in it."""
    shutil.rmtree(database.parent)
    yield
    database.parent.mkdir()


@contextmanager
def full(database: Path) -> Iterator[None]:
    """No byte is left on the volume. It has to be a small one: see `volume`."""
    ballast = database.with_suffix(".ballast")
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextmanager
def volume(folder: Path) -> Iterator[bool]:
    """A small volume of its own, in the memory; False where that is not allowed."""
    folder.mkdir()
    made = not os.geteuid() and _done("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    try:
        yield made
    finally:
        if made:
            assert _done("umount", str(folder))


def _done(*command: str) -> bool:
    return not subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 - two fixed commands


def deleted(database: Path) -> None:
    """The file goes, and nothing takes its place."""
    database.unlink()
