"""Every panel of every dashboard has something to show: each query and choice is put to a real Prometheus, as Grafana would put it.

Prometheus scrapes a daemon that watches the simulated providers, in whose world everything happens that a panel is about.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession
from msgspec import Struct

from connwatch.clock import SystemClock
from connwatch.simulator import Effect, Fault
from connwatch.simulator.world.world import World
from tests.app.household import Household, moved_in, total
from tests.assets.shipped import GRAFANA
from tests.e2e.watchtower import asked, prometheus, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), pytest.mark.usefixtures("watchers")]

CLOCK: Final = SystemClock()
WITHIN: Final = 90.0
"""Seconds after which a panel that is still empty stays empty."""
OF_GRAFANA: Final = {"$__rate_interval": "15s", "$__range": "5m"}
"""What Grafana itself fills in: here for a scrape interval of a second, and a look at the last five minutes."""
WATTLE: Final = "AU00101"
"""A bank at Basiq."""
MENDED: Final = ("action_required", "expired", "degraded")
ZERO_IS_WELL: Final = {
    "Commits and failures",
    "Poll lag",
    "Requests that wait for the quota",
    "Series folded",
    "Targets that are not fresh",
}
"""Panels of which a line may be 0 all the time; every other one has to show more than that."""

_LABEL_VALUES: Final = re.compile(r"label_values\((.+), (\w+)\)")
_QUERY_RESULT: Final = re.compile(r"query_result\((.+)\)")


class Question(Struct, frozen=True):
    """One query of one panel."""

    dashboard: str
    panel: str
    expr: str
    instant: bool

    def is_content(self, points: Sequence[float]) -> bool:
        """Whether these numbers are an answer."""
        return any(points) or (bool(points) and self.panel in ZERO_IS_WELL)

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.expr}"


def pages() -> Sequence[Any]:
    """The dashboards as they are shipped."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in GRAFANA.glob("*.json")]


def questions(page: Any) -> Iterator[Question]:
    """All queries of a dashboard."""
    for panel in page["panels"]:
        for target in panel.get("targets", ()):
            yield Question(page["title"], panel["title"], target["expr"], target["instant"])


def filled(expression: str, choices: Mapping[str, str]) -> str:
    """An expression with everything in it that Grafana would fill in; the longest names first, as they may begin alike."""
    for name in sorted(choices, key=len, reverse=True):
        expression = expression.replace(name, choices[name])
    return expression


def chosen(variable: Any, values: Sequence[str]) -> str:
    """What stands in a query for all values of a choice: as Grafana writes it, escaped for a regex within a string."""
    escaped = (re.sub(r"([$^*{}\[\]'+?.()|])", r"\\\\\1", value) for value in values)
    every: str = variable.get("allValue", "")
    return every or f"({'|'.join(escaped)})"


class Reader:
    """Somebody who looks at the dashboards from the start of the test on."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._since = CLOCK.now()

    async def has_looked_twice(self) -> bool:
        """Whether counters can be seen rising from now on."""
        looked = await asked(self._session, "query", query="count_over_time(connwatch_build_info[1m]) > 1")
        return bool(looked["result"])

    async def choices(self, page: Any) -> Mapping[str, str]:
        """What all choices of a dashboard come down to, each made after those that it depends on."""
        made = dict(OF_GRAFANA)
        for variable in page["templating"]["list"][1:]:
            values = await self._values(filled(variable["query"]["query"], made), variable["regex"])
            assert values, variable["name"]
            made[f"${variable['name']}"] = chosen(variable, values)
        return made

    async def points(self, question: Question, choices: Mapping[str, str]) -> Sequence[float]:
        """All numbers that a query brings; what is not a number is none."""
        query = filled(question.expr, choices)
        if question.instant:
            found = [one["value"] for one in (await asked(self._session, "query", query=query))["result"]]
        else:
            span = {"start": f"{self._since:.3f}", "end": f"{CLOCK.now():.3f}", "step": "1"}
            lines = (await asked(self._session, "query_range", query=query, **span))["result"]
            found = [point for line in lines for point in line["values"]]
        numbers = [float(number) for _, number in found]
        return [number for number in numbers if not math.isnan(number)]

    async def _values(self, query: str, regex: str) -> Sequence[str]:
        if wanted := _LABEL_VALUES.fullmatch(query):
            values: list[str] = await asked(self._session, f"label/{wanted[2]}/values", **{"match[]": wanted[1]})
            return values
        wanted = _QUERY_RESULT.fullmatch(query)
        assert wanted, query
        picked = re.compile(regex.strip("/").replace("(?<", "(?P<"))
        result = (await asked(self._session, "query", query=wanted[1]))["result"]
        found = [picked.search(_as_text(one["metric"])) for one in result]
        assert all(one and one["value"] and one["text"] for one in found), query
        return [one["value"] for one in found if one]


def _as_text(metric: Mapping[str, str]) -> str:
    """A series as Grafana writes it for the regex of a choice."""
    labels = ",".join(f'{name}="{value}"' for name, value in metric.items() if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}}"


def each_second(host: str, port: int) -> Mapping[str, Any]:
    """The configuration of a Prometheus that scrapes the daemon all the time."""
    scraped = {"job_name": "connwatch", "static_configs": [{"targets": [f"{host}:{port}"]}]}
    return {"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}


def often(house: Household) -> None:
    """Let the daemon look every other second, call new connections stuck at once, and tell of each that is broken."""
    house.told["metrics"] = {"per_connection": "unhealthy"}
    for source in house.told["sources"].values():
        source |= {"poll_interval": "2s", "discovery_interval": "2s"}
    house.told["sources"]["nectar"] |= {"accounts": "list", "stuck_after": {"PENDING": "1s"}}
    house.write()


class Day:
    """What happens at the providers in the short life of the test, beside all that they begin with."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self._password, self._odd, self._gone, *_ = house.working()
        self._consent = next(id_ for id_ in house.working("ok") if self._world.connections[id_].kind == "api")

    @property
    def _world(self) -> World:
        return self._house.simulator.world

    async def breaks(self) -> None:
        """A password, a word that nobody knows, a connection deleted, a consent, a bank, and for a while all of Nectar."""
        self._world.set_status(self._password, "PASSWORD_INCORRECT")
        self._world.set_status(self._odd, "ON_HOLIDAY")
        self._world.remove(self._gone)
        self._world.expire(self._consent)
        self._world.take_down(WATTLE)
        for condition in (*MENDED, "unknown"):
            await self._seen("connwatch_connection_transitions_total", to=condition)
        await self._seen("connwatch_institution_status", institution=WATTLE)
        self._house.simulator.faults.use("nectar", [Fault(Effect.SERVER_ERROR)])
        await self._seen("connwatch_polls_total", outcome="server")

    async def mends(self) -> None:
        """Everybody does what the runbooks say."""
        self._house.simulator.faults.use("nectar", "none")
        self._world.set_status(self._password, "CONNECTED")
        self._world.renew(self._consent)
        self._world.bring_back(WATTLE)
        for condition in MENDED:
            await self._seen("connwatch_connection_repair_seconds_count", condition=condition)

    async def _seen(self, name: str, **labels: str) -> None:
        await self._house.metrics_once(lambda found: total(found, name, **labels) > 0)


async def test_no_panel_is_empty(tmp_path: Path) -> None:
    """Each query of each panel, and each choice, is answered; and with more than zeros, unless all is well at zero."""
    left = [question for page in pages() for question in questions(page)]
    assert left
    async with moved_in(tmp_path, connections=240) as house:
        often(house)
        async with house.running() as daemon:
            await house.ready()
            async with prometheus(tmp_path, each_second(*daemon.addresses[0])) as session:
                reader = Reader(session)
                await until("Prometheus has looked twice", reader.has_looked_twice, within=WITHIN)
                day = Day(house)
                await day.breaks()
                await day.mends()
                choices = {page["title"]: await reader.choices(page) for page in pages()}
                deadline = CLOCK.now() + WITHIN
                while left and CLOCK.now() < deadline:
                    await CLOCK.sleep(0.5)
                    left = [one for one in left if not one.is_content(await reader.points(one, choices[one.dashboard]))]
    assert [str(one) for one in left] == []
