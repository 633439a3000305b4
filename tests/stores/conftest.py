from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from connwatch.core.model import Note
from connwatch.core.ports import SourceMemory, Store, TargetMemory
from connwatch.stores import open_store
from tests.fakes import FakeClock, FakeRecorder
from tests.stores.making import Recalled, recalled

LONG_ENOUGH: Final = 0.2
"""Seconds after which a batch has been gathered, whatever was written before."""


class Shelf:
    """A store at work, on virtual time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = FakeClock()
        self.recorder = FakeRecorder()
        self.notes: list[Note] = []
        self.store = self.restarted()

    def restarted(self) -> Store:
        """The store, opened anew."""
        return open_store(self.url, clock=self.clock, recorder=self.recorder, tell=self.notes.append)

    async def commit(self, *memories: TargetMemory | SourceMemory) -> None:
        """Commit, and let the time pass that it takes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.store.commit(memories))
            await self.clock.advance(LONG_ENOUGH)

    async def restart(self) -> Recalled:
        """What is there after a restart; `memory:` has none, and shows what it would be."""
        if self.url != "memory:":
            await self.store.close()
            self.store = self.restarted()
        return await recalled(self.store)


Shelves = Callable[[str], Shelf]


@pytest.fixture
async def shelves() -> AsyncIterator[Shelves]:
    """Opens stores by their URL."""
    opened: list[Shelf] = []

    def put_up(url: str) -> Shelf:
        opened.append(Shelf(url))
        return opened[-1]

    yield put_up
    for shelf in opened:
        await shelf.store.close()


@pytest.fixture(params=["memory", "sqlite"])
def shelf(request: pytest.FixtureRequest, shelves: Shelves, tmp_path: Path) -> Shelf:
    """Each kind of store, empty."""
    return shelves("memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/state.db")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a database is to be."""
    return tmp_path / "state.db"


@pytest.fixture
def sqlite(shelves: Shelves, database: Path) -> Shelf:
    """An empty store on a file."""
    return shelves(f"sqlite:///{database}")
