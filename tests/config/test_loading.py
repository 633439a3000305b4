from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connwatch.config import Address, ConfigRefused, Plan, load, summary
from connwatch.core.model import NEVER
from connwatch.core.policy import Mute
from connwatch.core.quota import Rule
from tests.config.reading import NECTAR, plan, refusal, write

KEYS = [
    *(
        "store",
        "web",
        "listen",
        "log",
        "level",
        "metrics",
        "max_series",
        "sources",
        "mute",
        "reason",
        "source",
        "until",
    ),
    *("nectar", "hub", "basiq", "provider", "api_key", "api_key_file", "client_id", "client_secret", "users", "file"),
    *("companies", "accounts", "poll_interval", "quota", "burst", "requests_per_minute", "stale_after", "stuck_after"),
    *("utility", "PENDING", "base_url", "proxy", "ca_file", "events", "retention", "external_url", "config_file"),
]
WORDS = [
    *("nectar", "moneyhub", "basiq", "all", "never", "none", "15m", "99999999999y", "", "memory:", "sqlite:///x"),
    *(
        "https://example.org",
        "http://[",
        "https://a:b@c",
        ":10750",
        "[::1]:1",
        "::1:1",
        "2026-12-24",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
        "\x00",
        "\ud800",
    ),
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
SOURCES = st.dictionaries(
    st.sampled_from(["nectar", "hub", "basiq"]),
    st.dictionaries(st.sampled_from(KEYS), TREES, max_size=8).flatmap(
        lambda told: st.sampled_from(["nectar", "moneyhub", "basiq"]).map(lambda name: told | {"provider": name})
    ),
    max_size=3,
)


def outcome(path: str, environ: dict[str, str] | None = None) -> Plan | ConfigRefused:
    """The plan, or why there is none; in words that can be printed."""
    try:
        result: Plan | ConfigRefused = load(path, environ=environ or {})
    except ConfigRefused as refused:
        result = refused
    if isinstance(result, Plan):
        assert json.dumps(summary(result), allow_nan=False)
    else:
        assert result.problems
        assert str(result).encode()
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples of a test."""
    return tmp_path_factory.mktemp("config")


def test_the_smallest_configuration_has_all_defaults(tmp_path: Path) -> None:
    """A provider and a key are enough; everything else is as the contract says."""
    told = plan(tmp_path, NECTAR)
    assert told.store == "sqlite:////var/lib/connwatch/state.db"
    assert told.listen == (Address("127.0.0.1", 10750),)
    assert (told.log_level, told.log_format) == ("info", "json")
    assert (told.per_connection, told.institutions, told.max_series) == ("none", True, 100_000)
    assert (told.shutdown_grace, told.retention, told.external_url) == (10.0, 30 * 86_400.0, "")
    assert (told.mutes, told.warnings) == ((), ())
    source = told.sources["nectar"]
    assert source.quota == Rule(300.0, 10, 4)
    assert (source.policy.poll_interval, source.policy.discovery_interval, source.request_timeout) == (900, 600, 30)


def test_what_is_configured_reaches_the_plan(tmp_path: Path) -> None:
    """Each key ends where it is used."""
    (tmp_path / "users").touch()
    text = f"""
    store: "memory:"
    web: {{listen: [":9", "[::1]:10", LOCALHOST:0]}}
    log: {{level: warn, format: console}}
    metrics: {{per_connection: unhealthy, institutions: false, max_series: 7}}
    shutdown_grace: 1m
    retention: 2d
    external_url: https://connwatch.example.org/
    mute:
      - {{source: ba*, institution: AU00000, reason: test bank}}
      - {{company: Acme, reason: moving, until: 2026-12-24T18:00:00+02:00}}
    sources:
      basiq:
        provider: basiq
        company: acme
        api_key: basiq-key-4711
        users: {{file: "{tmp_path}/users"}}
        smart_cache: true
        poll_interval: 1h30m
        discovery_interval: 5m
        request_timeout: 100ms
        stale_after: {{web: 2d, openbanking: never}}
        stuck_after: {{pre-init: 2h}}
        expiring_within: 1w
        ca_file: "{tmp_path}/users"
        proxy: http://proxy:3128
        trust_env: true
        quota: {{requests_per_minute: 0.5, burst: 1, max_in_flight: 2}}
    """
    told = plan(tmp_path, text)
    assert (told.store, told.external_url) == ("memory:", "https://connwatch.example.org")
    assert told.listen == (Address("", 9), Address("::1", 10), Address("localhost", 0))
    assert (told.log_level, told.log_format) == ("warning", "console")
    assert (told.per_connection, told.institutions, told.max_series) == ("unhealthy", False, 7)
    assert (told.shutdown_grace, told.retention) == (60.0, 172_800.0)
    assert told.mutes == (
        Mute("test bank", source="ba*", institution="AU00000"),
        Mute("moving", company="Acme", until=1_798_128_000.0),
    )
    source = told.sources["basiq"]
    assert (source.name, source.provider.name, source.provider.company) == ("basiq", "basiq", "acme")
    assert source.quota == Rule(0.5, 1, 2)
    assert source.policy.mutes == told.mutes
    assert (source.policy.poll_interval, source.policy.discovery_interval) == (5400.0, 300.0)
    assert source.policy.stale_after["web"] == 172_800.0
    assert source.policy.stale_after["openbanking"] == NEVER
    assert source.policy.stuck_after["pre-init"] == 7200.0
    assert (source.policy.expiring_within, source.request_timeout) == (604_800.0, 0.1)
    assert (source.users_file, source.ca_file) == (f"{tmp_path}/users", f"{tmp_path}/users")
    assert (source.proxy, source.trust_env) == ("http://proxy:3128", True)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """One run of `check` is enough: form, keys, types, combinations, secrets and variables, of all sources."""
    text = """
store: state.db
sources:
  hub: {provider: moneyhub, client_secret_file: /nowhere/hub, stale_after: {apis: 1d}}
  nectar:
    provider: nectar
    api_key: a
    api_key: b
    poll_intervall: 5m
    quota: {burst: many}
  basiq: {provider: basic}
"""
    assert refusal(tmp_path, text, {"CONNWATCH_LOG__LEVEL": "loud"}) == [
        "line 2: store: sqlite:///PATH (with four slashes if the path is absolute) or memory: is expected",
        "line 4: sources.hub.stale_after.apis: unknown kind, did you mean api?",
        "line 4: sources.hub.client_secret_file: /nowhere/hub can't be read: No such file or directory",
        "line 4: sources.hub.client_id: is missing",
        "line 8: sources.nectar.api_key: given twice, on lines 7 and 8",
        "line 9: sources.nectar.poll_intervall: unknown key, did you mean poll_interval?",
        "line 10: sources.nectar.quota.burst: a whole number is expected",
        "line 11: sources.basiq.provider: nectar, moneyhub or basiq is expected, did you mean basiq?",
        "CONNWATCH_LOG__LEVEL: log.level: debug, info, warning or error is expected",
    ]


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The message names the file, and is no traceback."""
    missing = tmp_path / "none.yaml"
    with pytest.raises(ConfigRefused, match="can't be read: No such file or directory") as refused:
        load(str(missing), environ={})
    assert str(missing) in str(refused.value)
    assert refused.value.path == str(missing)


def test_a_folder_for_a_file_is_said_so(tmp_path: Path) -> None:
    """A folder, a name that can't be one, and bytes that aren't text are refused like any bad file."""
    (tmp_path / "latin.yaml").write_bytes("store: 'Zürich'".encode("latin-1"))
    for path, said in ((tmp_path, "Is a directory"), (tmp_path / "\0", "no name"), (tmp_path / "latin.yaml", "UTF-8")):
        with pytest.raises(ConfigRefused, match=said):
            load(str(path), environ={})


def test_a_file_of_users_may_come_later(tmp_path: Path) -> None:
    """The last known users are watched until the file is there: that is worth a warning, not a refusal."""
    told = plan(tmp_path, "sources: {basiq: {provider: basiq, api_key: key, users: {file: /nowhere/users}}}")
    assert told.warnings == ("sources.basiq.users.file: /nowhere/users can't be read now, so no new user is known",)


def test_a_summary_is_what_an_operator_can_check(tmp_path: Path) -> None:
    """Durations as they are written, where secrets come from, and what was left to a default."""
    (tmp_path / "key").write_text("nectar-key-4711\n")
    text = f"""
    mute: [{{company: Acme, reason: moving, until: 2026-12-24}}, {{source: n*, reason: "off"}}]
    sources:
      nectar: {{provider: nectar, api_key_file: "{tmp_path}/key", companies: [c-1, c-2], stale_after: {{utility: never}}}}
    """
    told = summary(plan(tmp_path, text))
    assert told["mute"] == [
        {"reason": "moving", "company": "Acme", "until": "2026-12-24T00:00:00+00:00"},
        {"reason": "off", "source": "n*"},
    ]
    assert told["web"] == {"listen": ["127.0.0.1:10750"]}
    assert told["sources"]["nectar"] == {
        "provider": "nectar",
        "base_url": "https://external.nectarclimate.com/v2.2",
        "company": "discovered",
        "targets": 2,
        "secrets": {"api_key": f"in {tmp_path}/key"},
        "poll_interval": "15m",
        "discovery_interval": "10m",
        "request_timeout": "30s",
        "quota": {"requests_per_minute": 300.0, "burst": 10, "max_in_flight": 4},
        "stale_after": {"utility": "never"},
        "never_updated_after": {"utility": "3d"},
        "stuck_after": {"PENDING": "3d"},
        "expiring_within": "7d",
        "trust_env": False,
    }


@settings(deadline=None, max_examples=60)
@given(st.text())
@example("a: &a [*a]")
@example("? {a: b}\n: c")
@example("[" * 1000)
@example("- " * 1000)
@example("a: {" * 1000)
@example("a: " + "9" * 5000)
@example("!!int x")
@example("%TAG ! tag:x,2000:\n---\n!a b")
def test_any_text_is_a_plan_or_refused(folder: Path, text: str) -> None:
    """Whatever a file holds, there is no other exception."""
    file = folder / "text.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome(str(file))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6), SOURCES)
def test_any_structure_is_a_plan_or_refused(folder: Path, tree: dict[str, Any], sources: dict[str, Any]) -> None:
    """Keys that we know, with values of any kind: no other exception."""
    outcome(write(folder, yaml.safe_dump(tree | {"sources": sources})))


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.lists(st.sampled_from([key.upper() for key in KEYS]), min_size=1, max_size=4).map("__".join),
        st.text(max_size=8)
        | st.sampled_from(WORDS)
        | TREES.map(lambda tree: yaml.safe_dump(tree, default_flow_style=True)),
        max_size=6,
    )
)
@example({"SOURCES": "[" * 100_000})
@example({"STORE__X": "1", "SOURCES__": "{}", "LOG__LEVEL": "info", "LOG__LEVEL__X": "1"})
def test_any_environment_is_a_plan_or_refused(folder: Path, variables: dict[str, str]) -> None:
    """The same for variables, whatever they are called."""
    outcome(write(folder, NECTAR), {f"CONNWATCH_{name}": value for name, value in variables.items()})


@pytest.mark.parametrize(
    "twist",
    ["{}", "'{}'", "!{}", "*{}", "&{}", "[{}]", "{{a: {}}}", '"\\u000a{}"', "%{}", "@{}", "|\n        {}\n        x"],
)
@pytest.mark.parametrize(
    "key", ["api_key", "base_url", "proxy", "accounts", "poll_interval", "companies", "quota", "stale_after"]
)
def test_no_value_is_ever_repeated(tmp_path: Path, key: str, twist: str) -> None:
    """A secret in the right place or in a wrong one, well written or not: no message, plan or summary shows it."""
    secret = "hunter2-canary"
    text = f"sources:\n  nectar:\n    provider: nectar\n    {key}: {twist.format(secret)}\n"
    result = outcome(write(tmp_path, text))
    told = f"{result!r} {summary(result)}" if isinstance(result, Plan) else f"{result} {result!r} {result.problems!r}"
    assert secret not in told


def test_no_secret_from_a_file_or_a_variable_is_ever_repeated(tmp_path: Path) -> None:
    """Neither when all is well, nor when something else is wrong."""
    (tmp_path / "key").write_text("hunter2-canary\n")
    text = f"""
    sources:
      one: {{provider: nectar, api_key_file: "{tmp_path}/key"}}
      two: {{provider: basiq, users: [u]}}
    """
    told = plan(tmp_path, text, {"CONNWATCH_SOURCES__TWO__API_KEY": "hunter3-canary"})
    assert told.sources["one"].secrets["api_key"].value == "hunter2-canary"
    assert told.sources["two"].secrets["api_key"].value == "hunter3-canary"
    assert "canary" not in f"{told!r}{summary(told)}{told.digest}"
    assert "canary" not in str(
        refusal(tmp_path, text + "store: x", {"CONNWATCH_SOURCES__TWO__API_KEY": "hunter3-canary"})
    )
