"""What the commands need around them: providers that answer, in a thread of their own, and a program to run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from typer.testing import CliRunner, Result

from connwatch.cli import cli
from connwatch.simulator import Simulator
from tests.app.household import PATIENCE, source

NAMES: Final = ("nectar", "moneyhub", "basiq")
TRACEBACK: Final = "Traceback"


class Providers:
    """The simulated providers on a thread, so that a command may have the loop of this one."""

    def __init__(self, *, connections: int) -> None:
        self.simulator = Simulator(connections=connections, pace=0)
        self.port = 0
        self._up, self._down = Event(), Event()
        self._thread = Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self.port = await self.simulator.start()
        self._up.set()
        await asyncio.to_thread(self._down.wait)
        await self.simulator.stop()

    @contextmanager
    def answering(self) -> Iterator[Providers]:
        """Serve."""
        self._thread.start()
        assert self._up.wait(PATIENCE)
        try:
            yield self
        finally:
            self._down.set()
            self._thread.join()


class Desk:
    """Where somebody types commands: a folder with a configuration, and providers that it names."""

    def __init__(self, folder: Path, providers: Providers) -> None:
        self.folder = folder
        self.simulator = providers.simulator
        self.file = folder / "connwatch.yaml"
        self.told: dict[str, Any] = {
            "store": f"sqlite:///{folder / 'state.db'}",
            "web": {"listen": "127.0.0.1:0"},
            "sources": {name: source(name, providers.simulator, providers.port, folder) for name in NAMES},
        }
        users = "".join(f"{user}\n" for user in self.simulator.basiq_users())
        (folder / "basiq-users.txt").write_text(users, encoding="utf-8")
        self.write()

    def write(self) -> None:
        """Put the configuration down."""
        self.file.write_text(json.dumps(self.told, indent=1), encoding="utf-8")

    def type(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Carry a command out in this process; with this configuration, unless the environment names one."""
        config = () if env else ("--config", str(self.file))
        return typed(*arguments, *config, env=env)

    def total(self, provider: str) -> int:
        """Connections that there are."""
        count: int = self.simulator.truth()[provider]["total"]
        return count


def typed(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Carry a command out in this process. What it raises beyond its exit is the test's fault to see."""
    result = CliRunner().invoke(cli, list(arguments), env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@contextmanager
def program(*arguments: str, folder: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own; killed at the end, if it still runs."""
    command = (sys.executable, "-m", "connwatch", *arguments)
    with subprocess.Popen(  # noqa: S603 - ourselves
        command,
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], words: str) -> str:
    """The first line on stderr with these words. The program is expected to say it before it goes quiet."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said, but: {''.join(lines)}")


def daemon_at(process: subprocess.Popen[str]) -> str:
    """Where a daemon that logs in JSON listens, once it does."""
    address: str = json.loads(said(process, '"event": "started"'))["addresses"][0]
    return f"http://{address}"


def ended(process: subprocess.Popen[str], number: int | None = None) -> tuple[int, str, str]:
    """(exit status, stdout, the rest of stderr), after a signal if one is given."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def page(url: str) -> tuple[int, str]:
    """What is answered there; (0, why) if nothing is."""
    try:
        with urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - the loopback
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except URLError as fault:
        return 0, str(fault.reason)
