from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connwatch.config import Changes, Plan, changes
from tests.config.reading import plan

TWO = """
sources:
  nectar: {{provider: nectar, api_key: {key}, poll_interval: {interval}}}
  basiq: {{provider: basiq, api_key_file: {file}, users: [u-1]}}
{more}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The secret of one of the two sources."""
    file = tmp_path / "key"
    file.write_text("basiq-key")
    return file


def two(file: Path, *, key: str = "nectar-key", interval: str = "5m", more: str = "", **overrides: Any) -> Plan:
    """The plan of two sources."""
    text = TWO.format(key=key, interval=interval, file=file, more=more)
    return plan(file.parent, text, **overrides)


def test_nothing_changed_is_nothing_to_do(file: Path) -> None:
    """A reload of the same file disturbs no source, and keeps the hash."""
    assert changes(two(file), two(file)) == Changes()
    assert two(file).digest == two(file).digest


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        ({"interval": "6m"}, ("nectar",)),
        ({"key": "another-key"}, ("nectar",)),
        ({"more": "mute: [{source: 'b*', reason: test}]"}, ("basiq",)),
        ({"more": "mute: [{company: Acme, reason: test}]"}, ("nectar", "basiq")),
        ({"more": "metrics: {per_connection: all}"}, ()),
    ],
)
def test_only_sources_that_are_configured_otherwise_change(
    file: Path, after: dict[str, str], changed: tuple[str, ...]
) -> None:
    """Their keys, their secrets, and the mutes that are meant for them."""
    assert changes(two(file), two(file, **after)) == Changes(changed=changed)


def test_a_rotated_file_is_no_change_of_the_configuration(file: Path) -> None:
    """The new secret is read at its next use, without a restart of the source; another file is a change."""
    before = two(file)
    file.write_text("rotated-key")
    assert changes(before, two(file)) == Changes()
    other = file.with_name("other")
    other.write_text("basiq-key")
    assert changes(before, two(other)) == Changes(changed=("basiq",))


def test_sources_come_and_go(file: Path) -> None:
    """Under another name it is another source."""
    text = TWO.format(key="nectar-key", interval="5m", file=file, more="").replace("nectar:", "nectar_au:", 1)
    assert changes(two(file), plan(file.parent, text)) == Changes(added=("nectar_au",), removed=("nectar",))


def test_store_and_addresses_need_a_restart(file: Path) -> None:
    """Then nothing else changes either (decisions.md 26)."""
    after = two(file, interval="6m", store="memory:", web__listen=[":1"])
    assert changes(two(file), after) == Changes(
        refused=("store: a change needs a restart", "web.listen: a change needs a restart")
    )


@pytest.mark.parametrize(
    "after",
    [
        {"interval": "6m"},
        {"more": "retention: 1d"},
        {"more": "log: {level: debug}"},
        {"more": "mute: [{company: Acme, reason: test}]"},
    ],
)
def test_the_hash_tells_one_configuration_from_another(file: Path, after: dict[str, str]) -> None:
    """It is exported, so that replicas and reloads can be compared."""
    assert two(file).digest != two(file, **after).digest


def test_no_hash_depends_on_a_secret(file: Path) -> None:
    """What is exported must not even be derived from one."""
    before, after = two(file), two(file, key="another-key")
    assert before.digest == after.digest
    assert before.sources["nectar"].digest == after.sources["nectar"].digest
