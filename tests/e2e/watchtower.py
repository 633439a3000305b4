"""Prometheus, Alertmanager and someone who receives its messages, on loopback: all of them real, and quicker than in life."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import yaml
from aiohttp import web

from connwatch.clock import SystemClock
from tests.assets.alerting import ALERTMANAGER, RULES, TEMPLATES, loaded, seconds
from tests.assets.tools import tool

FOR: Final = 360
"""How much shorter `for` is than in rules.yaml."""
DOWN: Final = 4
"""The same for ConnwatchDown: Prometheus needs five seconds to find its first target, and more where the machine is busy."""
KEEP: Final = 50
"""How much shorter `keep_firing_for` is."""
WINDOW: Final = 60
"""How much shorter ranges and offsets are."""
PACE: Final = "1s"
"""Of scrapes and evaluations."""
RESEND: Final = "5s"
"""Alertmanager takes an alert as over when it has not heard of it for four times as long: a busy machine must not end one."""
STARTUP: Final = 60.0
"""Seconds after which a program that doesn't answer has not started."""
CLOCK: Final = SystemClock()

_RANGE: Final = re.compile(r"(\[|offset )(\d+[smhd])")


class Message(NamedTuple):
    """One alert as a receiver of alertmanager.yaml is told of it."""

    receiver: str
    alert: str
    source: str = ""
    subject: str = ""
    """The company or institution, if it is about one."""


class Inbox:
    """What was received, and what of it is not over yet."""

    def __init__(self) -> None:
        self.told: set[Message] = set()
        self.firing: set[Message] = set()

    async def receive(self, request: web.Request) -> web.Response:
        """Take a webhook of Alertmanager; the path names the receiver."""
        for one in (await request.json())["alerts"]:
            labels = one["labels"]
            subject = labels.get("company") or labels.get("institution", "")
            message = Message(request.match_info["receiver"], labels["alertname"], labels.get("source", ""), subject)
            if one["status"] == "firing":
                self.told.add(message)
                self.firing.add(message)
            else:
                self.firing.discard(message)
        return web.Response()


class Watchtower:
    """The running programs, and what can be asked of them."""

    def __init__(self, inbox: Inbox, prometheus: aiohttp.ClientSession, alertmanager: aiohttp.ClientSession) -> None:
        self.inbox = inbox
        self._prometheus = prometheus
        self._alertmanager = alertmanager

    async def query(self, expression: str) -> Sequence[Any]:
        """What Prometheus answers."""
        result: list[Any] = (await asked(self._prometheus, "query", query=expression))["result"]
        return result

    async def in_touch(self) -> bool:
        """Whether Prometheus has found its Alertmanager."""
        return bool((await asked(self._prometheus, "alertmanagers"))["activeAlertmanagers"])

    async def suppressed(self) -> set[tuple[str, str]]:
        """Alertname and source of what Alertmanager holds back."""
        asking = self._alertmanager.get("/api/v2/alerts", params={"active": "false", "inhibited": "true"})
        async with asking as response:
            response.raise_for_status()
            return {(one["labels"]["alertname"], one["labels"].get("source", "")) for one in await response.json()}


@asynccontextmanager
async def watchtower(folder: Path, target: str) -> AsyncIterator[Watchtower]:
    """Watch a connwatch at `target` (host:port) with our rules and routes, shortened."""
    inbox, port = Inbox(), free_port()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(_listening(inbox))
        rules, routes = folder / "rules.yaml", folder / "alertmanager.yaml"
        rules.write_text(yaml.safe_dump(quick_rules()), encoding="utf-8")
        routes.write_text(yaml.safe_dump(quick_routes(receiver)), encoding="utf-8")
        alertmanager = await stack.enter_async_context(
            serving(
                folder / "alertmanager.log",
                port,
                tool("prometheus-alertmanager", "apt-get install prometheus-alertmanager", needed=True),
                f"--config.file={routes}",
                f"--storage.path={folder / 'alertmanager'}",
                "--cluster.listen-address=",
            )
        )
        watching = prometheus(folder, _watching(target, f"127.0.0.1:{port}"), f"--rules.alert.resend-delay={RESEND}")
        yield Watchtower(inbox, await stack.enter_async_context(watching), alertmanager)


def prometheus(
    folder: Path, config: Mapping[str, Any], *flags: str
) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """A Prometheus with that configuration, and somebody who asks it."""
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return serving(
        folder / "prometheus.log",
        free_port(),
        tool("prometheus", "apt-get install prometheus", needed=True),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        *flags,
    )


async def asked(prometheus: aiohttp.ClientSession, path: str, **parameters: str) -> Any:
    """What Prometheus' API answers."""
    async with prometheus.get(f"/api/v1/{path}", params=parameters) as answer:
        told = await answer.json()
    assert told["status"] == "success", f"{parameters}: {told.get('error')}"
    return told["data"]


def quick_rules() -> dict[str, Any]:
    """rules.yaml with shorter times, and otherwise word for word."""
    rules: dict[str, Any] = loaded(RULES)
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = _RANGE.sub(lambda found: found[1] + _shorter(found[2], WINDOW), rule["expr"])
            if "for" in rule:
                rule["for"] = _shorter(rule["for"], DOWN if rule["alert"] == "ConnwatchDown" else FOR)
            if "keep_firing_for" in rule:
                rule["keep_firing_for"] = _shorter(rule["keep_firing_for"], KEEP)
    return rules


def quick_routes(receiver: str) -> dict[str, Any]:
    """alertmanager.yaml with its routes and inhibitions word for word: no waiting, and every receiver is a webhook of ours."""
    config: dict[str, Any] = loaded(ALERTMANAGER)

    def hasten(route: dict[str, Any]) -> None:
        route |= {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
        for child in route.get("routes", ()):
            hasten(child)

    hasten(config["route"])
    del config["global"]
    names = [one["name"] for one in config["receivers"]]
    return config | {
        "templates": [f"{TEMPLATES}/*.tmpl"],
        "receivers": [{"name": name, "webhook_configs": [{"url": f"{receiver}/{name}"}]} for name in names],
    }


def _shorter(duration: str, times: int) -> str:
    return f"{max(1, round(seconds(duration) * 1000 / times))}ms"


def _watching(target: str, alertmanager: str) -> dict[str, Any]:
    config: dict[str, Any] = loaded(RULES.parent / "prometheus.example.yaml")
    config["global"] = {"scrape_interval": PACE, "scrape_timeout": PACE, "evaluation_interval": PACE}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    return config


@asynccontextmanager
async def _listening(inbox: Inbox) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/{receiver}", inbox.receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(log: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program, until the end of the block; then it has to stop in good order."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            status = await process.wait()
    assert status == 0, f"{command[0]} ended with {status}: see {log}"


@asynccontextmanager
async def serving(log: Path, port: int, *command: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A program with the flags and paths of Prometheus on that port, from when it is ready on; and somebody who asks it."""
    address = f"127.0.0.1:{port}"
    async with (
        running(log, *command, f"--web.listen-address={address}"),
        aiohttp.ClientSession(f"http://{address}") as session,
    ):
        await until(f"{command[0]} is ready", partial(answers, session, "/-/ready"), within=STARTUP)
        yield session


async def until(what: str, holds: Callable[[], Awaitable[bool]], *, within: float) -> None:
    """Ask until it holds. Fails after `within` seconds, saying what did not come."""
    deadline = CLOCK.now() + within
    while not await holds():
        assert CLOCK.now() < deadline, f"not within {within:g}s: {what}"
        await CLOCK.sleep(0.1)


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether there is a 200."""
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
