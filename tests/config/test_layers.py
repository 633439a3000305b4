from __future__ import annotations

from pathlib import Path

import pytest

from connwatch.config import Address
from connwatch.core.quota import Rule
from tests.config.reading import NECTAR, plan, refusal


def test_any_value_can_come_from_the_environment(tmp_path: Path) -> None:
    """Without any file to speak of: texts, numbers, switches, lists and mappings, in any case of the name."""
    environ = {
        "CONNWATCH_STORE": "memory:",
        "connwatch_retention": "1d",
        "CONNWATCH_WEB__LISTEN": '["127.0.0.1:1", "[::1]:2"]',
        "CONNWATCH_METRICS__INSTITUTIONS": "False",
        "CONNWATCH_METRICS__MAX_SERIES": "7",
        "CONNWATCH_MUTE": '[{"company": "Acme", "reason": "moving"}]',
        "CONNWATCH_SOURCES__NECTAR__PROVIDER": "nectar",
        "CONNWATCH_SOURCES__NECTAR__API_KEY": "12345",
        "CONNWATCH_SOURCES__NECTAR__COMPANIES": '["c-1"]',
        "CONNWATCH_SOURCES__NECTAR__QUOTA__REQUESTS_PER_MINUTE": "2.5",
        "CONNWATCH_SOURCES__NECTAR__QUOTA__BURST": "3",
        "CONNWATCH_SOURCES__NECTAR__TRUST_ENV": "true",
        "CONNWATCH_SOURCES__NECTAR__STALE_AFTER": '{"utility": "2d"}',
    }
    told = plan(tmp_path, "", environ)
    assert (told.store, told.retention, told.institutions, told.max_series) == ("memory:", 86_400.0, False, 7)
    assert told.listen == (Address("127.0.0.1", 1), Address("::1", 2))
    assert [mute.reason for mute in told.mutes] == ["moving"]
    source = told.sources["nectar"]
    assert source.secrets["api_key"].value == "12345", "a key that looks like a number is a text"
    assert source.provider.listed == ("c-1",)
    assert source.quota == Rule(2.5, 3, 4)
    assert source.trust_env
    assert source.policy.stale_after == {"utility": 172_800.0}


def test_flags_beat_variables_and_variables_beat_the_file(tmp_path: Path) -> None:
    """Each layer replaces single values, and leaves the others be."""
    text = "log: {level: error, format: console}\nweb: {listen: ':1'}\nretention: 1d" + NECTAR
    environ = {"CONNWATCH_LOG__LEVEL": "debug", "CONNWATCH_WEB__LISTEN": ":2"}
    told = plan(tmp_path, text, environ, web__listen=[":3", ":4"], log__format=None)
    assert told.listen == (Address("", 3), Address("", 4))
    assert (told.log_level, told.log_format, told.retention) == ("debug", "console", 86_400.0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CONNWATCH_STORE", "state.db", "store: sqlite:///PATH (with four slashes if the path is absolute) or memory: is expected"),
        ("CONNWATCH_STORE__PATH", "x", "store.path: unknown key"),
        ("CONNWATCH_WEB__LISTN", ":1", "web.listn: unknown key, did you mean listen?"),
        ("CONNWATCH_METRICS__MAX_SERIES", "many", "metrics.max_series: a whole number is expected"),
        ("CONNWATCH_METRICS__MAX_SERIES", "NaN", "metrics.max_series: a whole number is expected"),
        ("CONNWATCH_METRICS__INSTITUTIONS", "1", "metrics.institutions: true or false is expected"),
        ("CONNWATCH_MUTE", "[{", "mute: a list is expected"),
        ("CONNWATCH_LOG__LEVEL__X", "y", "log.level: debug, info, warning or error is expected"),
        ("CONNWATCH_SOURCES__NECTAR__POL_INTERVAL", "5m", "sources.nectar.pol_interval: unknown key, did you mean poll_interval?"),
        ("CONNWATCH_SOURCES__NECTAR__POLL_INTERVAL", "5", "sources.nectar.poll_interval: a duration like 90s, 15m, 1h30m or 2d is expected"),
        ("CONNWATCH_SOURCES__NECTAR__STUCK_AFTER__PENDIN", "5m", "sources.nectar.stuck_after.pendin: unknown status, did you mean PENDING?"),
        ("CONNWATCH_SOURCES__NECTRA__API_KEY", "k", "sources.nectra.provider: is missing: nectar, moneyhub or basiq"),
    ],
)  # fmt: skip
def test_a_variable_below_a_known_root_is_as_strict_as_the_file(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    """The message names the variable, and the nearest valid key."""
    text = "log: {level: info}" + NECTAR
    assert refusal(tmp_path, text, {name: value}) == [f"{name}: {said}"]


def test_a_flag_that_is_wrong_is_told_as_one(tmp_path: Path) -> None:
    """It has no line: the command line is to blame, even where the file has the key too."""
    text = "web: {listen: ':1'}" + NECTAR
    assert refusal(tmp_path, text, web__listen=["nowhere"], web__config_file="web.yaml") == [
        "the command line: web.listen[0]: an address like 127.0.0.1:10750, [::1]:10750 or :10750 is expected",
        (
            "the command line: web.config_file: TLS and basic auth aren't supported yet: "
            "put a reverse proxy in front, and leave this key out"
        ),
    ]


def test_other_variables_with_our_prefix_are_warned_about(tmp_path: Path) -> None:
    """Kubernetes injects some for a service of our name; a slip of the finger shows too. The path of the file is ours."""
    environ = {
        "CONNWATCH_CONFIG": "connwatch.yaml",
        "CONNWATCH_PORT": "tcp://10.0.0.1:10750",
        "CONNWATCH_STOER": "memory:",
        "CONNWATCH_WEB_LISTEN": ":1",
        "HOME": "/root",
    }
    assert plan(tmp_path, NECTAR, environ).warnings == (
        "CONNWATCH_PORT: ignored: no key has this name",
        "CONNWATCH_STOER: ignored: no key has this name, did you mean CONNWATCH_STORE?",
        "CONNWATCH_WEB_LISTEN: ignored: no key has this name, did you mean CONNWATCH_WEB__LISTEN?",
    )


def test_a_secret_given_twice_over_layers_names_both_places(tmp_path: Path) -> None:
    """A value in the environment doesn't silently beat a file that the configuration names."""
    text = "sources:\n  nectar:\n    provider: nectar\n    api_key_file: /run/secrets/nectar\n"
    assert refusal(tmp_path, text, {"CONNWATCH_SOURCES__NECTAR__API_KEY": "hunter2"}) == [
        (
            "CONNWATCH_SOURCES__NECTAR__API_KEY: sources.nectar.api_key: "
            "given twice: api_key (CONNWATCH_SOURCES__NECTAR__API_KEY) and api_key_file (line 4)"
        )
    ]


def test_a_secret_in_the_environment_beats_the_same_key_of_the_file(tmp_path: Path) -> None:
    """The same key in two layers is no contradiction: that is what layers are for."""
    told = plan(tmp_path, NECTAR, {"CONNWATCH_SOURCES__NECTAR__API_KEY": "from-environment"})
    assert told.sources["nectar"].secrets["api_key"].value == "from-environment"


def test_a_fault_of_the_file_keeps_its_line_beside_variables(tmp_path: Path) -> None:
    """What a variable adds to a source doesn't take the blame for the rest of it."""
    text = "sources:\n  nectar:\n    provider: nectar\n    accounts: lists\n"
    environ = {"CONNWATCH_SOURCES__NECTAR": '{"poll_interval": "5m"}'}
    assert refusal(tmp_path, text, environ) == [
        "line 4: sources.nectar.accounts: none, list or details is expected, did you mean list?"
    ]


def test_a_source_that_the_file_began_has_its_place_there(tmp_path: Path) -> None:
    """What is wrong with it as a whole isn't the fault of the variable that added to it."""
    text = "sources:\n  nectar:\n    provider: nectar\n"
    assert refusal(tmp_path, text, {"CONNWATCH_SOURCES__NECTAR__POLL_INTERVAL": "5m"}) == [
        "line 2: sources.nectar: api_key or api_key_file is needed"
    ]


def test_of_several_variables_the_one_at_fault_is_named(tmp_path: Path) -> None:
    """One that gives a whole source as JSON, and others for single keys of it."""
    environ = {
        "CONNWATCH_SOURCES__N": '{"provider": "nectar", "accounts": "some", "quota": {"burst": "many"}}',
        "CONNWATCH_SOURCES__N__API_KEY": "key",
        "CONNWATCH_SOURCES__N__POLL_INTERVAL": "often",
    }
    told = dict(problem.split(": ")[1::-1] for problem in refusal(tmp_path, "", environ))
    assert told == {
        "sources.n.poll_interval": "CONNWATCH_SOURCES__N__POLL_INTERVAL",
        "sources.n.accounts": "CONNWATCH_SOURCES__N",
        "sources.n.quota.burst": "CONNWATCH_SOURCES__N",
    }


def test_statuses_find_their_names_in_spite_of_case(tmp_path: Path) -> None:
    """Names of variables have no case and no hyphen; the file's own keys stay strict."""
    text = "sources: {basiq: {provider: basiq, users: [u], api_key: k, stuck_after: {pre-init: 1h, init: 1h}}}"
    told = plan(tmp_path, text, {"CONNWATCH_SOURCES__BASIQ__STUCK_AFTER__PRE_INIT": "2h"})
    assert told.sources["basiq"].policy.stuck_after == {"pending": 900.0, "init": 3600.0, "pre-init": 7200.0}
