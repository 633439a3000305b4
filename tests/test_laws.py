"""The laws of the house that an import graph cannot show: what the source itself must not say (architecture.md, *Laws*)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from connwatch.providers import PROVIDERS

TESTS: Final = Path(__file__).resolve().parent
CODE: Final = TESTS.parent / "daemon" / "connwatch"

WAITS: Final = frozenset({"asyncio.sleep", "time.sleep"})
CLOCK: Final = WAITS | {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.time",
    "time.time_ns",
}
CLIENT: Final = frozenset({"aiohttp.ClientSession", "aiohttp.TCPConnector", "aiohttp.UnixConnector", "aiohttp.request"})
LOOSE_TASKS: Final = frozenset({"asyncio.create_task", "asyncio.ensure_future"})
BLIND: Final = frozenset({"BaseException", "Exception"})
SUPPRESS: Final = frozenset({"contextlib.suppress", "suppress"})
PATCHES: Final = frozenset({"mocker.patch", "monkeypatch.setattr", "monkeypatch.setitem"})
EMPTY_NAMES: Final = frozenset({"base", "common", "helpers", "manager", "utils"})


class Source(NamedTuple):
    """One module: its path below the root that was searched, and its syntax tree."""

    path: str
    tree: ast.Module


class Finding(NamedTuple):
    """A sin, and where."""

    path: str
    line: int
    what: str


Law = Callable[[Source], Iterator[Finding]]


@cache
def sources(root: Path) -> Sequence[Source]:
    """Every module below a folder."""
    return [
        Source(file.relative_to(root).as_posix(), ast.parse(file.read_text(encoding="utf-8")))
        for file in sorted(root.rglob("*.py"))
    ]


def origins(tree: ast.Module) -> Mapping[str, str]:
    """What a module's imported names stand for: `from time import time as t` gives {"t": "time.time"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.partition(".")[0]
                names[one.asname or first] = one.name if one.asname else first
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def mentions(source: Source) -> Iterator[Finding]:
    """Every imported thing that a module mentions, called or not, by its full name."""
    names = origins(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in names:
                yield Finding(source.path, node.lineno, f"{names[first]}{dot}{rest}")


def no_clock(source: Source) -> Iterator[Finding]:
    """`now` is an argument; only the clock asks what time it is, and waits."""
    yield from (one for one in mentions(source) if one.what in CLOCK)


def one_client(source: Source) -> Iterator[Finding]:
    """Requests leave through fetch, and nowhere else."""
    if not source.path.startswith("fetch/"):
        yield from (one for one in mentions(source) if one.what in CLIENT)


def one_server(source: Source) -> Iterator[Finding]:
    """Requests arrive in web (and in the simulator, which plays the providers)."""
    if not source.path.startswith(("web/", "simulator/")):
        yield from (one for one in mentions(source) if one.what.startswith("aiohttp.web"))


def no_loose_task(source: Source) -> Iterator[Finding]:
    """Every task belongs to a TaskGroup, which awaits it."""
    yield from (one for one in mentions(source) if one.what in LOOSE_TASKS)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "create_task" and "loop" in ast.unparse(node.value):
            yield Finding(source.path, node.lineno, ast.unparse(node))


def no_blind_except(source: Source) -> Iterator[Finding]:
    """Nothing is swallowed: who catches everything raises again."""
    for node in ast.walk(source.tree):
        match node:
            case ast.ExceptHandler() if _catches_all(node.type) and not _raises(node):
                yield Finding(source.path, node.lineno, "blind except")
            case ast.Call() if ast.unparse(node.func) in SUPPRESS and any(map(_catches_all, node.args)):
                yield Finding(source.path, node.lineno, ast.unparse(node))


def _catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_all, caught.elts))
    return caught is None or ast.unparse(caught) in BLIND


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def telling_name(source: Source) -> Iterator[Finding]:
    """A module is called by what it is about."""
    for part in Path(source.path).with_suffix("").parts:
        if part in EMPTY_NAMES:
            yield Finding(source.path, 1, part)


def law_of_the_room(source: Source) -> Iterator[Finding]:
    """A package's docstring says what may be in it."""
    if Path(source.path).name == "__init__.py" and not ast.get_docstring(source.tree):
        yield Finding(source.path, 1, "no docstring")


def providers_are_strangers(source: Source) -> Iterator[Finding]:
    """What a provider's modules import belongs to that provider, or to all of them."""
    room, _, module = source.path.removesuffix(".py").partition("/")
    own = _provider(module)
    if room != "providers" or own is None:
        return
    for one in origins(source.tree).values():
        if one.startswith("connwatch.providers.") and _provider(one.split(".")[2]) not in {None, own}:
            yield Finding(source.path, 1, one)


def _provider(module: str) -> str | None:
    """Whose a module of the providers is, by the first word of its name; None if it belongs to all."""
    word = module.partition("/")[0].partition("_")[0]
    return word if word in PROVIDERS else None


def no_waiting(source: Source) -> Iterator[Finding]:
    """A test lets virtual time pass."""
    yield from (one for one in mentions(source) if one.what in WAITS)


def no_patching(source: Source) -> Iterator[Finding]:
    """A test that wants to patch misses a port."""
    yield from (one for one in mentions(source) if one.what.startswith("unittest.mock"))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in PATCHES:
            yield Finding(source.path, node.lineno, ast.unparse(node))


def says_its_promise(source: Source) -> Iterator[Finding]:
    """A test's docstring says which promise it keeps."""
    for node in ast.walk(source.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                if not ast.get_docstring(node):
                    yield Finding(source.path, node.lineno, name)


LAWS_OF_THE_DAEMON: Final[Sequence[Law]] = (
    no_clock,
    one_client,
    one_server,
    no_loose_task,
    no_blind_except,
    telling_name,
    law_of_the_room,
    providers_are_strangers,
)
LAWS_OF_THE_TESTS: Final[Sequence[Law]] = (no_waiting, no_patching, says_its_promise, telling_name)

EXEMPT: Final[Mapping[Law, Mapping[str, str]]] = {
    no_clock: {
        "clock.py": "the Clock port's real side",
        "simulator/server.py": "knows nothing of the rest: real time, unless a clock is given",
    },
    no_loose_task: {
        "stores/writer.py": "lives from open to close, which awaits it; whoever commits meets its faults",
    },
    no_blind_except: {
        "poller/asking.py": "a fault of ours in one target must not stop the others; it becomes a logged Failure",
        "poller/settler.py": "a reading that breaks must not stop the other targets; it becomes a logged Failure",
    },
}
"""Who need not keep which law, and why."""

SINS: Final[Sequence[tuple[Law, str, str]]] = (
    (no_clock, "core/step.py", "from datetime import datetime as d\nd.now()"),
    (no_clock, "poller/runner.py", "import asyncio\nnap = asyncio.sleep"),
    (one_client, "web/page.py", "import aiohttp\naiohttp.ClientSession()"),
    (one_server, "fetch/client.py", "from aiohttp import web\nweb.Application()"),
    (no_loose_task, "app/daemon.py", "from asyncio import create_task\ncreate_task(x)"),
    (no_loose_task, "app/daemon.py", "import asyncio\nasyncio.get_running_loop().create_task(x)"),
    (no_blind_except, "log.py", "try: x\nexcept: y"),
    (no_blind_except, "log.py", "try: x\nexcept (ValueError, Exception): y"),
    (no_blind_except, "log.py", "with contextlib.suppress(BaseException): x"),
    (telling_name, "core/utils.py", ""),
    (telling_name, "common/model.py", ""),
    (law_of_the_room, "core/__init__.py", "x = 1"),
    (providers_are_strangers, "providers/nectar_replies.py", "from connwatch.providers.basiq_replies import page"),
    (no_waiting, "web/test_api.py", "from time import sleep\nsleep(1)"),
    (no_patching, "web/test_api.py", "from unittest import mock\nmock.patch('x')"),
    (no_patching, "web/test_api.py", "def test(monkeypatch): monkeypatch.setattr(x, 'y', 1)"),
    (says_its_promise, "web/test_api.py", "class TestApi:\n  async def test_it(self): ..."),
)


@pytest.mark.parametrize("law", LAWS_OF_THE_DAEMON)
def test_the_daemon_keeps_the_law(law: Law) -> None:
    """No module of the daemon breaks a law of the house."""
    bound = (source for source in sources(CODE) if source.path not in EXEMPT.get(law, {}))
    assert [finding for source in bound for finding in law(source)] == []


@pytest.mark.parametrize("law", LAWS_OF_THE_TESTS)
def test_the_tests_keep_the_law(law: Law) -> None:
    """No test sleeps, patches, or keeps its promise to itself."""
    assert [finding for source in sources(TESTS) for finding in law(source)] == []


@pytest.mark.parametrize(("law", "path", "code"), SINS)
def test_a_sin_is_found(law: Law, path: str, code: str) -> None:
    """A law that finds nothing finds nothing because there is nothing."""
    assert {finding.path for finding in law(Source(path, ast.parse(code)))} == {path}


@pytest.mark.parametrize("law", EXEMPT)
def test_an_exemption_is_needed(law: Law) -> None:
    """An exemption goes when its module goes, or needs it no more."""
    assert {finding.path for source in sources(CODE) for finding in law(source)} >= set(EXEMPT[law])
