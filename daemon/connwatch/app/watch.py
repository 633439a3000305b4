"""Notices when the configuration or a file with users changes, replaced files and swapped links included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from watchfiles import awatch

Signature: TypeAlias = tuple[int, int, int] | None


def signature(path: str) -> Signature:
    """What tells one content of a file from the next; None if it can't be looked at."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


async def watch(paths: Iterable[str], changed: Callable[[str], Awaitable[None]], stop: asyncio.Event) -> None:
    """Call `changed` with each of these files when it changed, until `stop`.

    The folders are watched, not the files: editors replace files, and Kubernetes swaps a link beside them.
    """
    known = {path: signature(path) for path in paths}
    folders = sorted({str(Path(path).resolve().parent) for path in known} | {str(Path(path).parent) for path in known})
    async for _ in awatch(*(one for one in folders if Path(one).is_dir()), stop_event=stop, recursive=False):
        for path, before in known.items():
            now = signature(path)
            if now != before and now is not None:
                known[path] = now
                await changed(path)
