from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from connwatch.metrics.families import FAMILIES, FAMILY
from connwatch.metrics.family import Family, Kind
from tests.assets.alerting import CASES, CONFIG, RULES, RUNBOOKS, alerts, cases, fired, judged, loaded, rules

TABLE: Final[Mapping[str, tuple[str, str | None]]] = {
    "ConnwatchDown": ("critical", "ops"),
    "ConnwatchSourceDown": ("critical", "ops"),
    "ConnwatchCredentialRejected": ("critical", "ops"),
    "ConnwatchBlind": ("warning", "ops"),
    "ConnwatchThrottled": ("warning", "ops"),
    "ConnwatchQuotaTooSmall": ("warning", "ops"),
    "ConnwatchStoreFailing": ("warning", "ops"),
    "ConnwatchConfigReloadFailed": ("warning", "ops"),
    "ConnwatchUnknownValues": ("info", "ops"),
    "ConnwatchVanishedHeld": ("warning", "ops"),
    "ConnwatchWatchdog": ("none", None),
    "ConnectionsNeedUserAction": ("warning", "user"),
    "ConnectionsNeedUserActionSurge": ("critical", "support"),
    "ConnectionDataStale": ("warning", "support"),
    "ConnectionDataStaleWidespread": ("critical", "ops"),
    "ConnectionsStuck": ("info", "support"),
    "ConsentExpiringSoon": ("warning", "user"),
    "ConsentCliff": ("warning", "support"),
    "ConsentExpired": ("warning", "user"),
    "InstitutionOutage": ("critical", "provider"),
    "CompanyInactive": ("info", "support"),
}
"""alerts.md: severity and actor."""
ALWAYS: Final = "ConnwatchWatchdog"
"""The dead man's switch, which has no silence."""
OF_A_PROCESS: Final = {"ConnwatchStoreFailing", "ConnwatchConfigReloadFailed"}
"""Alerts about one process, which they name; all others are about the fleet, whichever replica tells of it."""
ANNOTATIONS: Final = {"summary", "description", "runbook_url", "dashboard_url"}
NAMED: Final = "InstitutionOutage"
"""The alert whose subject is an id to machines: its annotation `about` is what people call it."""

_PARTS: Final[Mapping[Kind, Sequence[str]]] = {
    "gauge": ("",),
    "counter": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
}
_SERIES: Final = {
    family.name + part: {*family.labels, *({"le"} if part == "_bucket" else ())}
    for family in FAMILIES
    for part in _PARTS[family.kind]
}
_FROM_PROMETHEUS: Final = {"job", "instance", "pod", "alertname", "alertstate", "severity", "actor", "covers"}
_NAME: Final = re.compile(r"(?<![\w:])connwatch_\w+(?![\w:])")
_SELECTOR: Final = re.compile(r"(?<![\w:])(connwatch_\w+)\{([^{}]*)\}")
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def _texts() -> Iterator[str]:
    """Whatever speaks of series: expressions, and the queries inside annotations."""
    for rule in rules():
        yield rule["expr"]
        yield from rule.get("annotations", {}).values()


def test_every_alert_has_its_severity_and_its_actor() -> None:
    """Exactly the alerts of the table exist, each for the one who can end it."""
    assert {name: (one.labels["severity"], one.labels.get("actor")) for name, one in alerts().items()} == TABLE


@pytest.mark.parametrize("name", TABLE)
def test_every_alert_says_what_and_where(name: str) -> None:
    """A static summary, a description, a runbook that exists, and a dashboard; addresses are placeholders of the head."""
    told = alerts()[name].annotations
    assert set(told) == ANNOTATIONS | ({"about"} if name == NAMED else set())
    assert re.fullmatch(r"[A-Z][^{}]*\.", told["summary"])
    assert told["description"].endswith(".")
    assert told["runbook_url"] == f"https://runbooks.example.org/config/runbooks.md#{name.lower()}"
    assert told["dashboard_url"].startswith("https://grafana.example.org/d/")


def test_links_to_dashboards_lead_somewhere() -> None:
    """Each names a dashboard that we ship, and variables that it has."""
    shipped = [
        json.loads(path.read_text(encoding="utf-8")) for path in CONFIG.parent.joinpath("grafana").glob("*.json")
    ]
    variables = {one["uid"]: {each["name"] for each in one["templating"]["list"]} for one in shipped}
    for alert in alerts().values():
        link = urlsplit(alert.annotations["dashboard_url"])
        asked = {name.removeprefix("var-") for name, _ in parse_qsl(link.query)}
        assert asked <= variables[link.path.removeprefix("/d/")], alert.alert


@pytest.mark.parametrize("name", TABLE)
def test_every_alert_is_proven_to_fire(name: str) -> None:
    """Some case of promtool expects it, by name and with all its words."""
    assert fired().get(name)
    assert all(set(one.annotations) == set(alerts()[name].annotations) for one in fired()[name])


@pytest.mark.parametrize("name", sorted(TABLE.keys() - {ALWAYS}))
def test_every_alert_is_proven_silent(name: str) -> None:
    """Some case names the alert and expects nothing: a case without a name would assert nothing."""
    assert any(case.alert == name and not case.fired for case in cases())


def test_cases_name_existing_alerts() -> None:
    """A case for a name that is misspelled would be silent for ever."""
    assert {case.alert for case in cases()} <= set(TABLE)


def test_every_case_asserts_something() -> None:
    """No case has an empty list of checks."""
    assert all(test["alert_rule_test"] for test in loaded(CASES)["tests"])


@pytest.mark.parametrize("name", sorted(TABLE.keys() - OF_A_PROCESS))
def test_no_replica_is_named_where_the_fleet_is_meant(name: str) -> None:
    """Another instance or pod that takes over goes on with the same alert."""
    assert not [one.labels for one in fired()[name] if {"instance", "pod"} & set(one.labels)]


def test_every_series_exists() -> None:
    """Each name in rules, runbooks and cases is a family of ours, with a suffix that its kind has."""
    texts = [*_texts(), RUNBOOKS.read_text(encoding="utf-8"), CASES.read_text(encoding="utf-8")]
    names = {name for text in texts for name in _NAME.findall(text)}
    assert names - _SERIES.keys() == set()
    assert len(names) > len(TABLE)


def test_every_label_in_a_matcher_exists() -> None:
    """A matcher on a label that a family doesn't have would match nothing, or everything."""
    texts = [*_texts(), RUNBOOKS.read_text(encoding="utf-8"), CASES.read_text(encoding="utf-8")]
    selectors = [pair for text in texts for pair in _SELECTOR.findall(text)]
    wrong = {
        (name, label)
        for name, matchers in selectors
        for label in _LABEL.findall(re.sub(r'"[^"]*"', '""', matchers))
        if label not in _SERIES[name] | _FROM_PROMETHEUS
    }
    assert wrong == set()
    assert selectors


def test_every_label_in_a_grouping_exists() -> None:
    """So is it with `without`, `ignoring` and the rest."""
    known = set().union(*_SERIES.values()) | _FROM_PROMETHEUS
    groupings = [labels for text in _texts() for labels in _GROUPING.findall(text)]
    assert {label for labels in groupings for label in re.findall(r"\w+", labels)} - known == set()
    assert groupings


def test_bucket_bounds_exist() -> None:
    """A bound that is written otherwise than the exposition writes it would select nothing (decisions.md 22)."""
    bounds = {bound for rule in rules() for bound in re.findall(r'le="([^"]*)"', rule["expr"])}
    assert {float(bound) for bound in bounds} <= set(_consents().bounds)
    assert bounds == {"0.0", "172800.0", "432000.0", "604800.0", "+Inf"}


def _consents() -> Family:
    return FAMILY["connwatch_consent_remaining_seconds"]


@pytest.mark.parametrize("name", [name for name in TABLE if not name.startswith("Connwatch")])
def test_a_restart_does_not_resolve_what_is_told_of_connections(name: str) -> None:
    """They fire on for ten minutes, which is longer than any restart should take (decisions.md 30)."""
    assert alerts()[name].kept == 600


def test_recording_rules_are_used() -> None:
    """What nobody reads is not recorded."""
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    used = " ".join(rule["expr"] for rule in rules())
    assert [name for name in recorded if name not in used] == []
    assert all(name.count(":") == 2 for name in recorded)


def test_no_expression_is_written_twice() -> None:
    """An aggregation that two rules need is recorded once."""
    aggregations = [
        " ".join(text.split())
        for rule in rules()
        for text in re.findall(r"sum without \([^()]*\) \([^()]*\)", rule["expr"])
    ]
    assert sorted({text for text in aggregations if aggregations.count(text) > 1}) == []


def test_runbooks_have_one_section_for_each_alert() -> None:
    """Each says what it is, how to see it, what to do, and what not to do; and none is left over."""
    _, *sections = re.split(r"^## ", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = [section.partition("\n")[0] for section in sections]
    assert titles == list(alerts())
    lacking = [
        (title, part)
        for title, section in zip(titles, sections, strict=True)
        for part in ("**See it:**", "**Do", "**Don't**")
        if part not in section
    ]
    assert lacking == []


def test_runbooks_forbid_refreshing_in_bulk() -> None:
    """At their head, and again wherever somebody who misses data might think of it."""
    head, *sections = re.split(r"^## ", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert "**Never refresh in bulk.**" in head
    warned = {section.split()[0] for section in sections if "refresh" in section.partition("**Don't**")[2]}
    assert warned >= {
        "ConnectionsNeedUserAction",
        "ConnectionDataStale",
        "ConnectionDataStaleWidespread",
        "ConsentExpired",
        "InstitutionOutage",
    }


def test_links_inside_the_runbooks_lead_somewhere() -> None:
    """Anchors are sections, and paths are files."""
    text = RUNBOOKS.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    anchors = {f"#{title.lower()}" for title in re.findall(r"^## (\w+)$", text, flags=re.MULTILINE)}
    assert [link for link in links if link not in anchors and not (CONFIG / link).is_file()] == []
    assert links


def test_runbooks_say_of_each_alert_how_urgent_it_is() -> None:
    """The first words of a section are the severity that the rule has."""
    text = RUNBOOKS.read_text(encoding="utf-8")
    said = dict(re.findall(r"^## (\w+)\n\n\*(No severity|\w+)\b", text, flags=re.MULTILINE))
    assert {name: word.lower().replace("no severity", "none") for name, word in said.items()} == {
        name: severity for name, (severity, _) in TABLE.items()
    }


def test_queries_of_the_runbooks_are_promql(tmp_path: Path) -> None:
    """Whoever copies one at night gets an answer."""
    said = re.findall(r"`([^`]+)`", RUNBOOKS.read_text(encoding="utf-8"))
    queries = [text for text in said if re.match(r"[^$]*(connwatch_|up\{|ALERTS)", text)]
    recorded = [{"record": f"runbook:query:number{number}", "expr": text} for number, text in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": recorded}]}), encoding="utf-8")
    assert f"{len(queries)} rules found" in judged("promtool", "check", "rules", file)
    assert len(queries) > len(TABLE)


def test_promtool_has_nothing_against_the_rules() -> None:
    """With every lint that it knows, each fatal."""
    assert "SUCCESS" in judged("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_promtool_accepts_the_example() -> None:
    """prometheus.example.yaml is valid, and finds its rules."""
    said = judged("promtool", "check", "config", "--lint=all", "--lint-fatal", RULES.parent / "prometheus.example.yaml")
    assert "1 rule files found" in said


def test_the_example_scrapes_under_the_name_that_the_rules_want() -> None:
    """ConnwatchDown looks at `up{job="connwatch"}`."""
    example = loaded(RULES.parent / "prometheus.example.yaml")
    assert [one["job_name"] for one in example["scrape_configs"]] == ["connwatch"]
    assert 'up{job="connwatch"}' in alerts()["ConnwatchDown"].expr


@pytest.mark.parametrize("name", TABLE)
def test_promtool_proves_every_case(name: str, tmp_path: Path) -> None:
    """Each alert fires and is silent as rules_test.yaml says, to the word. One alert at a time, as each takes its while."""
    whole = loaded(CASES)
    concerned = [
        test for test in whole["tests"] if any(check["alertname"] == name for check in test["alert_rule_test"])
    ]
    part = tmp_path / "part.yaml"
    part.write_text(yaml.safe_dump({**whole, "rule_files": [str(RULES)], "tests": concerned}), encoding="utf-8")
    assert "SUCCESS" in judged("promtool", "test", "rules", part)


def test_cases_are_about_one_alert_each() -> None:
    """So that a failure says by its name what is broken, and is looked at once."""
    assert [
        test["name"]
        for test in loaded(CASES)["tests"]
        if {check["alertname"] for check in test["alert_rule_test"]} != {test["name"].partition(":")[0]}
    ] == []


def test_the_cases_find_the_rules() -> None:
    """`promtool test rules rules_test.yaml` works as it stands."""
    assert [(CASES.parent / path).resolve() for path in loaded(CASES)["rule_files"]] == [RULES]
