"""Commands that the README names can be typed: they exist, and take these flags and values. And every one that exists is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Final

import pytest
import typer

from connwatch.cli import cli
from connwatch.simulator import PROFILES
from tests.assets.markdown import TOP, Document, spans

README: Final = Document("README.md")
PROGRAM: Final[Any] = typer.main.get_command(cli)
COMMANDS: Final[dict[str, Any]] = PROGRAM.commands


def flags(command: Any) -> set[str]:
    """The flags of a command, and those that every command has."""
    options = [name for param in command.params for name in (*param.opts, *param.secondary_opts)]
    return {"--help", *(name for name in options if name.startswith("-"))}


def typed() -> Iterator[Sequence[str]]:
    """The arguments of each call of the program that the README shows."""
    for line in (*README.lines("sh"), *README.spans()):
        if line.startswith("connwatch "):
            yield shlex.split(line, comments=True)[1:]


def test_every_command_is_in_the_table_with_its_flags() -> None:
    """The table of commands is the program's own: nothing is missing, nothing is invented."""
    told = {row.split("`")[0].split()[1]: set(spans(cells[1])) for row, cells in README.table("Command line").items()}
    assert told == {name: flags(command) - {"--help"} for name, command in COMMANDS.items()}


@pytest.mark.parametrize("arguments", list(typed()), ids=shlex.join)
def test_a_call_that_is_shown_is_understood(arguments: Sequence[str]) -> None:
    """Copied into a shell, it is not refused for a flag or a value. A bare name stands for the command itself."""
    name, *rest = arguments
    if name.startswith("--"):
        assert name in flags(PROGRAM)
    else:
        assert name in COMMANDS
    if rest:
        COMMANDS[name].make_context(name, rest)


def test_a_call_that_is_wrong_would_be_found() -> None:
    """The check above can fail: on a flag, and on a value."""
    for arguments in (["--formt", "json"], ["--format", "yaml"]):
        with pytest.raises(Exception, match=r"(?i)no such option|not one of"):
            COMMANDS["once"].make_context("once", arguments)


def test_every_flag_that_is_mentioned_exists() -> None:
    """In passing, too."""
    known = {flag for command in (PROGRAM, *COMMANDS.values()) for flag in flags(command)}
    assert {span.split()[0] for span in README.spans() if span.startswith("--")} <= known


def test_targets_of_make_exist() -> None:
    """What is to be made can be made."""
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    called = [
        line.split("#")[0].split()[1:] for line in (*README.lines("sh"), *README.spans()) if re.match(r"make\b", line)
    ]
    assert called
    assert {words[0] for words in called if words} <= targets


def test_modules_that_are_to_be_run_exist() -> None:
    """`python -m` finds them."""
    modules = re.findall(r"python -m ([\w.]+)", README.text)
    assert "tests.assets.generated" in modules
    assert all(find_spec(module) for module in modules)


def test_every_fault_profile_is_named() -> None:
    """What can be given to `--faults`."""
    told = re.search(r"fault profiles are (.*?)\. ", README.prose, re.DOTALL)
    assert told
    assert spans(told[1]) == list(PROFILES)


def test_the_simulator_listens_where_it_is_said_to() -> None:
    """Its port is the one that the README and the demo's configuration name."""
    [address] = [param.default for param in COMMANDS["simulate"].params if "--listen" in param.opts]
    assert address == "127.0.0.1:10760"
    assert f"http://{address}/control/truth" in README.spans()
