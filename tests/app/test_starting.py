"""What keeps the daemon from starting, said at once and clearly; and what systemd hears of its life."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing

import pytest

from connwatch.fetch import UnusableTlsError
from connwatch.stores import StoreLocked, StoreTooNew, StoreUnusable
from connwatch.web import AddressInUse
from tests.app.household import PATIENCE, Household, heard
from tests.fakes import until


async def test_a_port_in_use_is_told(nectar: Household) -> None:
    """The message names the address and the key; the store is let go of."""
    nectar.told["web"]["listen"] = f"127.0.0.1:{nectar.port}"
    nectar.write()
    with pytest.raises(AddressInUse, match=rf"127\.0\.0\.1:{nectar.port} is in use .*web\.listen"):
        await nectar.make().run()
    nectar.told["web"]["listen"] = "127.0.0.1:0"
    nectar.write()
    async with nectar.running():
        await nectar.ready()


async def test_a_second_daemon_on_the_same_store_is_refused(nectar: Household) -> None:
    """It says who has it, and the first one goes on undisturbed."""
    async with nectar.running():
        await nectar.ready()
        with pytest.raises(StoreLocked, match="another connwatch"):
            await nectar.make().run()
        assert nectar.counted(await nectar.metrics()) == nectar.true_totals()


async def test_a_database_of_a_newer_version_is_refused(nectar: Household) -> None:
    """Nothing is done to it."""
    async with nectar.running():
        await nectar.ready()
    with closing(sqlite3.connect(nectar.folder / "state.db")) as file, file:
        file.execute("UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(StoreTooNew, match=r"state\.db"):
        await nectar.make().run()


async def test_a_database_that_breaks_while_it_is_read_is_told(nectar: Household) -> None:
    """Whatever was taken in by then: better no daemon than one to which all the rest seems to be new. Nobody was asked."""
    async with nectar.running():
        await nectar.ready()
    database = nectar.folder / "state.db"
    with closing(sqlite3.connect(database)) as file:
        (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'connections'").fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"?" * size)
    requests = len(nectar.simulator.requests)
    with pytest.raises(ExceptionGroup) as raised:
        await nectar.make().run()
    assert raised.group_contains(StoreUnusable, match=r"state\.db: database disk image is malformed")
    assert len(nectar.simulator.requests) == requests


async def test_a_certificate_that_is_none_is_told(house: Household) -> None:
    """The message names the key and the file, whatever started before; and nothing is left open."""
    nonsense = house.folder / "ca.pem"
    nonsense.write_text("no certificate", encoding="utf-8")
    house.told["sources"]["basiq"]["ca_file"] = str(nonsense)
    house.write()
    with pytest.raises(UnusableTlsError, match=r"sources\.basiq\.ca_file: .*ca\.pem can't be used"):
        await house.make().run()
    assert house.simulator.requests == []


async def test_systemd_hears_all_in_order(nectar: Household, systemd: socket.socket) -> None:
    """READY once it works, RELOADING and READY around a reload, STOPPING at the end, and no watchdog that wasn't asked for."""
    nectar.environ = {"NOTIFY_SOCKET": systemd.getsockname()}
    async with nectar.running():
        await nectar.ready()
        await nectar.reload()
    assert heard(systemd) == ["READY", "RELOADING", "READY", "STOPPING"]


async def test_systemds_watchdog_is_fed(nectar: Household, systemd: socket.socket) -> None:
    """While the event loop lives, it is said so, as often as systemd wants to hear it."""
    nectar.environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "4000000"}
    fed: list[str] = []
    async with nectar.running():
        await until(lambda: fed.extend(heard(systemd)) or fed.count("WATCHDOG") >= 3, patience=PATIENCE)  # type: ignore[func-returns-value]
