"""The two processes of a soak: this one, with the daemon, leads the time; the providers' follows."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connwatch.app.collector import passing_over
from tests.soak.clock import Leader, VirtualClock, VirtualLoop
from tests.soak.course import Settings, Soak
from tests.soak.verdict import Observed


def soak(settings: Settings, folder: Path, tell: Callable[[str], None]) -> Observed:
    """Run a soak from its beginning to its end; `folder` takes the daemon's files."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The collector runs every hour: what was there before is none of its business.
    with ours, _providers(settings, theirs) as origin, passing_over():
        leader = Leader(ours, settings.grain)
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(leader)) as runner:
            return runner.run(Soak(settings, folder, origin, VirtualClock(leader), tell).run())


@contextmanager
def _providers(settings: Settings, link: socket.socket) -> Iterator[str]:
    """The providers' process, and the address that they answer at."""
    command = [sys.executable, "-m", "tests.soak.providers", "--link", str(link.fileno())]
    command += ["--seed", str(settings.seed), "--connections", str(settings.connections), "--pace", str(settings.pace)]
    with subprocess.Popen(command, pass_fds=[link.fileno()], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        link.close()
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            if (status := process.poll()) is not None:
                raise ChildProcessError(f"the providers' process ended with status {status}")
            process.terminate()
