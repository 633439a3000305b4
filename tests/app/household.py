"""A daemon at work in this process against the simulated providers, on real loopback sockets, and somebody who reads it."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession
from structlog.typing import FilteringBoundLogger

from connwatch.app import Console, Daemon
from connwatch.clock import SystemClock
from connwatch.config import Plan, load
from connwatch.core.model import NEVER
from connwatch.core.ports import Clock
from connwatch.log import Redaction, Volume, set_up
from connwatch.notify import Notifier
from connwatch.simulator import Effect, Fault, Simulator
from tests.fakes import until

PATIENCE: Final = 20.0
"""Real seconds after which something that doesn't come about fails a test; a machine that is busy needs them, others don't."""
SMALL: Final = 60
NAMES: Final = ("nectar", "moneyhub", "basiq")

_SAMPLE: Final = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Metrics = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def source(name: str, simulator: Simulator, port: int, folder: Path) -> dict[str, Any]:
    """How a source of this provider is configured, with a quota and intervals that are in nobody's way."""
    origin = f"http://127.0.0.1:{port}"
    own: Mapping[str, dict[str, Any]] = {
        "nectar": {"base_url": f"{origin}/nectar/v2.2", "api_key": simulator.nectar_key},
        "moneyhub": {
            "company": "acme",
            "identity_url": f"{origin}/moneyhub",
            "client_id": simulator.moneyhub_client_id,
            "client_secret": simulator.moneyhub_client_secret,
        },
        "basiq": {
            "company": "acme-au",
            "base_url": f"{origin}/basiq",
            "api_key": simulator.basiq_key,
            "users": {"file": str(folder / "basiq-users.txt")},
            "smart_cache": True,
        },
    }
    quota = {"requests_per_minute": 1_000_000, "burst": 500, "max_in_flight": 8}
    return {"provider": name, "poll_interval": "1h", "discovery_interval": "1h", "quota": quota} | own[name]


class Household:
    """A simulator, a configuration, and as many daemons, one after the other, as a test starts."""

    def __init__(self, folder: Path, clock: Clock, *, connections: int) -> None:
        self.folder = folder
        self.clock = clock
        self.held = 0
        """Requests that the providers keep waiting now."""
        self.release = asyncio.Event()
        """Ends the waits of answers that were slowed down."""
        self._slowed = False
        self.simulator = Simulator(connections=connections, pace=0, now=clock.now, sleep=self._hold)
        self.file = folder / "connwatch.yaml"
        self.told: dict[str, Any] = {}
        self.log = io.StringIO()
        self.environ: dict[str, str] = {}
        self.daemon: Daemon
        self.reader: ClientSession
        self.port = 0

    async def _hold(self, seconds: float) -> None:
        self.held += 1
        try:
            await self.clock.wait(self.release, NEVER if self._slowed else self.clock.now() + seconds)
        finally:
            self.held -= 1

    def write_users(self) -> None:
        """The users of Basiq as an operator would list them."""
        users = "".join(f"{user}\n" for user in self.simulator.basiq_users())
        (self.folder / "basiq-users.txt").write_text(users, encoding="utf-8")

    def write(self) -> None:
        """Put the configuration where the daemon finds it. It is JSON, which is YAML too."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.told), encoding="utf-8")
        new.replace(self.file)

    def plan(self) -> Plan:
        """The configuration as it is on the disk."""
        return load(str(self.file), environ={})

    def new_log(self, volume: Volume | None = None, redaction: Redaction | None = None) -> FilteringBoundLogger:
        """A logger that says all, and that tests can read."""
        return set_up(volume or Volume("debug"), "json", redaction or Redaction(), stream=self.log)

    def make(self) -> Daemon:
        """A daemon that was not started yet."""
        volume, redaction = Volume("debug"), Redaction()
        console = Console(self.new_log(volume, redaction), volume, redaction, Notifier(self.environ))
        return Daemon(self.plan(), self.plan, self.clock, console, path=str(self.file))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        """A daemon from its start to its orderly end."""
        self.daemon = daemon = self.make()
        async with asyncio.TaskGroup() as group:
            living = group.create_task(daemon.run())
            await until(lambda: bool(daemon.addresses) or living.done(), patience=PATIENCE)
            try:
                if daemon.addresses:
                    host, port = daemon.addresses[0]
                    async with ClientSession(f"http://{host}:{port}") as self.reader:
                        yield daemon
            finally:
                daemon.stopping.set()

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask the daemon."""
        async with self.reader.get(
            path, headers={key.replace("_", "-"): value for key, value in headers.items()}
        ) as said:
            return said.status, await said.text()

    async def reload(self) -> tuple[int, str]:
        """Have the configuration read again."""
        async with self.reader.post("/-/reload") as said:
            return said.status, await said.text()

    async def metrics(self) -> Metrics:
        """What a scrape gets."""
        status, text = await self.get("/metrics")
        assert status == 200
        return parsed(text)

    async def metrics_once(self, true: Callable[[Metrics], bool]) -> Metrics:
        """The first scrape for which this is true."""
        async with asyncio.timeout(PATIENCE):
            while not true(found := await self.metrics()):
                await self.clock.sleep(0.02)
        return found

    async def ready(self) -> None:
        """Until every source was tried and every connection of the truth is counted."""
        await self.metrics_once(lambda found: self.counted(found) == self.true_totals())

    def configure(self, **keys: Any) -> None:
        """Give the first source other keys, and write the configuration."""
        next(iter(self.told["sources"].values())).update(keys)
        self.write()

    def ask_often(self) -> None:
        """Let the first source be asked every second."""
        self.configure(poll_interval="1s", discovery_interval="1h")

    def slow_down(self, provider: str = "*") -> None:
        """Let every answer of a provider wait, until `release` is set."""
        self._slowed = True
        self.simulator.faults.use(provider, [Fault(Effect.SLOW)])

    def working(self, status: str = "CONNECTED") -> list[str]:
        """The connections that have this status now."""
        return [one.id for one in self.simulator.world.connections.values() if one.state.status == status]

    def requests(self, provider: str) -> list[str]:
        """The paths that a provider was asked for so far."""
        return [one.path for one in self.simulator.requests if one.provider == provider]

    def listings(self) -> list[str]:
        """The requests for connections so far."""
        return [one.path for one in self.simulator.requests if "/connection" in one.path]

    async def json(self, path: str) -> Any:
        """A document of the API."""
        status, text = await self.get(path)
        assert status == 200, text
        return json.loads(text)

    async def answers(self, path: str, status: int) -> str:
        """What the daemon says there, once it says it with this status."""
        async with asyncio.timeout(PATIENCE):
            while (said := await self.get(path))[0] != status:
                await self.clock.sleep(0.02)
        return said[1]

    def true_totals(self) -> Mapping[str, int]:
        """Connections by provider, as the providers list them."""
        return {
            name: counts["total"] for name, counts in self.simulator.truth().items() if name in self.told["sources"]
        }

    def counted(self, found: Metrics) -> Mapping[str, int]:
        """Connections by provider, as the daemon counts them."""
        return {name: int(total(found, "connwatch_connections", provider=name)) for name in self.told["sources"]}

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged of an event."""
        lines = (json.loads(line) for line in self.log.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


def parsed(text: str) -> Metrics:
    """Samples by name and labels. That the format is right, the tests of `metrics` say; this is the quick way to read it."""
    lines = (_SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#"))
    return {(line[1], frozenset(_LABEL.findall(line[2] or ""))): float(line[3]) for line in lines if line}


def select(found: Metrics, name: str, **labels: str) -> Mapping[frozenset[tuple[str, str]], float]:
    """The samples of a family that carry these labels."""
    return {key[1]: value for key, value in found.items() if key[0] == name and set(labels.items()) <= key[1]}


def total(found: Metrics, name: str, **labels: str) -> float:
    """Their sum."""
    return sum(select(found, name, **labels).values())


def heard(systemd: socket.socket) -> list[str]:
    """What systemd was told since the last time, by first words."""
    messages = []
    while True:
        try:
            messages.append(systemd.recv(1024).decode().partition("=")[0])
        except BlockingIOError:
            return messages


@asynccontextmanager
async def moved_in(
    folder: Path,
    *,
    connections: int = SMALL,
    providers: tuple[str, ...] = NAMES,
    store: str = "",
    clock: SystemClock | None = None,
) -> AsyncIterator[Household]:
    """A household whose providers answer. Nothing happens in their world by itself."""
    house = Household(folder, clock or SystemClock(), connections=connections)
    port = await house.simulator.start()
    try:
        house.port = port
        house.told = {
            "store": store or f"sqlite:///{folder / 'state.db'}",
            "web": {"listen": "127.0.0.1:0"},
            "shutdown_grace": "10m",
            "sources": {name: source(name, house.simulator, port, folder) for name in providers},
        }
        house.write_users()
        house.write()
        yield house
    finally:
        await house.simulator.stop()
