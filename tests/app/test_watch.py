"""Files that change, however that is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connwatch.app.watch import Signature, signature, watch
from tests.app.household import PATIENCE
from tests.fakes import until


def text(path: str) -> str:
    """What a file holds."""
    return Path(path).read_text(encoding="utf-8")


def write(file: Path, word: str = "second") -> None:
    """As a shell does it."""
    file.write_text(word, encoding="utf-8")


def move_away_and_back(file: Path) -> None:
    """As an old editor does it."""
    file.unlink()
    write(file)


def replace(file: Path) -> None:
    """As an editor does it."""
    other = file.with_name("other")
    other.write_text("second", encoding="utf-8")
    other.replace(file)


def swap(file: Path) -> None:
    """As Kubernetes does it: the file is a link into a folder that is a link, which is moved."""
    new = file.parent / "..new"
    new.mkdir()
    (new / "file").write_text("second", encoding="utf-8")
    link = file.parent / "..link"
    link.symlink_to(new)
    link.replace(file.parent / "..data")


@asynccontextmanager
async def watching(
    file: Path, changed: Callable[[str], Awaitable[None]], seen: dict[str, Signature] | None = None
) -> AsyncIterator[None]:
    """The watch of one file, from its beginning to its end."""
    seen = {str(file): signature(str(file))} if seen is None else seen
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(watch([str(file)], seen, changed, stop))
        yield
        stop.set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder of its own, mounted as Kubernetes does it."""
    old = tmp_path / "..old"
    old.mkdir()
    (old / "file").write_text("first", encoding="utf-8")
    (tmp_path / "..data").symlink_to(old)
    file = tmp_path / "file"
    file.symlink_to("..data/file")
    return file


@pytest.mark.parametrize("change", [write, replace, swap, move_away_and_back])
async def test_a_change_is_noticed_once(file: Path, change: Callable[[Path], None]) -> None:
    """Written, replaced, or reached through a link that moves: it is told, with what it holds by then, and once."""
    told: list[str] = []

    async def changed(path: str) -> None:
        told.append(text(path))

    async with watching(file, changed):
        change(file)
        await until(lambda: bool(told), patience=PATIENCE)
    assert told == ["second"]


async def test_what_changed_before_the_watch_began_is_noticed(file: Path) -> None:
    """Between two watches nothing is overlooked: what counts is what was seen last."""
    seen = {str(file): signature(str(file))}
    replace(file)
    told = asyncio.Event()

    async def changed(_: str) -> None:
        told.set()

    async with watching(file, changed, seen), asyncio.timeout(PATIENCE):
        await told.wait()


async def test_what_changes_meanwhile_is_noticed_afterwards(file: Path) -> None:
    """Whoever hears of a change may take his time: the next one is told when he is done."""
    told: list[str] = []

    async def changed(path: str) -> None:
        if not told:
            write(file, "third")
        told.append(text(path))

    async with watching(file, changed):
        write(file)
        await until(lambda: len(told) > 1, patience=PATIENCE)
    assert told == ["third", "third"]


def test_a_file_that_is_away_has_not_changed(file: Path) -> None:
    """There is nothing to read, and nothing to look at."""
    assert signature(str(file.with_name("nowhere"))) is None
