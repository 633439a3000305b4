"""The commands and their flags. Each reads its arguments, has the work done, and says how it went."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from connwatch import __version__
from connwatch.app import Console, Daemon, Sweep, forecasts, look_up, ping, remembered, remembered_forecasts
from connwatch.app import forget as erase
from connwatch.cli.demo import play, set_the_scene
from connwatch.cli.ending import DEFAULT_CONFIG, FAULT, REFUSED, end, faults_told, listening, plan_from, until_stopped
from connwatch.cli.printing import account_text, connections_table, plan_table, print_table, progress_bar, summary_text
from connwatch.clock import SystemClock
from connwatch.config import Plan, load, summary
from connwatch.core.forecast import Forecast
from connwatch.core.model import Failure
from connwatch.log import LEVELS, Redaction, Volume, set_up
from connwatch.metrics import reference
from connwatch.notify import Notifier
from connwatch.simulator import PROFILES, Simulator

cli = typer.Typer(
    help="Watches the connections that data aggregators keep, and tells Prometheus which broke and who has to act.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class LogFormat(StrEnum):
    """How logs look."""

    JSON = "json"
    CONSOLE = "console"


class OnceFormat(StrEnum):
    """How the result of one sweep is printed."""

    TABLE = "table"
    PROMETHEUS = "prometheus"
    JSON = "json"


class Layout(StrEnum):
    """How the reference is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"


class ExplainFormat(StrEnum):
    """How an account of a connection is printed."""

    TEXT = "text"
    JSON = "json"


LogLevel = StrEnum("LogLevel", {level.upper(): level for level in LEVELS})  # type: ignore[misc]  # from the one table
Faults = StrEnum("Faults", {name.upper(): name for name in PROFILES})  # type: ignore[misc]  # from the one table

ConfigPath = Annotated[
    str, typer.Option("--config.file", "--config", envvar="CONNWATCH_CONFIG", help="The configuration file.")
]
SourceName = Annotated[str | None, typer.Option("--source", help="Only in this source.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"connwatch {__version__}")
        raise typer.Exit


@cli.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Flags of the program itself."""
    del version


@cli.command()
def run(
    config: ConfigPath = DEFAULT_CONFIG,
    listen: Annotated[
        list[str] | None, typer.Option("--web.listen-address", help="host:port to listen on; repeatable.")
    ] = None,
    web_config: Annotated[str | None, typer.Option("--web.config.file", help="TLS and basic auth.")] = None,
    log_level: Annotated[LogLevel | None, typer.Option("--log.level", help="What is loud enough to be logged.")] = None,
    log_format: Annotated[LogFormat | None, typer.Option("--log.format", help="How logs look.")] = None,
) -> None:
    """Run the daemon."""
    flags = {
        "web.listen": listen or None,
        "web.config_file": web_config,
        "log.level": log_level and log_level.value,
        "log.format": log_format and log_format.value,
    }
    plan = plan_from(config, flags)
    with faults_told():
        asyncio.run(_daemon(plan, config, flags).run())


def _daemon(plan: Plan, config: str, flags: Mapping[str, object]) -> Daemon:
    volume, redaction = Volume(plan.log_level), Redaction()
    log = set_up(volume, plan.log_format, redaction)
    return Daemon(
        plan,
        lambda: load(config, environ=os.environ, overrides=flags),
        SystemClock(),
        Console(log, volume, redaction, Notifier(os.environ)),
        path=config,
    )


@cli.command()
def check(
    config: ConfigPath = DEFAULT_CONFIG,
    live: Annotated[bool, typer.Option("--live", help="Make one harmless call per source.")] = False,
) -> None:
    """Validate the configuration and print the plan, without secrets."""
    plan = plan_from(config)
    typer.echo(summary_text(summary(plan)))
    if not live:
        return
    with faults_told():
        answers = asyncio.run(_pings(plan))
    for name, answer in answers.items():
        typer.echo(f"{name}: {_why(answer) if isinstance(answer, Failure) else answer}")
    if any(isinstance(answer, Failure) for answer in answers.values()):
        raise typer.Exit(REFUSED)


async def _pings(plan: Plan) -> dict[str, str | Failure]:
    memories, clock = await remembered(plan), SystemClock()
    return {name: await ping(source, memories.get(name), clock) for name, source in plan.sources.items()}


@cli.command()
def plan(
    config: ConfigPath = DEFAULT_CONFIG,
    offline: Annotated[bool, typer.Option("--offline", help="Take the targets that the store remembers.")] = False,
) -> None:
    """Print what each source will cost: targets, requests, time, share of the quota, series."""
    planned = plan_from(config)
    with faults_told(REFUSED):
        told = asyncio.run(remembered_forecasts(planned) if offline else forecasts(planned, SystemClock()))
    print_table(plan_table([one for one in told.values() if isinstance(one, Forecast)]))
    for name, one in told.items():
        if isinstance(one, Failure):
            typer.echo(f"{name}: not known: {_why(one)}", err=True)
        elif not one.fits:
            typer.echo(
                f"{name}: a poll interval of {one.poll_interval:.0f}s cannot be met. "
                f"At this quota {one.possible_interval:.0f}s is possible: raise the interval or the quota."
            )
    if any(isinstance(one, Failure) for one in told.values()):
        raise typer.Exit(REFUSED)


@cli.command()
def once(
    config: ConfigPath = DEFAULT_CONFIG,
    style: Annotated[OnceFormat, typer.Option("--format", help="How to print the result.")] = OnceFormat.TABLE,
) -> None:
    """Make one complete sweep of all sources into memory, and print what it found."""
    planned = plan_from(config)
    with faults_told():
        sweep = asyncio.run(_sweep(planned))
    match style:
        case OnceFormat.TABLE:
            print_table(connections_table(sweep.items()))
        case OnceFormat.JSON:
            typer.echo(msgspec.json.encode({"connections": list(sweep.items()), "next": None}))
        case OnceFormat.PROMETHEUS:
            sys.stdout.buffer.write(sweep.exposition())
    if failures := sweep.failures():
        end("\n".join(failures), FAULT)


async def _sweep(planned: Plan) -> Sweep:
    sweep = Sweep(planned, SystemClock(), set_up(Volume("error"), "console", Redaction()), await remembered(planned))
    with progress_bar() as tell:
        await sweep.run(tell)
    return sweep


@cli.command()
def explain(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION_ID")],
    config: ConfigPath = DEFAULT_CONFIG,
    source: SourceName = None,
    style: Annotated[ExplainFormat, typer.Option("--format", help="For people or for programs.")] = ExplainFormat.TEXT,
) -> None:
    """Tell why a connection is shown as it is. Works beside a running daemon."""
    planned = plan_from(config)
    with faults_told():
        accounts = asyncio.run(look_up(planned, connection, source, SystemClock()))
    if not accounts:
        end(f"{connection}: no configured source knows a connection of that id.", FAULT)
    for told in accounts:
        typer.echo(msgspec.json.encode(told) if style is ExplainFormat.JSON else account_text(told))


@cli.command()
def forget(
    config: ConfigPath = DEFAULT_CONFIG,
    connection: Annotated[str, typer.Option("--connection", help="The connection to erase.")] = "",
    user: Annotated[str, typer.Option("--user", help="The end user to erase, with all connections.")] = "",
    source: SourceName = None,
) -> None:
    """Erase a connection or an end user from the store, with all history. Stop the daemon first."""
    if bool(connection) == bool(user):
        end("Give either --connection or --user.", REFUSED)
    planned = plan_from(config)
    with faults_told():
        erased = asyncio.run(erase(planned, SystemClock(), connection=connection, target=user, source=source))
    typer.echo(f"{erased} connections erased.")


@cli.command()
def metrics(
    style: Annotated[Layout, typer.Option("--format", help="How to print it.")] = Layout.TABLE,
) -> None:
    """Print the metric reference."""
    typer.echo(reference(style.value))


@cli.command()
def simulate(
    listen: Annotated[str, typer.Option("--listen", help="host:port to listen on.")] = "127.0.0.1:10760",
    seed: Annotated[int, typer.Option("--seed", help="What the world is made from.")] = 1,
    connections: Annotated[int, typer.Option("--connections", min=1, help="How many there are.")] = 2000,
    faults: Annotated[Faults, typer.Option("--faults", help="What goes wrong.")] = Faults("none"),  # noqa: B008 - a value
) -> None:
    """Run the provider simulator alone."""
    host, _, port = listen.rpartition(":")
    if not port.isdecimal():
        end("--listen: host:port is expected.", REFUSED)
    simulator = Simulator(seed=seed, connections=connections, faults=faults.value)
    asyncio.run(_simulate(simulator, host.strip("[]"), int(port)))


async def _simulate(simulator: Simulator, host: str, port: int) -> None:
    async with listening(simulator, host, port) as bound:
        typer.echo(f"The providers answer at http://{host}:{bound}/; what they know is at /control/truth.", err=True)
        await until_stopped()


@cli.command()
def demo(
    config: Annotated[
        str, typer.Option("--config.file", "--config", help="The demo's configuration.")
    ] = "config/demo.yaml",
) -> None:
    """Run the simulator and the daemon against it, until Ctrl-C."""
    simulator = set_the_scene()
    planned = plan_from(config)
    with faults_told():
        asyncio.run(play(simulator, planned, _daemon(planned, config, {})))


def _why(failure: Failure) -> str:
    return " ".join(filter(None, (failure.outcome, failure.detail, failure.code)))
