"""Notices when the configuration or a file with users changes, replaced files and swapped links included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from watchfiles import awatch

Signature: TypeAlias = tuple[int, int, int] | None
LOOK: Final = 1000
"""Milliseconds between two looks at files of which nothing was heard."""


def signature(path: str) -> Signature:
    """What tells one content of a file from the next; None if it can't be looked at."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


async def watch(
    paths: Iterable[str],
    seen: MutableMapping[str, Signature],
    changed: Callable[[str], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Call `changed` with each of these files when it is no longer as it was `seen`, until `stop`.

    The folders are watched, not the files: editors replace files, and Kubernetes swaps a link beside them. Once a second
    the files are looked at anyway: nothing is overlooked that happens before the watch begins, or while `changed` is busy.
    """
    watched = tuple(paths)
    for path in watched:
        seen.setdefault(path, signature(path))
    async for _ in awatch(
        *_folders(watched),
        watch_filter=None,
        stop_event=stop,
        recursive=False,
        rust_timeout=LOOK,
        yield_on_timeout=True,
    ):
        for path in watched:
            now = signature(path)
            if now not in {seen[path], None}:
                seen[path] = now
                await changed(path)


def _folders(paths: Iterable[str]) -> Sequence[Path]:
    """Where the files are, and where links to them are."""
    folders = {folder for path in map(Path, paths) for folder in (path.parent, path.resolve().parent)}
    return sorted(folder for folder in folders if folder.is_dir())
