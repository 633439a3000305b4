"""Batches: when they are written, and what becomes of them when they cannot be. On virtual time, to the exact instant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from connwatch.core.model import Note
from connwatch.stores.batch import Batch
from connwatch.stores.faults import StoreUnusable
from connwatch.stores.writer import FULL, Writer
from tests.fakes import FakeClock, FakeRecorder
from tests.stores.making import appeared, held


class Disk:
    """Takes batches, or refuses them while `broken`; each write takes `seconds`."""

    def __init__(self) -> None:
        self.clock = FakeClock(now=0.0)
        self.recorder = FakeRecorder()
        self.notes: list[Note] = []
        self.writer = Writer(self._write, self.clock, self.recorder, self.notes.append)
        self.broken: Exception | None = None
        self.seconds = 0.0
        self.tried: list[float] = []
        self.written: list[tuple[float, Sequence[str]]] = []

    async def _write(self, batch: Batch) -> None:
        self.tried.append(self.clock.monotonic())
        await self.clock.sleep(self.seconds)
        if self.broken is not None:
            raise self.broken
        self.written.append((self.clock.monotonic(), [row[2] for row in batch.connection_rows()]))

    async def commit(self, *ids: str) -> None:
        """Commit connections."""
        await self.writer.commit([appeared("t1", *map(held, ids))])


FULL_DISK = StoreUnusable("state.db: database or disk is full")


@pytest.fixture
def disk() -> Disk:
    """An empty one that works."""
    return Disk()


async def test_commits_at_the_same_time_share_a_transaction(disk: Disk) -> None:
    """They are written together and at once, since nothing was written lately, and all return."""
    async with asyncio.TaskGroup() as group:
        for id_ in ("a", "b", "c"):
            group.create_task(disk.commit(id_))
    assert disk.written == [(0.0, ["a", "b", "c"])]
    assert disk.recorder.commits == [0.0]
    await disk.writer.close()


async def test_a_tenth_of_a_second_goes_into_one_transaction(disk: Disk) -> None:
    """What follows a transaction within 100 ms is gathered and written when they are over: nobody waits longer."""
    async with asyncio.TaskGroup() as group:
        for id_ in ("a", "b", "c", "d"):
            group.create_task(disk.commit(id_))
            await disk.clock.advance(0.04)
        await disk.clock.advance(0.04)
    assert disk.written == [(0.0, ["a"]), (0.1, ["b", "c"]), (0.2, ["d"])]
    await disk.writer.close()


async def test_a_full_batch_does_not_wait(disk: Disk) -> None:
    """With 1000 rows there is nothing to gain by waiting."""
    await disk.commit("a")
    async with asyncio.TaskGroup() as group:
        group.create_task(disk.commit("b"))
        await disk.clock.advance(0.01)
        group.create_task(disk.commit(*(f"c{number}" for number in range(FULL))))
        await disk.clock.advance(0.01)
        assert len(disk.written[1][1]) == FULL + 1
        assert disk.clock.monotonic() < 0.1
    await disk.writer.close()


async def test_a_hurry_ends_the_wait(disk: Disk) -> None:
    """Who is in a hurry has what waits written, and what comes next: no death in the next tenth of a second takes it away."""
    await disk.commit("a")
    async with asyncio.TaskGroup() as group:
        group.create_task(disk.commit("b"))
        await disk.clock.advance(0.01)
        disk.writer.hurry()
        await disk.clock.advance(0.01)
        disk.writer.hurry()
        await disk.commit("c")
    assert disk.written == [(0.0, ["a"]), (0.01, ["b"]), (0.02, ["c"])]
    await disk.writer.close()


async def test_nothing_is_no_transaction(disk: Disk) -> None:
    """Committing nothing returns at once and writes nothing."""
    await disk.writer.commit([])
    assert disk.tried == []
    await disk.writer.close()


async def test_what_comes_during_a_write_goes_into_the_next(disk: Disk) -> None:
    """A commit returns only when its own batch is written, and its duration is counted."""
    disk.seconds = 5.0
    async with asyncio.TaskGroup() as group:
        first = group.create_task(disk.commit("a"))
        await disk.clock.advance(1.0)
        second = group.create_task(disk.commit("b"))
        await disk.clock.advance(4.0)
        assert (first.done(), second.done()) == (True, False)
        await disk.clock.advance(5.0)
    assert disk.written == [(5.0, ["a"]), (10.0, ["b"])]
    assert disk.recorder.commits == [5.0, 5.0]
    await disk.writer.close()


async def test_nothing_is_written_while_others_have_their_turn(disk: Disk) -> None:
    """Who erases is not overtaken by a batch that may hold what is being erased."""
    async with asyncio.TaskGroup() as group:
        async with disk.writer.turn:
            group.create_task(disk.commit("a"))
            await disk.clock.advance(1.0)
            assert disk.tried == []
        await disk.clock.advance(1.0)
    assert disk.written == [(1.0, ["a"])]
    await disk.writer.close()


async def test_a_refused_batch_is_kept_and_tried_again(disk: Disk) -> None:
    """Nobody waits for a broken disk; the pauses double up to a minute; all is written once it works, and said once each."""
    disk.broken = FULL_DISK
    await disk.commit("a")
    await disk.commit("b")
    assert disk.recorder.store_states == [False]
    await disk.clock.advance(200.0)
    assert disk.tried == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0, 183.0]
    assert (disk.recorder.store_failures, disk.recorder.commits) == (9, [])
    disk.broken = None
    await disk.clock.advance(60.0)
    assert disk.written == [(243.0, ["a", "b"])]
    assert disk.recorder.store_states == [False, True]
    await disk.commit("c")
    assert disk.written[1:] == [(260.0, ["c"])]
    assert [(note.event, note.level) for note in disk.notes if note.level != "debug"] == [
        ("store_failed", "warning"),
        ("store_recovered", "info"),
    ]
    assert disk.notes[0].facts["fault"] == str(FULL_DISK)
    await disk.writer.close()


async def test_who_waits_when_the_disk_breaks_is_let_go(disk: Disk) -> None:
    """Both who wait for the batch that fails and who came during its writing go on, and their memories are kept."""
    disk.broken, disk.seconds = FULL_DISK, 2.0
    async with asyncio.TaskGroup() as group:
        group.create_task(disk.commit("a"))
        await disk.clock.advance(1.0)
        group.create_task(disk.commit("b"))
        await disk.clock.advance(1.0)
    disk.broken = None
    await disk.clock.advance(3.0)
    assert disk.written == [(5.0, ["a", "b"])]
    await disk.writer.close()


async def test_what_is_committed_during_the_catching_up_is_written_too(disk: Disk) -> None:
    """Its commit returned at once, since the store was down; nobody else has to come for it to be written."""
    disk.broken = FULL_DISK
    await disk.commit("a")
    disk.broken, disk.seconds = None, 3.0
    await disk.clock.advance(2.0)
    await disk.commit("b")
    await disk.clock.advance(10.0)
    assert [ids for _, ids in disk.written] == [["a"], ["b"]]
    await disk.writer.close()


async def test_closing_writes_what_waits_at_once(disk: Disk) -> None:
    """Nothing is lost by an orderly stop, and it doesn't wait for the window. After that, nothing can be committed."""
    await disk.commit("a")
    async with asyncio.TaskGroup() as group:
        group.create_task(disk.commit("b"))
        await disk.clock.advance(0.01)
        await disk.writer.close()
    assert [ids for _, ids in disk.written] == [["a"], ["b"]]
    with pytest.raises(RuntimeError, match="closed"):
        await disk.commit("c")


async def test_closing_tries_once_more_and_then_gives_up(disk: Disk) -> None:
    """A broken disk does not hold up the stop, and what is lost by it is said."""
    disk.broken = FULL_DISK
    await disk.commit("a")
    await disk.writer.close()
    assert len(disk.tried) == 2
    assert disk.clock.monotonic() == 0.0
    assert (disk.notes[-1].event, disk.notes[-1].level) == ("store_abandoned", "warning")


async def test_closing_saves_the_backlog_if_the_disk_is_back(disk: Disk) -> None:
    """The last try may succeed."""
    disk.broken = FULL_DISK
    await disk.commit("a")
    disk.broken = None
    await disk.writer.close()
    assert disk.written == [(0.0, ["a"])]


async def test_who_no_longer_waits_holds_nobody_up(disk: Disk) -> None:
    """A cancelled commit is still written, and so are the others in its batch."""
    disk.seconds = 1.0
    async with asyncio.TaskGroup() as group:
        given_up = group.create_task(disk.commit("a"))
        other = group.create_task(disk.commit("b"))
        await disk.clock.advance(0.5)
        given_up.cancel()
        await disk.clock.advance(0.5)
        assert given_up.cancelled()
        await other
    assert disk.written == [(1.0, ["a", "b"])]
    await disk.writer.close()


async def test_a_fault_of_ours_is_met_by_who_commits(disk: Disk) -> None:
    """What is no fault of the disk is not hidden in the backlog: it reaches everyone, up to the close."""
    disk.broken = TypeError("a bug")
    for _ in range(2):
        with pytest.raises(TypeError, match="a bug"):
            await disk.commit("a")
    with pytest.raises(TypeError, match="a bug"):
        await disk.writer.close()


async def test_a_fault_of_ours_is_met_while_the_store_is_down(disk: Disk) -> None:
    """Commits that need not wait meet it too."""
    disk.broken = FULL_DISK
    await disk.commit("a")
    disk.broken = TypeError("a bug")
    await disk.clock.advance(1.0)
    with pytest.raises(TypeError, match="a bug"):
        await disk.commit("b")
    with pytest.raises(TypeError, match="a bug"):
        await disk.writer.close()
