from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from connwatch.config import Plan, load, summary
from connwatch.providers import PROVIDERS
from connwatch.simulator import Simulator
from tests.config.reading import plan, write

FILES: Final = Path(__file__).parents[2] / "config"
NEEDED: Final = """
sources:
  nectar: {{provider: nectar, api_key_file: {folder}/nectar}}
  moneyhub:
    provider: moneyhub
    company: acme
    client_id: 0b6f2c1e-4a53-4d0f-9a77-2f1c8f5f2a10
    client_secret_file: {folder}/moneyhub
  basiq:
    provider: basiq
    company: acme-au
    api_key_file: {folder}/basiq
    users: {{file: {folder}/basiq-users.txt}}
    smart_cache: true
"""


@pytest.fixture
def example(tmp_path: Path) -> str:
    """The example, with its files in a folder of the test."""
    for name in ("nectar", "moneyhub", "basiq", "basiq-users.txt", "moneyhub.pem"):
        (tmp_path / name).write_text(f"{name}-4711\n")
    text = (FILES / "connwatch.example.yaml").read_text(encoding="utf-8")
    return re.sub(r"/run/secrets|/etc/connwatch(?=/basiq)|/etc/ssl", str(tmp_path), text)


def test_the_example_loads(tmp_path: Path, example: str) -> None:
    """As it is shipped, with its secrets in place: no problem, no warning, all providers."""
    told = plan(tmp_path, example)
    assert told.warnings == ()
    assert {source.provider.name for source in told.sources.values()} == set(PROVIDERS)


def test_the_example_shows_the_defaults(tmp_path: Path, example: str) -> None:
    """What it doesn't mark as `no default` is what holds when the key is left out."""
    shown, held = (dict(summary(plan(tmp_path, text))) for text in (example, NEEDED.format(folder=tmp_path)))
    assert shown.pop("hash") != held.pop("hash"), "it tells what was said from what was left out"
    assert shown == held


def test_what_the_example_comments_out_is_valid_too(tmp_path: Path, example: str) -> None:
    """Taking away a `# ` must not break the file. A client of Moneyhub then proves itself by a key."""
    (tmp_path / "private-ca.pem").touch()
    (tmp_path / "moneyhub.crt").touch()
    (tmp_path / "moneyhub.key").touch()
    text = re.sub(r"^( *)# (?!connwatch:)(?=[a-z_]+:|  - )", r"\1", example, flags=re.MULTILINE)
    text = re.sub(r"^ *client_secret_file:.*\n", "", text, flags=re.MULTILINE)
    told = plan(tmp_path, text)
    assert set(told.sources["moneyhub"].secrets) == {"private_key"}
    assert len(told.mutes) == 2
    assert told.sources["nectar"].proxy


def test_the_demo_speaks_to_the_simulator(tmp_path: Path) -> None:
    """Addresses and keys are the simulator's, so that `make run` works; nothing is asked but the loopback."""
    simulator = Simulator(connections=1)
    sources = demo(tmp_path).sources
    assert {name: source.provider.base_url for name, source in sources.items()} == {
        "nectar": "http://127.0.0.1:10760/nectar/v2.2",
        "moneyhub": "http://127.0.0.1:10760/moneyhub",
        "basiq": "http://127.0.0.1:10760/basiq",
    }
    assert sources["nectar"].secrets["api_key"].value == simulator.nectar_key
    assert sources["moneyhub"].secrets["client_secret"].value == simulator.moneyhub_client_secret
    assert f"client_id: {simulator.moneyhub_client_id}\n" in (FILES / "demo.yaml").read_text(encoding="utf-8")
    assert sources["basiq"].secrets["api_key"].value == simulator.basiq_key


def test_the_demo_can_keep_its_intervals(tmp_path: Path) -> None:
    """Its quotas let every target be asked within its interval, and stay below what the simulator admits."""
    simulator = Simulator(connections=2000)
    for name, source in demo(tmp_path).sources.items():
        owners = simulator.world.owners[name]
        requests = source.provider.sweep_requests([len(simulator.world.connections) // len(owners)] * len(owners))
        assert requests / source.policy.poll_interval * 60 < 0.9 * source.quota.per_minute
    assert demo(tmp_path).sources["moneyhub"].quota.per_minute < 1000, "providers/moneyhub.md section 5.1"


def demo(tmp_path: Path) -> Plan:
    """The plan of `make run`."""
    return load(write(tmp_path, (FILES / "demo.yaml").read_text(encoding="utf-8")), environ={})
