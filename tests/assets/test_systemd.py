from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import typer.main
from typer.testing import CliRunner

from connwatch.cli import cli
from connwatch.cli.ending import DEFAULT_CONFIG, REFUSED
from connwatch.config.schema import Schema
from connwatch.notify import Notifier
from connwatch.providers.options import duration
from connwatch.web.site import GRACE
from tests.assets.shipped import CONFIG, unit
from tests.assets.tools import judged, tool

FILE: Final = CONFIG / "systemd" / "connwatch.service"
MOST_EXPOSED: Final = 15
"""Tenths of `systemd-analyze security`, where 100 is nothing kept from a service, and 0 everything."""


def test_systemd_understands_all_of_it(tmp_path: Path) -> None:
    """Not one warning: a setting that systemd doesn't know protects nothing. The program itself needs to be there."""
    analyze = tool("systemd-analyze", "apt-get install systemd")
    text = FILE.read_text(encoding="utf-8")
    copy = tmp_path / FILE.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/sh", text), encoding="utf-8")
    assert judged(analyze, "verify", copy) == (0, "")


def test_it_is_locked_in() -> None:
    """A daemon that only asks by HTTPS and keeps one folder needs next to nothing of the machine."""
    analyze = tool("systemd-analyze", "apt-get install systemd")
    status, told = judged(analyze, "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}", FILE)
    assert status == 0, told


def test_it_starts_a_command_that_there_is() -> None:
    """The command and its flags are the command line's; left out, the configuration is where the comment says."""
    [start] = unit()["ExecStart"]
    _, command, *flags = start.split()
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    known = {name for parameter in group.commands[command].params for name in parameter.opts}
    assert {flag.partition("=")[0] for flag in flags} <= known
    assert f" {DEFAULT_CONFIG}," in FILE.read_text(encoding="utf-8")


def test_a_stop_has_the_time_it_needs() -> None:
    """The daemon must not be killed while running polls have their grace, or the web server closes."""
    [most] = unit()["TimeoutStopSec"]
    assert duration(most) > Schema().shutdown_grace + GRACE


def test_a_configuration_that_is_refused_is_not_tried_again() -> None:
    """The status that the program ends with then is the one that systemd doesn't restart for."""
    ended = CliRunner().invoke(cli, ["run", "--config.file", "/nowhere/connwatch.yaml"])
    assert [str(ended.exit_code)] == unit()["RestartPreventExitStatus"] == [str(REFUSED)]


def test_the_watchdog_hears_from_us_in_time() -> None:
    """The daemon tells that it lives at least twice in the time that systemd waits."""
    [patience] = unit()["WatchdogSec"]
    micros = str(int(duration(patience) * 1_000_000))
    told_every = Notifier({"NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": micros}).watchdog_seconds
    assert told_every is not None
    assert told_every * 2 <= duration(patience)


def test_it_is_a_service_that_notifies() -> None:
    """Ready by the main process' word, reload by SIGHUP: `notify-reload` is unknown to systemd 252, Debian 12's."""
    expected = {
        "Type": ["notify"],
        "NotifyAccess": ["main"],
        "ExecReload": ["/bin/kill -HUP $MAINPID"],
        "Restart": ["on-failure"],
    }
    assert unit().items() >= expected.items()


def test_the_state_is_where_the_store_is() -> None:
    """The folder that systemd makes for the service is the one of the default store."""
    [folder] = unit()["StateDirectory"]
    assert Schema().store.startswith(f"sqlite:////var/lib/{folder}/")


def test_secrets_are_found_where_systemd_puts_them() -> None:
    """The path of the comment is made of the unit's name, the credential's and the file's (systemd.exec(5))."""
    [credential] = unit()["LoadCredential"]
    name, _, folder = credential.partition(":")
    text = FILE.read_text(encoding="utf-8")
    assert f"/run/credentials/{FILE.name}/{name}_nectar\n" in text
    assert f"in {folder}," in text
