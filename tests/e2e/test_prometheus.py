"""A real Prometheus scrapes the daemon in both formats, plain and compressed: what it stores is what the reference says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from connwatch.metrics import FAMILIES, ProcessRecorder, reference
from tests.app.household import Household, moved_in
from tests.e2e.watchtower import asked, prometheus, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150), pytest.mark.usefixtures("watchers")]

ACCEPT: Final = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
}
ENCODINGS: Final = ("identity", "gzip")
JOBS: Final = {f"{format_}/{encoding}": (format_, encoding) for format_, encoding in product(ACCEPT, ENCODINGS)}
"""Prometheus can't be told to take text only, or nothing compressed: each scrape passes somebody who says what is wanted."""
WITHIN: Final = 60.0

_ROW: Final = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+)(?: `(\w+)`)? \|", re.MULTILINE)


class Between:
    """Passes scrapes on to the daemon, each job in its format and encoding, and remembers in which the answers came."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self.told: dict[str, tuple[str, str]] = {}

    async def pass_on(self, request: web.Request) -> web.Response:
        """Scrape."""
        job = request.path.removeprefix("/")
        format_, encoding = JOBS[job]
        headers = {"Accept": ACCEPT[format_], "Accept-Encoding": encoding}
        async with self._house.reader.get("/metrics", headers=headers, auto_decompress=False) as answer:
            kept = {name: answer.headers.get(name, "") for name in ("Content-Type", "Content-Encoding")}
            self.told[job] = (kept["Content-Type"].partition("; charset")[0], kept["Content-Encoding"] or "identity")
            return web.Response(body=await answer.read(), headers={name: text for name, text in kept.items() if text})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Mapping[str, Any]]:
        """On some port: the configuration of a Prometheus that scrapes there."""
        app = web.Application()
        app.add_routes([web.get("/{format}/{encoding}", self.pass_on)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        target = f"127.0.0.1:{runner.addresses[0][1]}"
        scraped = [
            {"job_name": job, "metrics_path": f"/{job}", "static_configs": [{"targets": [target]}]} for job in JOBS
        ]
        try:
            yield {"global": {"scrape_interval": "1s"}, "scrape_configs": scraped}
        finally:
            await runner.cleanup()


def promised() -> Mapping[str, Mapping[str, str]]:
    """By format, the type of each family: those of the reference, and those that every Python process has."""
    text, openmetrics = {}, {}
    for metric in ProcessRecorder("1").registry.collect():
        text[metric.name + ("_total" if metric.type == "counter" else "")] = metric.type
        openmetrics[metric.name] = metric.type
    for name, type_, other_type, other_name in _ROW.findall(reference("markdown")):
        text[name] = type_
        openmetrics[other_name or name] = other_type
        if other_type == "gaugehistogram":  # the text format has none: count and sum are gauges of their own
            text |= {f"{name}_gcount": "gauge", f"{name}_gsum": "gauge"}
    return {"text": text, "openmetrics": openmetrics}


async def test_prometheus_stores_what_the_reference_says(tmp_path: Path) -> None:
    """Text or OpenMetrics, plain or gzip: exactly the families of the reference arrive, as what they are; and the same numbers."""
    async with moved_in(tmp_path, connections=400) as house:
        house.told["metrics"] = {"per_connection": "all"}
        house.write()
        async with house.running():
            await house.ready()
            between = Between(house)
            async with between.serving() as config, prometheus(tmp_path, config) as reader:

                async def all_are_up() -> bool:
                    up = (await asked(reader, "query", query="up == 1"))["result"]
                    return {one["metric"]["job"] for one in up} == JOBS.keys()

                await until("each job was scraped without a fault", all_are_up, within=WITHIN)
                metadata = await asked(reader, "targets/metadata")
                counts = await asked(reader, "query", query="sum by (job, provider) (connwatch_connections)")
    arrived: dict[str, dict[str, str]] = {job: {} for job in JOBS}
    for one in metadata:
        arrived[one["target"]["job"]][one["metric"]] = one["type"]
    for job, (format_, _) in JOBS.items():
        assert arrived[job] == promised()[format_], job
    assert len(_ROW.findall(reference("markdown"))) == len(FAMILIES)
    content = {"text": "text/plain; version=0.0.4", "openmetrics": "application/openmetrics-text; version=1.0.0"}
    assert between.told == {job: (content[format_], encoding) for job, (format_, encoding) in JOBS.items()}
    assert {(one["metric"]["job"], one["metric"]["provider"]): float(one["value"][1]) for one in counts["result"]} == {
        (job, name): count for job in JOBS for name, count in house.true_totals().items()
    }
