"""What is done to the daemon and to its providers in the course of a day: operators, deaths, and the weather."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, TypeAlias

from aiohttp import ClientSession
from msgspec import Struct

from tests.soak.lives import Lives

AT_LEISURE: Final = {"poll_interval": "1d", "discovery_interval": "12h"}
"""How sources are asked from day to day."""
QUOTAS: Final = {"nectar": 300, "moneyhub": 250, "basiq": 120}
"""Requests a minute, as by default; the burst is a minute's, for time may jump that far."""
AT_ONCE: Final = {
    "poll_interval": "1h",
    "discovery_interval": "1h",
    "quota": {"requests_per_minute": 1_000_000, "burst": 100_000, "max_in_flight": 16},
}
"""How they are asked in the end, so that a sweep takes an hour."""
NAMES: Final = ("nectar", "moneyhub", "basiq")


class Operator:
    """Who configures the daemon, starts and stops it; and whoever is to blame for the providers' weather."""

    def __init__(self, lives: Lives, providers: ClientSession, told: dict[str, Any], users: Path) -> None:
        self.restarts = self.deaths = self.reloads = 0
        self.told = told
        """The configuration in force."""
        self._lives = lives
        self._providers = providers
        self._users = users

    async def ask(self, path: str) -> Any:
        """What the providers' process says there."""
        async with self._providers.get(path) as said:
            return await said.json()

    async def order(self, path: str, **order: str) -> None:
        """Have the providers' process do something."""
        async with self._providers.post(path, json=order) as said:
            said.raise_for_status()

    async def list_users(self) -> None:
        """Write down the users of Basiq, which its API does not list."""
        async with self._providers.get("/control/users/basiq.txt") as said:
            self._users.write_text(await said.text(), encoding="utf-8")

    async def restart(self) -> None:
        """Stop in order, and begin again."""
        await self._lives.stop()
        await self._lives.start(self.told)
        self.restarts += 1

    async def die(self) -> None:
        """Die in the midst of the work, and begin again."""
        await self._lives.die()
        await self.order("/soak/death")
        await self._lives.start(self.told)
        self.deaths += 1

    async def reload(self, told: Mapping[str, Any], *, status: int = 200) -> None:
        """Have another configuration read, which is answered so."""
        said = await self._lives.reload(told)
        assert said == status
        self.reloads += 1

    async def change(self, source: str, **keys: Any) -> None:
        """Give a source other keys."""
        self.told = deepcopy(self.told)
        self.told["sources"][source] |= keys
        await self.reload(self.told)

    async def take_out(self, source: str) -> None:
        """Take a source out of the configuration in force, to come back with the next reload."""
        rest = {name: keys for name, keys in self.told["sources"].items() if name != source}
        await self.reload({**self.told, "sources": rest})


Deed: TypeAlias = Callable[[Operator, int], Awaitable[None]]
"""Done on a day, counted from 0."""


class Entry(Struct, frozen=True):
    """A deed at an hour of each day; or of every so many days only, the first of them being `first`."""

    hour: int
    deed: Deed
    every: int = 1
    first: int = 0

    def is_due(self, day: int, hour: int) -> bool:
        """Whether it is done then."""
        return hour == self.hour and day >= self.first and (day - self.first) % self.every == 0


def weather(name: str, provider: str = "*") -> Deed:
    """From now on these faults strike."""
    return lambda operator, _: operator.order("/soak/weather", provider=provider, weather=name)


def _poll_interval(operator: Operator, day: int) -> Awaitable[None]:
    return operator.change(NAMES[day % 3], poll_interval=("1d", "20h")[day // 3 % 2])


def _staleness(operator: Operator, day: int) -> Awaitable[None]:
    return operator.change("moneyhub", stale_after={"api": ("1d", "2d")[day % 2]})


def _nonsense(operator: Operator, _day: int) -> Awaitable[None]:
    return operator.reload({**operator.told, "sauces": {}}, status=400)


TIMETABLE: Final[Sequence[Entry]] = (
    Entry(0, lambda operator, _: operator.list_users()),
    Entry(1, weather("usual")),
    Entry(4, _poll_interval),
    Entry(6, weather("flaky")),
    Entry(8, weather("usual")),
    Entry(8, weather("banned", "nectar"), every=14, first=6),
    Entry(9, _staleness),
    Entry(11, weather("storm")),
    Entry(12, lambda operator, _: operator.restart(), every=2),
    Entry(13, weather("usual")),
    Entry(14, lambda operator, day: operator.take_out(NAMES[day % 3])),
    Entry(16, _nonsense),
    Entry(17, lambda operator, _: operator.reload(operator.told)),
    Entry(18, weather("broken")),
    Entry(19, weather("usual")),
    Entry(20, lambda operator, _: operator.die(), every=4),
    Entry(20, lambda operator, _: operator.die(), every=13, first=13),
    Entry(21, weather("none")),
)
"""Nearly always something goes wrong, now more, now less; three hours a day are calm.

A daemon that has just begun anew takes less memory than one that has asked everybody since. So the fourteenth day, with which
the first one is compared, ends as that does: four hours after a death.
"""


def configuration(origin: str, store: Path, users: Path, per_connection: str) -> dict[str, Any]:
    """All three providers."""
    own: Mapping[str, dict[str, Any]] = {
        "nectar": {"base_url": f"{origin}/nectar/v2.2", "api_key": "nectar-simulator-key"},
        "moneyhub": {
            "company": "acme",
            "identity_url": f"{origin}/moneyhub",
            "client_id": "moneyhub-simulator-client",
            "client_secret": "moneyhub-simulator-secret",
        },
        "basiq": {
            "company": "acme-au",
            "base_url": f"{origin}/basiq",
            "api_key": "basiq-simulator-key",
            "users": {"file": str(users)},
            "smart_cache": True,
        },
    }
    for name, keys in own.items():
        keys["quota"] = {"requests_per_minute": QUOTAS[name], "burst": QUOTAS[name], "max_in_flight": 8}
    return {
        "store": f"sqlite:///{store}",
        "web": {"listen": "127.0.0.1:0"},
        "shutdown_grace": "1m",
        "log": {"level": "error"},
        "metrics": {"per_connection": per_connection, "max_series": 1_000_000},
        "sources": {name: {"provider": name, **AT_LEISURE, **keys} for name, keys in own.items()},
    }
