"""`connwatch demo`: the simulated providers and the daemon that watches them, in one process, until Ctrl-C (`make run`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer

from connwatch.app import Daemon
from connwatch.cli.ending import listening
from connwatch.config import Plan
from connwatch.simulator import Simulator

ADDRESS: Final = ("127.0.0.1", 10760)
"""Where config/demo.yaml expects the providers."""
USERS: Final = Path(".connwatch/basiq-users.txt")
"""Where config/demo.yaml expects the list of users that Basiq has no call for."""


def set_the_scene() -> Simulator:
    """The simulated providers, and what an operator would have prepared for the daemon."""
    simulator = Simulator(seed=1, connections=2000)
    USERS.parent.mkdir(parents=True, exist_ok=True)
    USERS.write_text("".join(f"{user}\n" for user in simulator.basiq_users()), encoding="utf-8")
    return simulator


async def play(simulator: Simulator, plan: Plan, daemon: Daemon) -> None:
    """Run both, and print where to look."""
    async with listening(simulator, *ADDRESS):
        for address in plan.listen:
            typer.echo(f"Look at http://{address}/ and http://{address}/metrics. Ctrl-C ends it.", err=True)
        await daemon.run()
