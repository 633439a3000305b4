"""The daemon is killed at any instant, again and again: what it counts in the end is the truth, and no counter went back."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.app.household import PATIENCE, Metrics, parsed, select, total
from tests.cli.backstage import NAMES, daemon_at, ended, page, program, said
from tests.cli.waiting import once_true

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
PERSISTED = ("connwatch_connection_transitions_total", "connwatch_connection_repair_seconds_count")
QUOTA = {"requests_per_minute": 60_000, "burst": 100, "max_in_flight": 8}


def configuration(folder: Path, origin: str) -> Path:
    """A configuration for the providers at that address, with the keys that they are known to take."""
    users = folder / "users.txt"
    users.write_text(page(f"{origin}/control/users/basiq.txt")[1], encoding="utf-8")
    often = {"poll_interval": "1s", "discovery_interval": "2s", "quota": QUOTA}
    file = folder / "connwatch.yaml"
    told: dict[str, Any] = {
        "store": f"sqlite:///{folder / 'state.db'}",
        "web": {"listen": "127.0.0.1:0"},
        "sources": {
            "nectar": {"base_url": f"{origin}/nectar/v2.2", "api_key": "nectar-simulator-key"},
            "moneyhub": {
                "identity_url": f"{origin}/moneyhub",
                "client_id": "moneyhub-simulator-client",
                "client_secret": "moneyhub-simulator-secret",
            },
            "basiq": {"base_url": f"{origin}/basiq", "api_key": "basiq-simulator-key", "users": {"file": str(users)}},
        },
    }
    for name, one in told["sources"].items():
        one |= {"provider": name, **often}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def control(origin: str, what: str, **order: str) -> None:
    """Let something happen in the providers' world, or to their answers."""
    request = Request(f"{origin}/control/{what}", json.dumps(order).encode(), method="POST")  # noqa: S310 - the loopback
    with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - the loopback
        assert answer.status == 200


def scraped(url: str) -> Metrics:
    """What the daemon says now."""
    return parsed(page(f"{url}/metrics")[1])


def counted_right(url: str, origin: str) -> bool:
    """Whether the daemon counts what the providers list."""
    truth = json.loads(page(f"{origin}/control/truth")[1])
    found = scraped(url)
    return all(total(found, "connwatch_connections", source=name) == truth[name]["total"] for name in NAMES)


def counters(found: Metrics) -> dict[Any, float]:
    """What must never go back."""
    return {(name, key): value for name in PERSISTED for key, value in select(found, name).items()}


def gone_back(before: dict[Any, float], after: dict[Any, float]) -> dict[Any, float]:
    """The counters that lost something."""
    return {key: value for key, value in before.items() if after.get(key, 0.0) < value}


def changed(url: str, origin: str, connection: str, last: dict[Any, float]) -> dict[Any, float]:
    """Let a connection fail, and give what is counted as soon as that is seen."""
    control(origin, "world", event="set_status", connection=connection, status="WEBSITE_DOWN")
    counts = last

    def seen() -> bool:
        nonlocal counts
        counts = counters(scraped(url))
        return counts != last

    once_true(seen)
    return counts


def test_three_deaths_lose_nothing(tmp_path: Path) -> None:
    """Killed three times as soon as a change is exposed: the next life begins with what was counted, and the end is the truth."""
    last: dict[Any, float] = {}
    with program("simulate", "--listen", "127.0.0.1:0", "--connections", "60", folder=tmp_path) as simulator:
        origin = said(simulator, "The providers answer at").split()[4].rstrip("/;")
        file = configuration(tmp_path, origin)
        for changes in (1, 2, 1, 0):
            with program("run", "--config", str(file), folder=tmp_path) as daemon:
                url = daemon_at(daemon)
                if last:
                    # The providers are away: what is counted now is what was remembered.
                    once_true(lambda url=url: bool(counters(scraped(url))))  # type: ignore[misc]
                    assert gone_back(last, counters(scraped(url))) == {}
                    control(origin, "faults", profile="none")
                once_true(lambda url=url: counted_right(url, origin))  # type: ignore[misc]
                page_of_healthy = page(f"{url}/api/v1/connections?source=nectar&condition=healthy")[1]
                for one in json.loads(page_of_healthy)["connections"][:changes]:
                    last = changed(url, origin, one["id"], counters(scraped(url)))
                daemon.send_signal(signal.SIGKILL if changes else signal.SIGTERM)
                assert ended(daemon)[0] == (-signal.SIGKILL if changes else 0)
            control(origin, "faults", profile="down")
        log = json.loads(page(f"{origin}/control/requests")[1])
    assert log["violations"] == []
