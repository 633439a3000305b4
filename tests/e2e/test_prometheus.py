"""A real Prometheus scrapes the daemon, in both formats."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web

from connwatch.metrics.families import FAMILIES
from tests.app.household import Household, moved_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PATIENCE = 60.0
ACCEPT = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
}
"""By job: Prometheus can't be told to take text only, so each scrape passes somebody who says what is wanted."""


class Between:
    """Passes scrapes on to the daemon, each job in its format, and remembers what came back."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self.told: dict[str, tuple[str, str]] = {}
        """By job: content type and encoding of the answer."""

    async def pass_on(self, request: web.Request) -> web.Response:
        """Scrape."""
        job = request.match_info["job"]
        headers = {"Accept": ACCEPT[job], "Accept-Encoding": request.headers.get("Accept-Encoding", "")}
        async with self._house.reader.get("/metrics", headers=headers, auto_decompress=False) as answer:
            kept = {
                name: answer.headers[name] for name in ("Content-Type", "Content-Encoding") if name in answer.headers
            }
            self.told[job] = (answer.headers["Content-Type"], answer.headers.get("Content-Encoding", ""))
            return web.Response(body=await answer.read(), headers=kept)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """On some port."""
        app = web.Application()
        app.add_routes([web.get("/{job}", self.pass_on)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def found_prometheus() -> str:
    """The program. Where it is missing the test is left out, but not in CI."""
    program = shutil.which("prometheus")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("prometheus is not installed: nobody scrapes for real")
    return program


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@asynccontextmanager
async def prometheus(folder: Path, target: int) -> AsyncIterator[ClientSession]:
    """A Prometheus that scrapes that port each second, and somebody who asks it."""
    jobs = [
        {"job_name": job, "metrics_path": f"/{job}", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        for job in ACCEPT
    ]
    file, port = folder / "prometheus.yml", free_port()
    file.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        found_prometheus(),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession(f"http://127.0.0.1:{port}") as reader:
            yield reader
    finally:
        process.terminate()
        await process.wait()


async def asked(reader: ClientSession, path: str, **query: str) -> Any:
    """What Prometheus answers; nothing while it is not up yet."""
    try:
        async with reader.get(path, params=query) as answer:
            return (await answer.json())["data"] if answer.status == 200 else []
    except ClientError:
        return []


async def test_prometheus_understands_all_of_it(tmp_path: Path) -> None:
    """Both jobs are up, compressed, without a broken sample; and every family has arrived, as what it is."""
    found_prometheus()
    async with moved_in(tmp_path, connections=400) as house:
        house.told["metrics"] = {"per_connection": "all"}
        house.write()
        async with house.running():
            await house.ready()
            between = Between(house)
            async with between.serving() as port, prometheus(tmp_path, port) as reader, asyncio.timeout(PATIENCE):
                up: dict[str, str] = {}
                while up != dict.fromkeys(ACCEPT, "1"):
                    await house.clock.sleep(0.2)
                    samples = await asked(reader, "/api/v1/query", query="up")
                    up = {one["metric"]["job"]: one["value"][1] for one in samples["result"]} if samples else {}
                metadata = await asked(reader, "/api/v1/targets/metadata")
                counts = await asked(reader, "/api/v1/query", query="sum by (job, provider) (connwatch_connections)")
    arrived = {job: {one["metric"]: one["type"] for one in metadata if one["target"]["job"] == job} for job in ACCEPT}
    for job in ACCEPT:
        missing = [
            family.name
            for family in FAMILIES
            if family.name not in arrived[job] and family.name.removesuffix("_total") not in arrived[job]
        ]
        assert missing == []
    kinds = {family.name.removesuffix("_total"): family.kind for family in FAMILIES}
    typed = {name: type_ for name, type_ in arrived["openmetrics"].items() if name in kinds}
    assert typed == {name: kinds[name] for name in typed}
    assert {between.told[job][1] for job in ACCEPT} == {"gzip"}
    assert between.told["text"][0].startswith("text/plain; version=0.0.4")
    assert between.told["openmetrics"][0].startswith("application/openmetrics-text; version=1.0.0")
    totals = house.true_totals()
    assert {(one["metric"]["job"], one["metric"]["provider"]): float(one["value"][1]) for one in counts["result"]} == {
        (job, name): count for job in ACCEPT for name, count in totals.items()
    }
