"""What a disk or a lock can do: nobody waits for it, nothing is lost, and all of it is written when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from msgspec.structs import replace

from connwatch.stores import StoreUnusable
from connwatch.stores.sqlite import SqliteFile
from tests.fakes import settle, until
from tests.stores import disks
from tests.stores.conftest import LONG_ENOUGH, Shelf, Shelves
from tests.stores.making import NOW, appeared, change, held, ids, recalled

Fault = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own for the database."""
    path = tmp_path / "state"
    path.mkdir()
    return path


async def breaks_and_heals(shelf: Shelf, fault: AbstractContextManager[None]) -> None:
    """The promise, for one cause: what was committed before, in between and after is all there in the end."""
    sick = held("c1", condition="degraded", status="error")
    await shelf.commit(appeared("t1", held("c1")))
    await shelf.commit(appeared("t0", held("c0")))
    with fault:
        await shelf.commit(appeared("t1", sick, at=NOW + 1.0), appeared("t2", held("c2")))
        await shelf.commit(appeared("t2", replace(held("c2"), since=NOW + 2.0), at=NOW + 2.0))
        assert shelf.recorder.store_states == [True, False]
        assert [(note.event, note.level) for note in shelf.notes] == [("store_failed", "warning")]
        assert ids(await shelf.store.find("c0")) == [("bank", "t0", ["c0"])]
        [(_, found)] = await shelf.store.find("c1")
        assert found.connections["c1"].seen.status == "error"
        assert await shelf.store.history("bank", "c2") == [
            change("c2", NOW, after="healthy"),
            change("c2", NOW + 2.0, after="healthy"),
        ]
    await shelf.clock.advance(1.0)
    await until(lambda: shelf.recorder.store_states == [True, False, True])
    assert shelf.recorder.store_failures == 1
    await shelf.commit(appeared("t3", held("c3")))
    remembered = await shelf.restart()
    assert {
        id_: one.connections[id_].since for one in remembered.targets["bank"].values() for id_ in one.connections
    } == {
        "c0": NOW,
        "c1": NOW,
        "c2": NOW + 2.0,
        "c3": NOW,
    }
    assert remembered.targets["bank"]["t1"].connections["c1"].seen.status == "error"
    assert [line.at for line in await shelf.store.history("bank", "c1")] == [NOW, NOW + 1.0]
    assert [line.at for line in await shelf.store.history("bank", "c2")] == [NOW, NOW + 2.0]


@pytest.mark.parametrize("fault", [disks.locked, disks.no_growth, disks.replaced, disks.moved_away, disks.folder_gone])
async def test_nothing_is_lost_while_the_disk_refuses(shelves: Shelves, folder: Path, fault: Fault) -> None:
    """A lock, an I/O error, a file that was replaced, moved or deleted with its folder: all the same."""
    database = folder / "state.db"
    await breaks_and_heals(shelves(f"sqlite:///{database}"), fault(database))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A database on a small volume of its own."""
    with disks.volume(tmp_path / "volume") as made:
        if not made:
            pytest.skip("no volume can be mounted here")
        yield tmp_path / "volume" / "state.db"


async def test_nothing_is_lost_while_the_disk_is_full(small: Path) -> None:
    """No byte is left on a real volume, until somebody makes room."""
    shelf = Shelf(f"sqlite:///{small}")
    try:
        await breaks_and_heals(shelf, disks.full(small))
    finally:
        await shelf.store.close()


async def test_a_deleted_file_is_written_anew_with_all_that_was_in_it(sqlite: Shelf, database: Path) -> None:
    """Who has it open still has it all: a lost database is not even a failure. What lay beside the old one spoils nothing."""
    crowd = [appeared(f"t{number}", held(f"c{number}")) for number in range(600)]
    await sqlite.commit(*crowd)
    await sqlite.store.forget(target="t7")
    await sqlite.restart()
    await sqlite.commit(*crowd[300:400])
    disks.deleted(database)
    await sqlite.commit(appeared("new", held("new")))
    assert sqlite.recorder.store_states == [True, True]
    remembered = await sqlite.restart()
    assert remembered.targets["bank"].keys() == {memory.state.target.id for memory in crowd} - {"t7"} | {"new"}
    assert [len(await sqlite.store.history("bank", f"c{number}")) for number in (0, 7, 350)] == [1, 0, 2]


async def test_a_store_that_is_down_can_be_left(sqlite: Shelf, database: Path) -> None:
    """The stop is not held up; what was committed before the disk broke is there, and what is lost is said."""
    await sqlite.commit(appeared("t1", held("c1")))
    with disks.no_growth(database):
        await sqlite.commit(appeared("t2", held("c2")))
        await sqlite.store.close()
    assert [note.event for note in sqlite.notes if note.level != "debug"] == ["store_failed", "store_abandoned"]
    sqlite.store = sqlite.restarted()
    assert list((await recalled(sqlite.store)).targets["bank"]) == ["t1"]


async def test_erasing_that_fails_is_not_called_erased(sqlite: Shelf, database: Path) -> None:
    """`forget` raises, and the connection is still there; expiring leaves it for the next time, and says so."""
    await sqlite.commit(appeared("t1", held("c1")))
    with disks.no_growth(database):
        with pytest.raises(StoreUnusable, match="disk I/O error"):
            await sqlite.store.forget(connection="c1")
        assert await sqlite.store.expire(NOW + 1.0) == 0
    assert [(note.event, note.level) for note in sqlite.notes] == [("store_expiry_failed", "warning")]
    assert ids(await sqlite.store.find("c1")) == [("bank", "t1", ["c1"])]


async def test_what_is_forgotten_does_not_come_back_from_the_backlog(sqlite: Shelf, database: Path) -> None:
    """Also what waited for the disk is erased, and counted."""
    await sqlite.commit(appeared("t1", held("c1")))
    with disks.locked(database):
        await sqlite.commit(appeared("t1", held("c1"), held("c2")))
    assert await sqlite.store.forget(target="t1") == 2
    await sqlite.commit(appeared("t3", held("c3")))
    remembered = await sqlite.restart()
    assert list(remembered.targets["bank"]) == ["t3"]
    assert await sqlite.store.find("c2") == []


async def test_what_is_forgotten_is_not_overtaken_by_a_batch(sqlite: Shelf, database: Path) -> None:
    """What waits for its transaction while the erasing takes its time is erased, too, and not written after it."""
    await sqlite.store.commit([appeared("t1", held("c1"))])
    async with asyncio.TaskGroup() as group:
        with disks.locked(database):
            group.create_task(sqlite.store.commit([appeared("t1", held("c2"))]))
            await settle()
            erasing = group.create_task(sqlite.store.forget(target="t1"))
            await sqlite.clock.advance(LONG_ENOUGH)
        assert await erasing == 2
    assert (await sqlite.restart()).targets == {}
    assert await sqlite.store.find("c2") == []


async def test_a_database_that_cannot_be_read_tells_what_waits(sqlite: Shelf, database: Path) -> None:
    """The daemon goes on without it: history shows what is known, and the log says why it is so little."""
    await sqlite.commit(*(appeared(f"t{number}", held(f"c{number}")) for number in range(500)))
    await sqlite.store.close()
    spoil(database)
    sqlite.store = sqlite.restarted()
    await sqlite.commit(appeared("t1", held("c1"), at=NOW + 1.0))
    assert await sqlite.store.history("bank", "c1") == [change("c1", NOW + 1.0, after="healthy")]
    assert ids(await sqlite.store.find("c1")) == [("bank", "t1", ["c1"])]
    assert await sqlite.store.find("c2") == []
    assert [note.event for note in sqlite.notes] == ["store_failed", *["store_read_failed"] * 3]


@pytest.mark.parametrize("written", [False, True], ids=["new", "known"])
def test_a_disk_that_refuses_is_a_fault_at_the_start(written: bool, database: Path, shelves: Shelves) -> None:
    """A daemon doesn't start with less than it knew, nor without a place for what it learns; nothing is spoilt by trying."""
    if written:
        SqliteFile(database).close()
    with disks.no_growth(database), pytest.raises(StoreUnusable, match=r"state\.db: cannot .*disk I/O error"):
        SqliteFile(database)
    assert shelves(f"sqlite:///{database}").recorder.store_states == [True]


async def test_a_broken_database_is_a_fault_at_the_start(sqlite: Shelf, database: Path) -> None:
    """What cannot be loaded is not taken for empty."""
    await sqlite.commit(*(appeared(f"t{number}", held(f"c{number}")) for number in range(500)))
    await sqlite.store.close()
    spoil(database)
    sqlite.store = sqlite.restarted()
    with pytest.raises(StoreUnusable, match=r"state\.db: .*malformed"):
        await recalled(sqlite.store)


def spoil(database: Path) -> None:
    """Overwrite everything but the first pages."""
    with database.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(5 * 4096)
        file.write(b"\xff" * (size - 5 * 4096))
