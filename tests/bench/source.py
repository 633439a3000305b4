"""How a source is configured that is asked at the loopback, with nothing in its way; and a log that nobody reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from connwatch.app import Console
from connwatch.config import Plan, load
from connwatch.log import Redaction, Volume, set_up
from connwatch.metrics.connections import Mode
from connwatch.notify import Notifier

NO_CEILING: Final = 1_000_000_000
SELDOM: Final = "1000h"
"""For errands: they are not what is measured."""


class Source:
    """One source of a provider, and the folder in which its daemon lives."""

    def __init__(self, folder: Path, provider: str, url: str, targets: Iterable[str]) -> None:
        self.folder = folder
        self.store = folder / "state.db"
        self._provider = provider
        self._own = _own(folder, url)[provider]
        if provider == "moneyhub":
            with (folder / "users.txt").open("w", encoding="ascii") as file:
                file.writelines(f"{target}\n" for target in targets)

    def plan(self, *, interval: str = "1h", places: int = 50, series: Mode = "none") -> Plan:
        """Polled in this interval, by so many at once. `series` is `metrics.per_connection`."""
        quota = {"requests_per_minute": NO_CEILING, "burst": 10_000, "max_in_flight": places}
        source = {"provider": self._provider, "poll_interval": interval, "discovery_interval": SELDOM, "quota": quota}
        told = {
            "store": f"sqlite:///{self.store}",
            "web": {"listen": "127.0.0.1:0"},
            "metrics": {"per_connection": series, "max_series": NO_CEILING},
            "sources": {"main": {**source, **self._own}},
        }
        file = self.folder / "connwatch.yaml"
        file.write_text(json.dumps(told), encoding="utf-8")  # which is YAML too
        return load(str(file), environ={})


def _own(folder: Path, url: str) -> Mapping[str, Mapping[str, Any]]:
    return {
        "nectar": {"base_url": url, "api_key": "a key"},
        "moneyhub": {
            "company": "acme",
            "identity_url": url,
            "client_id": "a client",
            "client_secret": "a secret",
            "users": {"file": str(folder / "users.txt")},
        },
    }


@contextmanager
def console(systemd: str = "") -> Iterator[Console]:
    """The daemon's own log at its usual level: what it says of each change is part of what a change costs.

    `systemd` is where someone listens in systemd's stead, as `NOTIFY_SOCKET` has it.
    """
    volume, redaction = Volume("info"), Redaction()
    with Path(os.devnull).open("w", encoding="utf-8") as nobody:
        yield Console(
            set_up(volume, "json", redaction, stream=nobody), volume, redaction, Notifier({"NOTIFY_SOCKET": systemd})
        )
