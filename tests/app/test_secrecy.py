"""Nothing secret and nothing personal is seen anywhere, whatever goes wrong (product.md, *Private*)."""

from __future__ import annotations

import pytest

from connwatch.simulator import CANARY
from tests.app.household import PATIENCE, Household, total
from tests.fakes import until

PAGES = ("/", "/metrics", "/api/v1/connections?limit=1000", "/-/ready", "/nowhere")


async def seen(house: Household) -> str:
    """All that can be read of the daemon: its pages, one account of each provider, its log, its files."""
    pages = [(await house.get(path))[1] for path in PAGES]
    listed = (await house.json("/api/v1/connections?limit=1000"))["connections"]
    accounts = [
        f"/api/v1/connections/{source}/{id_}" for source, id_ in {one["source"]: one["id"] for one in listed}.items()
    ]
    pages += [(await house.get(path))[1] for path in accounts]
    files = [file.read_bytes().decode("latin-1") for file in house.folder.glob("state.db*")]
    return "\n".join([*pages, house.log.getvalue(), *files])


@pytest.mark.parametrize("profile", ["none", "flaky", "broken", "drift", "auth"])
async def test_nothing_private_is_seen(profile: str, house: Household) -> None:
    """Names, numbers, secrets and tokens of the providers' answers are in no log, at debug level, in no page and in no file."""
    secrets = [house.simulator.nectar_key, house.simulator.moneyhub_client_secret, house.simulator.basiq_key]
    house.release.set()
    house.simulator.faults.use("*", profile)
    async with house.running():
        await house.answers("/-/ready", 200)
        await until(lambda: len(house.simulator.requests) >= 8, patience=PATIENCE)
        found = await seen(house)
    found += house.log.getvalue()
    assert [word for word in (CANARY, *secrets) if word in found] == []
    assert house.lines("reading_broke") == []


async def test_a_rotated_secret_is_used_without_a_restart(nectar: Household) -> None:
    """The key's file changes: the new key is tried within a second, the rejection ends, and neither key is told."""
    key = nectar.folder / "key"
    key.write_text(nectar.simulator.nectar_key, encoding="utf-8")
    del nectar.told["sources"]["nectar"]["api_key"]
    nectar.configure(api_key_file=str(key), poll_interval="1h")
    async with nectar.running():
        await nectar.ready()
        await nectar.answers("/-/ready", 200)
        old, new = nectar.simulator.nectar_key, nectar.simulator.rotate_key("nectar")
        nectar.configure(poll_interval="1s")
        await nectar.metrics_once(lambda found: total(found, "connwatch_polls_total", outcome="auth") >= 1)
        key.with_name("new").write_text(f"{new}\n", encoding="utf-8")
        key.with_name("new").replace(key)
        before = total(await nectar.metrics(), "connwatch_polls_total", outcome="ok")
        await nectar.metrics_once(lambda found: total(found, "connwatch_polls_total", outcome="ok") > before)
        found = await seen(nectar)
    (line,) = nectar.lines("secret_changed")
    assert line["source"] == "nectar"
    assert [secret for secret in (old, new) if secret in found] == []
