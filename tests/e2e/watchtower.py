"""Prometheus, Alertmanager and someone who receives its messages, on loopback: all of them real, and quicker than in life."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
DOWN: Final = 12
"""The same for ConnwatchDown: Prometheus needs five seconds to find its first target."""
KEEP: Final = 50
"""How much shorter `keep_firing_for` is."""
WINDOW: Final = 60
"""How much shorter ranges and offsets are."""
PACE: Final = "500ms"
"""Of scrapes and evaluations."""
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

    def __init__(self, inbox: Inbox, session: aiohttp.ClientSession, prometheus: str, alertmanager: str) -> None:
        self.inbox = inbox
        self._session = session
        self._prometheus = prometheus
        self._alertmanager = alertmanager

    async def query(self, expression: str) -> Sequence[Any]:
        """What Prometheus answers."""
        answer = await self._get(f"{self._prometheus}/api/v1/query", query=expression)
        result: list[Any] = answer["data"]["result"]
        return result

    async def in_touch(self) -> bool:
        """Whether Prometheus has found its Alertmanager."""
        answer = await self._get(f"{self._prometheus}/api/v1/alertmanagers")
        return bool(answer["data"]["activeAlertmanagers"])

    async def suppressed(self) -> set[tuple[str, str]]:
        """Alertname and source of what Alertmanager holds back."""
        answer = await self._get(f"{self._alertmanager}/api/v2/alerts", active="false", inhibited="true")
        return {(one["labels"]["alertname"], one["labels"].get("source", "")) for one in answer}

    async def _get(self, url: str, **parameters: str) -> Any:
        async with self._session.get(url, params=parameters) as response:
            response.raise_for_status()
            return await response.json()


@asynccontextmanager
async def watchtower(folder: Path, target: str) -> AsyncIterator[Watchtower]:
    """Watch a connwatch at `target` (host:port) with our rules and routes, shortened."""
    prometheus_port, alertmanager_port = free_port(), free_port()
    prometheus, alertmanager = (f"http://127.0.0.1:{port}" for port in (prometheus_port, alertmanager_port))
    inbox = Inbox()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(_listening(inbox))
        rules, routes = folder / "rules.yaml", folder / "alertmanager.yaml"
        rules.write_text(yaml.safe_dump(quick_rules()), encoding="utf-8")
        routes.write_text(yaml.safe_dump(quick_routes(receiver)), encoding="utf-8")
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(_prometheus(target, f"127.0.0.1:{alertmanager_port}")), encoding="utf-8")
        await stack.enter_async_context(
            running(
                folder / "alertmanager.log",
                tool("prometheus-alertmanager", "apt-get install prometheus-alertmanager", needed=True),
                f"--config.file={routes}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{alertmanager_port}",
                "--cluster.listen-address=",
            )
        )
        await stack.enter_async_context(
            running(
                folder / "prometheus.log",
                tool("prometheus", "apt-get install prometheus", needed=True),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{prometheus_port}",
                "--rules.alert.resend-delay=500ms",
            )
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for url in (prometheus, alertmanager):
            await until(f"{url} is ready", partial(answers, session, f"{url}/-/ready"), within=20)
        yield Watchtower(inbox, session, prometheus, alertmanager)


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


def _prometheus(target: str, alertmanager: str) -> dict[str, Any]:
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
