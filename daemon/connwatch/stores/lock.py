"""One daemon at a time works with a database: a lock beside the file, which the system lifts when its holder dies."""

from __future__ import annotations

import os
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from connwatch.stores.faults import StoreLocked


class FileLock:
    """Holds `<file>.lock` from the start. The file stays when it is released: taking it away would let two in.

    Raises StoreLocked when another process holds it, and OSError when it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        file = path.with_name(f"{path.name}.lock")
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(self._file, LOCK_EX | LOCK_NB)
        except OSError as fault:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            self.release()
            if not isinstance(fault, BlockingIOError):
                raise
            raise StoreLocked(
                f"{path}: another connwatch{f' (process {holder})' if holder else ''} works with this database. "
                "Stop it first, or give this one a `store` of its own. "
                "What only reads, like `connwatch explain`, works beside it."
            ) from None
        with suppress(OSError):  # who holds it is a kindness, for which a full disk has no room
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)
