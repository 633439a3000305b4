"""The lives of the daemon in this process, one after the other on the same store, and what each leaves behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout

from connwatch.app import Console, Daemon
from connwatch.app.housekeeping import give_back
from connwatch.config import Plan, load
from connwatch.core.ports import Clock
from connwatch.log import Redaction, Volume, set_up
from connwatch.notify import Notifier
from tests.soak.samples import Samples, samples, total
from tests.soak.verdict import Census

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_EXPECTED: Final = frozenset({"reload_refused"})
"""Errors that are logged for what a soak does on purpose."""
_PATIENCE: Final = 2.0
"""Real seconds within which a thread that has been told to end has closed its files."""
_MOMENT: Final = 0.01


def occupied() -> int:
    """Bytes of memory that this process occupies, once the collector has run and what nobody uses is given back, as it is every hour."""
    gc.collect()
    give_back()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - to count them


class Lives:
    """One daemon at a time, run by `group`. In `folder` are its configuration, its state and what it logs as errors."""

    def __init__(self, group: asyncio.TaskGroup, clock: Clock, folder: Path) -> None:
        self.polls = 0
        """Those of the lives that have ended."""
        self.before: Census
        """What the process held before the first life."""
        self.left: list[Census] = []
        """What it held after each life."""
        self._group = group
        self._clock = clock
        self._file = folder / "connwatch.yaml"
        self._state = folder / "state.db"
        self._log = folder / "errors.log"
        self._daemons: list[weakref.ref[Daemon]] = []
        self._visit = AsyncExitStack()
        self._daemon: Daemon
        self._life: asyncio.Task[None]
        self._reader: ClientSession

    async def start(self, told: Mapping[str, Any]) -> None:
        """Begin a life, and wait until it answers."""
        if not self._daemons:
            self.before = self.census()
        self._write(told)
        log = self._visit.enter_context(self._log.open("a", encoding="utf-8"))
        volume, redaction = Volume("error"), Redaction()
        console = Console(set_up(volume, "json", redaction, stream=log), volume, redaction, Notifier({}))
        self._daemon = Daemon(self.plan(), self.plan, self._clock, console, path=str(self._file))
        self._daemons.append(weakref.ref(self._daemon))
        self._life = self._group.create_task(self._daemon.run(), name="daemon")
        while not self._daemon.addresses:
            await self._clock.sleep(1.0)
        host, port = self._daemon.addresses[0]
        self._reader = await self._visit.enter_async_context(
            ClientSession(f"http://{host}:{port}", timeout=ClientTimeout())
        )

    async def stop(self) -> None:
        """End a life in order."""
        self.polls += await self._count_polls()
        self._daemon.stopping.set()
        await self._life
        await self._leave()

    async def die(self) -> None:
        """End a life as the death of the process would: the next one finds the store as it is at this instant."""
        self.polls += await self._count_polls()
        snapshot = self._state.with_suffix(".snapshot")
        with closing(sqlite3.connect(self._state)) as now, closing(sqlite3.connect(snapshot)) as then:
            now.backup(then)
        self._life.cancel()
        await asyncio.wait((self._life,))
        await self._leave()
        for suffix in ("-wal", "-shm"):
            self._state.with_name(self._state.name + suffix).unlink(missing_ok=True)
        snapshot.replace(self._state)

    async def reload(self, told: Mapping[str, Any]) -> int:
        """Have a configuration put into force; the status of the answer."""
        self._write(told)
        async with self._reader.post("/-/reload") as said:
            return said.status

    async def scrape(self, names: str) -> Samples:
        """What is exported now of the families whose names begin so."""
        async with self._reader.get("/metrics") as said:
            return samples(await said.text(), names)

    def plan(self) -> Plan:
        """What is configured."""
        return load(str(self._file), environ={})

    def census(self) -> Census:
        """What the process holds now."""
        gc.collect()
        return Census(
            tasks=len(asyncio.all_tasks()),
            files=_open_files(),
            threads=threading.active_count(),
            daemons=sum(daemon() is not None for daemon in self._daemons),
        )

    def errors(self) -> list[str]:
        """What was logged that should not have happened."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if json.loads(line)["event"] not in _EXPECTED]

    async def _leave(self) -> None:
        await self._visit.aclose()
        del self._daemon, self._life, self._reader
        self._let_watchers_end()
        self.left.append(self.census())

    def _let_watchers_end(self) -> None:
        """Who watched files has been told to end, and closes them in a thread of its own: a matter of real milliseconds."""
        moment = threading.Event()
        for _ in range(round(_PATIENCE / _MOMENT)):
            if _open_files() <= self.before.files:
                break
            moment.wait(_MOMENT)

    async def _count_polls(self) -> int:
        return int(total(await self.scrape("connwatch_polls_total"), "connwatch_polls_total"))

    def _write(self, told: Mapping[str, Any]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(told), encoding="utf-8")
        new.replace(self._file)
