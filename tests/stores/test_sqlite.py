"""The file: whose it is, what is refused and left as it is, and what reads beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connwatch.core.ports import SourceMemory
from connwatch.stores import StoreLocked, StoreTooNew, StoreUnusable, open_for_reading, open_store
from tests.fakes import FakeClock, FakeRecorder
from tests.stores.conftest import Shelf
from tests.stores.disks import deleted
from tests.stores.making import NOW, appeared, change, dropped, held, ids, recalled

NOBODY = 65534


def opened(path: Path) -> object:
    """Open as the daemon does."""
    return open_store(f"sqlite:///{path}", clock=FakeClock(), recorder=FakeRecorder())


def contents(folder: Path) -> dict[str, bytes]:
    """All files, with what is in them; the lock tells only who came last."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix != ".lock"}


def touched(path: Path) -> tuple[bytes, int]:
    """What is in a file, and when it was last written."""
    return path.read_bytes(), path.stat().st_mtime_ns


def modes(folder: Path) -> dict[str, int]:
    """Who may do what with the files."""
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_a_second_daemon_is_refused(sqlite: Shelf, database: Path) -> None:
    """The message names the file, who holds it, and what to do; the first one goes on undisturbed."""
    with pytest.raises(StoreLocked) as refused:
        opened(database)
    message = str(refused.value)
    assert str(database) in message
    assert f"process {os.getpid()}" in message
    assert "Stop it first" in message
    await sqlite.commit(appeared("t1", held("c1")))
    assert list((await sqlite.restart()).targets["bank"]) == ["t1"]


async def test_what_reads_works_beside_the_daemon(sqlite: Shelf, database: Path) -> None:
    """It sees what was committed, also what is committed while it is open, and changes no byte of the database."""
    await sqlite.commit(appeared("t1", held("c1")), SourceMemory("bank", not_before=NOW))
    before = contents(database.parent)
    reader = open_for_reading(sqlite.url)
    assert ids(await reader.find("c1")) == [("bank", "t1", ["c1"])]
    assert await reader.history("bank", "c1") == [change("c1", NOW, after="healthy")]
    assert (await reader.load()).sources == {"bank": SourceMemory("bank", not_before=NOW)}
    assert contents(database.parent)["state.db"] == before["state.db"]
    assert contents(database.parent)["state.db-wal"] == before["state.db-wal"]
    await sqlite.commit(appeared("t2", held("c2")))
    assert list((await recalled(reader)).targets["bank"]) == ["t1", "t2"]
    await reader.close()
    await sqlite.commit(appeared("t3", held("c3")))
    assert len((await sqlite.restart()).targets["bank"]) == 3


async def test_what_reads_works_without_the_daemon(sqlite: Shelf, database: Path) -> None:
    """After an orderly stop too, and the file is not even touched."""
    await sqlite.commit(appeared("t1", held("c1")))
    await sqlite.store.close()
    before = touched(database)
    reader = open_for_reading(sqlite.url)
    assert ids(await reader.find("c1")) == [("bank", "t1", ["c1"])]
    await reader.close()
    assert touched(database) == before
    sqlite.store = sqlite.restarted()


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Where no daemon ran yet, the message says so and no file appears."""
    with pytest.raises(StoreUnusable, match=r"state\.db: there is no such file.*has it run yet"):
        open_for_reading(f"sqlite:///{tmp_path}/state.db")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("content", [b"hello", b"{}" * 5_000], ids=["short", "long"])
def test_what_is_no_database_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    """A slip in the config must not cost anyone a file."""
    path = tmp_path / "letters.txt"
    path.write_bytes(content)
    for attempt in (opened, lambda path: open_for_reading(f"sqlite:///{path}")):
        with pytest.raises(StoreUnusable, match=r"letters\.txt: cannot be read: file is not a database.*left as it is"):
            attempt(path)
    assert contents(tmp_path) == {"letters.txt": content}


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Even one that could be written to."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE letters (body TEXT)")
    before = contents(tmp_path)
    with pytest.raises(StoreUnusable, match=r"another program.*Name another file"):
        opened(path)
    assert contents(tmp_path) == before


async def test_a_newer_database_is_refused_and_left_as_it_is(sqlite: Shelf, database: Path) -> None:
    """The message names the revision and says what to do; neither the daemon nor a reader goes near it."""
    await sqlite.commit(appeared("t1", held("c1")))
    await sqlite.store.close()
    with closing(sqlite3.connect(database, isolation_level=None)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '0999'")
    before = touched(database)
    for attempt in (opened, lambda path: open_for_reading(f"sqlite:///{path}")):
        with pytest.raises(
            StoreTooNew, match=r"state\.db: .*newer version.*schema 0999; this version knows up to \d+.*run the newer"
        ):
            attempt(database)
    assert touched(database) == before
    with closing(sqlite3.connect(database, isolation_level=None)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '0001'")
    sqlite.store = sqlite.restarted()
    assert list((await recalled(sqlite.store)).targets["bank"]) == ["t1"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's way past permissions."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def missing_folder(folder: Path) -> Path:
    """A path below a folder that nobody made."""
    folder.chmod(0o777)
    return folder / "no" / "such" / "state.db"


def closed_folder(folder: Path) -> Path:
    """A path in a folder that may only be read."""
    folder.chmod(0o555)
    return folder / "state.db"


def closed_file(folder: Path) -> Path:
    """A file that may only be read."""
    path = folder / "state.db"
    path.touch(0o444)
    folder.chmod(0o777)
    return path


def folder_in_its_place(folder: Path) -> Path:
    """A folder where the file should be."""
    path = folder / "state.db"
    path.mkdir()
    folder.chmod(0o777)
    return path


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (missing_folder, "No such file or directory"),
        (closed_folder, "Permission denied"),
        (closed_file, "Permission denied"),
        (folder_in_its_place, "Is a directory"),
    ],
)
def test_what_cannot_be_written_is_refused(place: Callable[[Path], Path], why: str) -> None:
    """At the start that is a fault, said with its cause; nothing is half opened, so it works once it is put right."""
    with TemporaryDirectory() as name:
        path = place(Path(name))
        with (
            as_nobody(),
            pytest.raises(StoreUnusable, match=f"{path}: cannot be opened to write: {why}.*directory must"),
        ):
            opened(path)


def test_the_lock_is_let_go_when_opening_fails(shelves: Callable[[str], Shelf], database: Path) -> None:
    """Whoever puts the file right can start at once."""
    database.write_bytes(b"hello")
    with pytest.raises(StoreUnusable):
        opened(database)
    database.unlink()
    assert shelves(f"sqlite:///{database}").recorder.store_states == [True]


async def test_a_folder_is_made_for_the_file(shelves: Callable[[str], Shelf], tmp_path: Path) -> None:
    """One level of it. What is in the files is for their owner only, also when they had to be written anew."""
    path = tmp_path / ".connwatch" / "state.db"
    shelf = shelves(f"sqlite:///{path}")
    await shelf.commit(appeared("t1", held("c1")))
    owners_only = dict.fromkeys(("state.db", "state.db-shm", "state.db-wal", "state.db.lock"), 0o600)
    assert modes(path.parent) == owners_only
    deleted(path)
    await shelf.commit(appeared("t2", held("c2")))
    assert modes(path.parent) == owners_only


async def test_a_path_may_be_relative_and_odd(shelves: Callable[[str], Shelf], tmp_path: Path) -> None:
    """It is taken from where the daemon was started, and no character in it means anything."""
    odd = "50% #1?mode=ro&x.db"
    with chdir(tmp_path):
        await shelves(f"sqlite:///{odd}").commit(appeared("t1", held("c1")))
    assert set(contents(tmp_path)) == {odd, f"{odd}-shm", f"{odd}-wal"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://host/db", "state.db"])
def test_what_is_no_store_is_refused(url: str) -> None:
    """The message names those that there are."""
    with pytest.raises(StoreUnusable, match=r"is no store\. Known are sqlite:////absolute/path"):
        open_store(url, clock=FakeClock(), recorder=FakeRecorder())


def test_the_memory_of_another_process_cannot_be_read() -> None:
    """`explain` says where to ask instead."""
    with pytest.raises(StoreUnusable, match="Ask the daemon over HTTP"):
        open_for_reading("memory:")


async def test_what_was_erased_is_in_no_file(sqlite: Shelf, database: Path) -> None:
    """Erasure overwrites: the ids are in no page, free or not, and in no log, while the daemon runs on."""

    def traces(word: bytes) -> list[str]:
        return [name for name, content in contents(database.parent).items() if word in content]

    await sqlite.commit(appeared("u-erika", held("c-erika")), appeared("u-max", held("c-max")))
    await sqlite.commit(dropped("u-max", held("c-max")))
    assert traces(b"u-erika")
    await sqlite.store.forget(target="u-erika")
    assert traces(b"-erika") == []
    assert traces(b"u-max")
    await sqlite.store.expire(NOW + 1.0)
    assert traces(b"-max") == []


def test_a_database_that_somebody_holds_is_no_reason_to_move_it(database: Path) -> None:
    """What only has to be waited for is not said to be broken."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnusable, match=r"state\.db: cannot be read: database is locked\. It must be readable"):
            opened(database)
