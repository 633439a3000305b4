"""The whole daemon at work in this process, as `connwatch run` would have it, and a look at it over HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Final

from aiohttp import ClientSession

from connwatch.app import Daemon
from connwatch.config import Plan
from connwatch.core.ports import Clock
from tests.bench.pages import NOW
from tests.bench.source import console

LATER: Final = NOW + 60.0
"""When daemons start: a while after a database was left, so that next to nothing is due."""
LOOK: Final = 0.01
"""Seconds between two looks."""
PIECE: Final = 1 << 16
POLLS: Final = re.compile(rb'^connwatch_polls_total\{.*outcome="ok".*\} (\S+)$', re.MULTILINE)


class Systemd(asyncio.DatagramProtocol):
    """Whom a daemon tells when it is ready: who is told need not ask, and asking would keep it from its work."""

    def __init__(self) -> None:
        self.ready: Final = asyncio.Event()

    def datagram_received(self, data: bytes, _addr: object) -> None:
        """It says something."""
        if b"READY=1" in data.splitlines():
            self.ready.set()


class Running:
    """A daemon that runs."""

    def __init__(self, daemon: Daemon, systemd: Systemd, clock: Clock, reader: ClientSession) -> None:
        self.daemon: Final = daemon
        self._systemd = systemd
        self._clock = clock
        self._reader = reader

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.daemon.addresses[0][1]

    async def loaded(self) -> None:
        """Until it tells systemd that it serves: by then all that was remembered is judged and counted."""
        await self._systemd.ready.wait()

    async def ready(self) -> None:
        """Until it tells whoever asks so: by then its sources were discovered, too."""
        await self.loaded()
        while not await self._says_so():
            await self._clock.sleep(LOOK)

    async def shown(self) -> None:
        """Until a scrape begins to be answered: by then all is written that it gets."""
        async with self._reader.get(f"http://127.0.0.1:{self.port}/metrics"):
            return

    async def polled(self, count: int) -> None:
        """Until so many polls are stored and counted."""
        while await self.polls() < count:
            await self._clock.sleep(LOOK)

    async def polls(self) -> int:
        """Polls that are stored and counted. Nothing of the body is kept, which may be large."""
        last, tail = 0, b""
        async with self._reader.get(f"http://127.0.0.1:{self.port}/metrics") as answer:
            async for piece in answer.content.iter_chunked(PIECE):
                tail = tail[-PIECE:] + piece
                for found in POLLS.finditer(tail, 0, tail.rfind(b"\n")):
                    last = int(float(found[1]))
        return last

    async def scrape(self) -> None:
        """Read it once as Prometheus does: compressed."""
        asking = {"Accept-Encoding": "gzip"}
        async with self._reader.get(f"http://127.0.0.1:{self.port}/metrics", headers=asking) as answer:
            async for _ in answer.content.iter_chunked(PIECE):
                ...

    async def _says_so(self) -> bool:
        async with self._reader.get(f"http://127.0.0.1:{self.port}/-/ready") as answer:
            return answer.status == 200


@asynccontextmanager
async def running(plan: Plan, clock: Clock) -> AsyncIterator[Running]:
    """A daemon from its start to its orderly end. Its reader takes what is compressed as it is.

    Raises KeyboardInterrupt if the daemon ends before: it heard a signal that was meant for all.
    """
    over = asyncio.Event()
    reader = ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"})
    systemd, address = Systemd(), f"connwatch-bench-{os.getpid()}"
    ear, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: systemd, f"\0{address}", family=socket.AF_UNIX
    )
    with closing(ear), console(f"@{address}") as out:
        async with reader, asyncio.TaskGroup() as group:
            daemon = Daemon(plan, lambda: plan, clock, out)

            async def run() -> None:
                await daemon.run()
                if not over.is_set():
                    raise KeyboardInterrupt

            group.create_task(run())
            try:
                yield Running(daemon, systemd, clock, reader)
            finally:
                over.set()
                daemon.stopping.set()
