"""From a broken connection to a message, through real programs.

Rules and routes are ours, read from config/ and rewritten by `watchtower`: every expression, label, route and inhibition is
kept, but `for`, `keep_firing_for`, ranges and waits are shorter, and every receiver is a webhook of this test.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml

from connwatch.simulator import Simulator
from tests.e2e.watchtower import Message, Watchtower, free_port, serving, until, watchtower

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.usefixtures("watchers")]

COMPANY: Final = "Lakeside Foods"
CEDAR: Final = "Cedar Valley Power & Light"
BANK: Final = "Thornbury Bank Open Banking"
OTHER_BANK: Final = "Penhallow Building Society"
WATTLE: Final = "AU00101"
STALE_AFTER: Final = "15s"
"""At the source whose key is rejected: so its data gets stale while nobody can look, but not because a busy machine is slow."""
WITHIN: Final = 90.0
"""Seconds for each act of the play, of which it needs a third where the machine has nothing else to do."""

WATCHDOG: Final = Message("dead-mans-switch", "ConnwatchWatchdog")


class Scene:
    """A few connections at each provider, all healthy, and the four ways in which they break."""

    def __init__(self, key_file: Path) -> None:
        self.simulator = Simulator(seed=1, connections=0, pace=0)
        self._key_file = key_file
        world = self.simulator.world
        self.bank, self.other_bank = (
            next(place.id for place in world.institutions.values() if place.name == name) for name in (BANK, OTHER_BANK)
        )
        company = next(owner.id for owner in world.owners["nectar"].values() if owner.name == COMPANY)
        customer, self.basiq_user = world.create_user("moneyhub"), world.create_user("basiq")
        self._login, *_ = [self._working(company, CEDAR, "utility") for _ in range(3)]
        for _ in range(6):
            self._working(customer, self.bank, "api")
        self._consent, *_ = [self._working(customer, self.other_bank, "api") for _ in range(2)]
        self._unseen = self._working(self.basiq_user, WATTLE, "openbanking")
        self._key_file.write_text(self.simulator.basiq_key, encoding="utf-8")

    def _working(self, owner: str, institution: str, kind: str) -> str:
        connection = self.simulator.world.create(owner, institution, kind)
        self.simulator.world.renew(connection)
        return connection

    def freshen(self) -> None:
        """Let Basiq have brought data just now."""
        self.simulator.world.renew(self._unseen)

    def break_all(self) -> None:
        """A password changes, a bank goes down, a consent runs out, and our key for Basiq is withdrawn."""
        world = self.simulator.world
        self.freshen()
        world.set_status(self._login, "PASSWORD_INCORRECT")
        world.take_down(self.bank)
        world.expire(self._consent)
        self._new_key = self.simulator.rotate_key("basiq")
        self.simulator.expire_tokens("basiq")

    def mend_all(self) -> None:
        """Everybody does what the runbooks say."""
        world = self.simulator.world
        world.set_status(self._login, "CONNECTED")
        world.bring_back(self.bank)
        world.renew(self._consent)
        self.freshen()
        self._key_file.write_text(self._new_key, encoding="utf-8")

    def config(self, simulator: int, folder: Path) -> Path:
        """The configuration of a connwatch that looks every other second."""
        base, quick = f"http://127.0.0.1:{simulator}", {"requests_per_minute": 3000, "burst": 20, "max_in_flight": 4}
        sources: dict[str, dict[str, object]] = {
            "nectar": {"base_url": f"{base}/nectar/v2.2", "api_key": self.simulator.nectar_key},
            "moneyhub": {
                "company": "acme",
                "identity_url": f"{base}/moneyhub",
                "client_id": self.simulator.moneyhub_client_id,
                "client_secret": self.simulator.moneyhub_client_secret,
            },
            "basiq": {
                "company": "acme-au",
                "base_url": f"{base}/basiq",
                "api_key_file": str(self._key_file),
                "users": [self.basiq_user],
                "smart_cache": True,
                "stale_after": {"openbanking": STALE_AFTER},
            },
        }
        file = folder / "connwatch.yaml"
        told = {
            "store": f"sqlite:///{folder / 'state.db'}",
            "sources": {
                name: {"provider": name, "poll_interval": "2s", "quota": quick, **options}
                for name, options in sources.items()
            },
        }
        file.write_text(yaml.safe_dump(told), encoding="utf-8")
        return file


@asynccontextmanager
async def _watched(scene: Scene, folder: Path) -> AsyncIterator[Watchtower]:
    """The simulated providers, a connwatch that polls them, and all that watches connwatch."""
    port, simulator = free_port(), await scene.simulator.start()
    config = scene.config(simulator, folder)
    connwatch = (sys.executable, "-m", "connwatch", "run", f"--config.file={config}")
    try:
        async with (
            serving(folder / "connwatch.log", port, *connwatch),
            watchtower(folder, f"127.0.0.1:{port}") as tower,
        ):
            yield tower
    finally:
        await scene.simulator.stop()


async def test_the_right_people_are_told_and_nobody_else(tmp_path: Path) -> None:
    """Four things break at once: each reaches who can mend it, what a rejected key explains reaches nobody, and all ends."""
    scene = Scene(tmp_path / "basiq.key")
    broken = {
        Message("users-digest", "ConnectionsNeedUserAction", "nectar", COMPANY),
        Message("provider-desk", "InstitutionOutage", "moneyhub", scene.bank),
        Message("users-digest", "ConsentExpired", "moneyhub", "acme"),
        Message("on-call", "ConnwatchSourceDown", "basiq"),
        Message("on-call", "ConnwatchCredentialRejected", "basiq"),
    }
    async with _watched(scene, tmp_path) as tower:

        async def all_is_well() -> bool:
            scene.freshen()
            up = await tower.query("count(connwatch_source_up == 1) == 3 and min(connwatch_sweep_coverage_ratio) == 1")
            return bool(up) and await tower.in_touch() and tower.inbox.firing == {WATCHDOG}

        async def all_are_told() -> bool:
            return tower.inbox.firing >= broken and ("ConnectionDataStale", "basiq") in await tower.suppressed()

        async def all_is_over() -> bool:
            scene.freshen()
            pending = await tower.query('ALERTS{alertname!="ConnwatchWatchdog"}')
            return not pending and tower.inbox.firing == {WATCHDOG}

        await until("everything is healthy, and only the watchdog is heard", all_is_well, within=WITHIN)
        scene.break_all()
        await until(f"all of {broken}, and stale data held back", all_are_told, within=WITHIN)
        scene.mend_all()
        await until("all is over", all_is_over, within=WITHIN)
        assert tower.inbox.told == broken | {WATCHDOG}
