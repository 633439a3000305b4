"""`connwatch demo`: the simulated providers and the daemon that watches them, in one process, until Ctrl-C (`make run`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

from connwatch.app import Daemon
from connwatch.config import Plan
from connwatch.simulator import Simulator

ADDRESS: Final = ("127.0.0.1", 10760)
"""Where config/demo.yaml expects the providers."""
CONNECTIONS: Final = 2000


async def show(plan: Plan, daemon: Daemon) -> None:
    """Run both, and print where to look."""
    simulator = Simulator(seed=1, connections=CONNECTIONS)
    for source in plan.sources.values():
        if source.users_file:
            _write_users(Path(source.users_file), simulator.basiq_users())
    await simulator.start(*ADDRESS)
    try:
        for address in plan.listen:
            typer.echo(f"Look at http://{address}/ and http://{address}/metrics. Ctrl-C ends it.", err=True)
        await daemon.run()
    finally:
        await simulator.stop()


def _write_users(file: Path, users: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{user}\n" for user in users), encoding="utf-8")
