"""Somebody who scrapes, in another process: asked for one on stdin, it says how many seconds it took. `python -m tests.bench.reader`."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeAlias

from tests.bench.alone import TOP
from tests.bench.measure import wall

Coding: TypeAlias = Literal["identity", "gzip"]
ROOM: Final = 1 << 20
REQUEST: Final = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {}\r\nConnection: close\r\n\r\n"


class Reader:
    """The other process, seen from here."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read(self, coding: Coding) -> float:
        """Seconds from the request to the last byte, which is dropped like all others."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{coding}\n".encode())
        return float(await self._process.stdout.readline())


@asynccontextmanager
async def reading(port: int) -> AsyncIterator[Reader]:
    """A reader of what is served there."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.bench.reader", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=TOP)
    try:
        yield Reader(process)
    finally:
        await process.communicate(b"")  # the end of its orders, which ends it


def _read(port: int, coding: str, room: bytearray) -> float:
    start = wall()
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(REQUEST.format(coding).encode())
        while line.recv_into(room):
            continue
    return wall() - start


if __name__ == "__main__":
    space = bytearray(ROOM)
    for wanted in sys.stdin:
        sys.stdout.write(f"{_read(int(sys.argv[1]), wanted.strip(), space)}\n")
        sys.stdout.flush()
