"""How a command ends: 0 when all is well, 1 on a fault, 2 on bad usage or configuration; and what is said on the way out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NoReturn

import typer

from connwatch.config import ConfigRefused, Plan, UnusableSecretError, load
from connwatch.fetch import UnusableTlsError
from connwatch.simulator import Simulator
from connwatch.stores import StoreError
from connwatch.web import AddressInUse

DEFAULT_CONFIG: Final = "/etc/connwatch/connwatch.yaml"
FAULT: Final = 1
REFUSED: Final = 2


def plan_from(path: str, overrides: Mapping[str, object] | None = None) -> Plan:
    """The plan of a configuration. Ends the program if it is refused, with every problem."""
    try:
        plan = load(path, environ=os.environ, overrides=overrides or {})
    except ConfigRefused as refused:
        end(str(refused), REFUSED)
    for warning in plan.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return plan


@contextmanager
def faults_told(status: int = FAULT) -> Iterator[None]:
    """What keeps a command from doing its work is said in a line, without a traceback."""
    try:
        yield
    except (StoreError, AddressInUse, UnusableTlsError, UnusableSecretError) as fault:
        end(str(fault), status)
    except ExceptionGroup as group:
        known = group.subgroup((StoreError, UnusableTlsError, UnusableSecretError))
        if known is None:
            raise
        end(str(_first(known)), status)


def end(message: str, status: int) -> NoReturn:
    """Say why, and end."""
    typer.echo(message, err=True)
    raise typer.Exit(status)


def _first(fault: BaseException) -> BaseException:
    return _first(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else fault


@asynccontextmanager
async def listening(simulator: Simulator, host: str, port: int) -> AsyncIterator[int]:
    """The simulator at that address; its port. Ends the program if the address can't be had."""
    try:
        bound = await simulator.start(host, port)
    except OSError as fault:
        end(f"{host}:{port} can't be listened on: {fault.strerror or fault}. Is another simulator running?", FAULT)
    try:
        yield bound
    finally:
        await simulator.stop()


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
