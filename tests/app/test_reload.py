"""The configuration is read again: all of it takes effect, or nothing does, and nobody is disturbed who did not change."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from tests.app.household import PATIENCE, Household, heard, select, source, total
from tests.fakes import until

SUCCESSFUL = "connwatch_config_last_reload_successful"


async def test_who_did_not_change_is_not_disturbed(house: Household) -> None:
    """Another source is replaced and a third one goes, while a poll of the first is under way: it is not waited for, and lands."""
    house.ask_often()
    async with house.running():
        await house.ready()
        house.slow_down("nectar")
        await until(lambda: house.held > 0, patience=PATIENCE)
        house.told["sources"]["moneyhub"]["expiring_within"] = "9d"
        del house.told["sources"]["basiq"]
        house.write()
        assert (await house.reload())[0] == 200
        assert house.held > 0
        (line,) = house.lines("reloaded")
        assert (line["added"], line["removed"], line["changed"]) == ([], ["basiq"], ["moneyhub"])
        found = await house.metrics_once(lambda found: house.counted(found) == house.true_totals())
        assert total(found, "connwatch_connections", provider="basiq") == 0
        house.release.set()
        asked = len(house.simulator.requests)
        await until(lambda: len(house.simulator.requests) > asked, patience=PATIENCE)
    assert {one.status for one in house.simulator.requests if one.provider == "nectar"} == {200}


async def test_a_changed_source_keeps_what_it_knows(house: Household) -> None:
    """Its provider is away when it changes: its connections are counted in every scrape, before, between and after."""
    async with house.running():
        await house.ready()
        house.simulator.faults.use("*", "down")
        for one in house.told["sources"].values():
            one["expiring_within"] = "9d"
        house.write()
        async with asyncio.TaskGroup() as group:
            reload = group.create_task(house.reload())
            scrapes: list[Mapping[str, int]] = []
            while not reload.done() or len(scrapes) < 12:
                scrapes.append(house.counted(await house.metrics()))
        assert reload.result()[0] == 200
        assert [one for one in scrapes if one != house.true_totals()] == []


async def test_a_source_that_comes_back_goes_on_where_it_was(nectar: Household) -> None:
    """Removed and added again, it knows its connections; who was just asked is not asked again at once."""
    moneyhub = source("moneyhub", nectar.simulator, nectar.port, nectar.folder)
    both = dict(nectar.told["sources"], moneyhub=moneyhub)
    only = {"moneyhub": moneyhub}
    async with nectar.running():
        await nectar.ready()
        listings = nectar.listings()
        for sources in (only, both):
            nectar.told["sources"] = sources
            nectar.write()
            assert (await nectar.reload())[0] == 200
            await nectar.ready()
        again = nectar.listings()[len(listings) :]
        assert [path for path in again if "nectar" in path] == []


async def test_a_source_that_was_not_there_at_the_start_goes_on_where_it_was(nectar: Household) -> None:
    """What an earlier life knew of it is read from the store: nobody is asked, and all are counted."""
    both = dict(nectar.told["sources"], moneyhub=source("moneyhub", nectar.simulator, nectar.port, nectar.folder))
    nectar.told["sources"] = both
    nectar.write()
    async with nectar.running():
        await nectar.ready()
    nectar.told["sources"] = {"moneyhub": both["moneyhub"]}
    nectar.write()
    async with nectar.running():
        await nectar.ready()
        listings = nectar.listings()
        nectar.told["sources"] = both
        nectar.write()
        assert (await nectar.reload())[0] == 200
        await nectar.metrics_once(lambda found: nectar.counted(found) == nectar.true_totals())
        assert [path for path in nectar.listings()[len(listings) :] if "nectar" in path] == []


async def test_a_source_of_which_the_store_cannot_tell_is_not_added(nectar: Household) -> None:
    """All that it has would seem to be new: better nothing changes, and the answer says why."""
    nectar.told["sources"]["moneyhub"] = source("moneyhub", nectar.simulator, nectar.port, nectar.folder)
    nectar.write()
    async with nectar.running():
        await nectar.ready()
    both = nectar.told["sources"]
    nectar.told["sources"] = {"moneyhub": both["moneyhub"]}
    nectar.write()
    async with nectar.running():
        await nectar.ready()
        for file in nectar.folder.glob("state.db*"):
            if not file.name.endswith("-shm"):
                file.write_bytes(b"?" * file.stat().st_size)
        nectar.told["sources"] = both
        nectar.write()
        status, text = await nectar.reload()
        assert (status, "state.db: " in text) == (400, True)
        assert not select(await nectar.metrics(), "connwatch_source_up", source="nectar")


async def test_what_is_read_otherwise_from_now_on_is_read_anew(nectar: Household) -> None:
    """Accounts were not wanted, and now they are: they are counted though nothing changed at the provider."""
    nectar.ask_often()
    nectar.configure(accounts="none")
    async with nectar.running():
        await nectar.ready()
        assert total(await nectar.metrics(), "connwatch_accounts") == 0
        nectar.configure(accounts="list")
        assert (await nectar.reload())[0] == 200
        await nectar.metrics_once(lambda found: total(found, "connwatch_accounts") > 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sources": {}}, "there is no source"),
        ({"sauces": {}}, "did you mean sources?"),
        ({"store": "memory:"}, "store: a change needs a restart"),
        ({"web": {"listen": "127.0.0.1:1"}}, "web.listen: a change needs a restart"),
    ],
)
async def test_a_bad_file_changes_nothing(nectar: Household, change: dict[str, Any], told: str) -> None:
    """It is answered with 400 and the reason, the metric says so, and everything goes on as before, until the file is good again."""
    good = nectar.told
    async with nectar.running() as daemon:
        await nectar.ready()
        before = await nectar.metrics()
        nectar.told = good | change
        nectar.write()
        status, text = await nectar.reload()
        assert (status, told in text) == (400, True)
        nectar.told = good
        found = await nectar.metrics()
        assert (before[SUCCESSFUL, frozenset()], found[SUCCESSFUL, frozenset()]) == (1, 0)
        assert nectar.counted(found) == nectar.true_totals()
        assert found.keys() >= before.keys()
        assert daemon.addresses
        nectar.write()
        assert (await nectar.reload())[0] == 200
        assert (await nectar.metrics())[SUCCESSFUL, frozenset()] == 1


async def test_a_file_that_is_no_yaml_is_told(nectar: Household) -> None:
    """What can't be read at all is refused in words, too."""
    async with nectar.running():
        nectar.file.write_text("sources: [", encoding="utf-8")
        status, text = await nectar.reload()
    assert (status, "line" in text) == (400, True)


async def test_a_certificate_that_is_none_is_refused(nectar: Household) -> None:
    """A CA file without a certificate: the source goes on as it was."""
    nonsense = nectar.folder / "ca.pem"
    nonsense.write_text("no certificate", encoding="utf-8")
    async with nectar.running():
        await nectar.ready()
        nectar.configure(ca_file=str(nonsense))
        status, text = await nectar.reload()
        assert (status, f"sources.nectar.ca_file: {nonsense} can't be used" in text) == (400, True)
        assert nectar.counted(await nectar.metrics()) == nectar.true_totals()


async def test_two_reloads_at_once_come_one_after_the_other(nectar: Household) -> None:
    """Both are answered, the last word of the file holds, and every source runs once."""
    async with nectar.running():
        await nectar.ready()
        nectar.configure(poll_interval="30m")
        answers = await asyncio.gather(*(nectar.reload() for _ in range(4)))
        assert {status for status, _ in answers} == {200}
        found = await nectar.metrics_once(lambda found: nectar.counted(found) == nectar.true_totals())
        assert total(found, "connwatch_poll_interval_seconds") == 1800
    assert [line["changed"] for line in nectar.lines("reloaded") if line["changed"]] == [["nectar"]]


async def test_what_is_shown_can_change(nectar: Household) -> None:
    """Series of single connections appear by a reload, at once, and go by another; no scrape between lacks anything."""
    async with nectar.running():
        await nectar.ready()
        for mode, count in (("all", nectar.true_totals()["nectar"]), ("none", 0)):
            nectar.told["metrics"] = {"per_connection": mode}
            nectar.write()
            assert (await nectar.reload())[0] == 200
            found = await nectar.metrics()
            assert total(found, "connwatch_connection_status") == count
            assert nectar.counted(found) == nectar.true_totals()


async def test_the_log_can_be_turned_up(nectar: Household) -> None:
    """The level takes effect without a restart."""
    async with nectar.running():
        nectar.told["log"] = {"level": "error"}
        nectar.write()
        await nectar.reload()
    assert nectar.lines("stopped") == []


async def test_the_file_is_watched(nectar: Household) -> None:
    """Who replaces the file, once or thrice, needs to tell nobody: its last word holds."""
    async with nectar.running():
        await nectar.ready()
        for interval in ("31m", "32m", "33m"):
            nectar.configure(poll_interval=interval)
        await nectar.metrics_once(lambda found: total(found, "connwatch_poll_interval_seconds") == 1980)


async def test_a_file_that_changes_during_a_reload_is_read_again(nectar: Household, systemd: socket.socket) -> None:
    """The reload waits for a poll; what was written meanwhile is not overlooked."""
    nectar.environ = {"NOTIFY_SOCKET": systemd.getsockname()}
    nectar.ask_often()
    async with nectar.running():
        await nectar.ready()
        nectar.slow_down()
        await until(lambda: nectar.held > 0, patience=PATIENCE)
        nectar.configure(poll_interval="31m")
        await until(lambda: "RELOADING" in heard(systemd), patience=PATIENCE)
        nectar.configure(poll_interval="32m")
        nectar.release.set()
        await nectar.metrics_once(lambda found: total(found, "connwatch_poll_interval_seconds") == 1920)


async def test_a_change_of_the_users_is_noticed(house: Household) -> None:
    """A new user in the file is asked, and one who was taken out is gone at once."""
    async with house.running():
        await house.ready()
        user = house.simulator.world.create_user("basiq")
        house.simulator.world.create(user, "AU00101", "web")
        house.write_users()
        await house.ready()
        file = house.folder / "basiq-users.txt"
        file.write_text(f"{user}\n", encoding="utf-8")
        await house.metrics_once(lambda found: total(found, "connwatch_connections", provider="basiq") == 1)


async def test_a_hangup_reloads(nectar: Household) -> None:
    """SIGHUP reads the file again."""
    async with nectar.running():
        await nectar.ready()
        count = len(nectar.lines("reloaded"))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(nectar.lines("reloaded")) > count, patience=PATIENCE)


async def test_a_reload_before_the_start_is_over_waits_for_it(nectar: Household) -> None:
    """The web server answers while the state is being loaded: a reload then is in order, too."""
    daemon = nectar.make()
    nectar.configure(poll_interval="31m")
    async with asyncio.TaskGroup() as group:
        living = group.create_task(daemon.run())
        early = group.create_task(daemon.reload())
        await until(lambda: early.done() or living.done(), patience=PATIENCE)
        assert early.result() == ()
        daemon.stopping.set()
    assert [line["changed"] for line in nectar.lines("reloaded")] == [["nectar"]]


async def test_a_reload_under_way_does_not_outlive_the_end(nectar: Household, systemd: socket.socket) -> None:
    """The daemon is told to stop while a reload waits for a poll: both end, and the next reload in line is told why it is none."""
    nectar.environ = {"NOTIFY_SOCKET": systemd.getsockname()}
    nectar.ask_often()
    async with nectar.running() as daemon:
        await nectar.ready()
        nectar.slow_down()
        await until(lambda: nectar.held > 0, patience=PATIENCE)
        nectar.configure(poll_interval="31m")
        async with asyncio.TaskGroup() as group:
            group.create_task(daemon.reload())
            late = group.create_task(daemon.reload())
            await until(lambda: "RELOADING" in heard(systemd), patience=PATIENCE)
            daemon.stopping.set()
            nectar.release.set()
    assert late.result() == ("connwatch is stopping",)
    assert nectar.lines("stopped")
