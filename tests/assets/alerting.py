"""The alerting configuration as the tests read it: rules, their cases, Alertmanager's routes; and the tools that judge it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from tests.assets.tools import judged as run
from tests.assets.tools import tool

CONFIG: Final = Path(__file__).resolve().parents[2] / "config"
RULES: Final = CONFIG / "prometheus" / "rules.yaml"
CASES: Final = CONFIG / "prometheus" / "rules_test.yaml"
ALERTMANAGER: Final = CONFIG / "alertmanager" / "alertmanager.yaml"
TEMPLATES: Final = CONFIG / "alertmanager" / "templates"
RUNBOOKS: Final = CONFIG / "runbooks.md"

_PACKAGES: Final = {
    "promtool": "apt-get install prometheus",
    "amtool": "apt-get install prometheus-alertmanager",
}
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"(.*)"')


class Alert(Struct, frozen=True):
    """One alerting rule."""

    alert: str
    expr: str
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    keep_firing_for: str = "0s"

    @property
    def kept(self) -> int:
        """Seconds for which it fires on after its condition is over."""
        return seconds(self.keep_firing_for)


class Fired(Struct, frozen=True):
    """An alert as a case of rules_test.yaml expects it: all labels, `alertname` included, and all words."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Case(Struct, frozen=True):
    """What one case expects of one alert at one time; nothing, if it is one of silence."""

    alert: str
    fired: Sequence[Fired]


def judged(name: str, *arguments: object) -> str:
    """What one of Prometheus' own tools says, which has to be content."""
    status, said = run(tool(name, _PACKAGES[name], needed=True), *map(str, arguments))
    assert status == 0, said
    return said


def loaded(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def rules() -> Sequence[Mapping[str, Any]]:
    """All rules, recording and alerting."""
    return [rule for group in loaded(RULES)["groups"] for rule in group["rules"]]


@cache
def alerts() -> Mapping[str, Alert]:
    """The alerting rules by name."""
    found = [
        Alert(**{key: rule[key] for key in Alert.__struct_fields__ if key in rule})
        for rule in rules()
        if "alert" in rule
    ]
    assert len({one.alert for one in found}) == len(found)
    return {one.alert: one for one in found}


@cache
def cases() -> Sequence[Case]:
    """Every check of rules_test.yaml."""
    return [
        Case(
            check["alertname"],
            [
                Fired({"alertname": check["alertname"], **one["exp_labels"]}, one["exp_annotations"])
                for one in check["exp_alerts"]
            ],
        )
        for test in loaded(CASES)["tests"]
        for check in test["alert_rule_test"]
    ]


@cache
def fired() -> Mapping[str, Sequence[Fired]]:
    """By alert, every form in which promtool proves that it fires."""
    found: dict[str, list[Fired]] = {}
    for case in cases():
        found.setdefault(case.alert, []).extend(case.fired)
    return found


def matches(labels: Mapping[str, str], matchers: Sequence[str]) -> bool:
    """Whether Alertmanager's matchers take these labels; a label that is missing is empty."""
    return all(_fits(labels, matcher) for matcher in matchers)


def _fits(labels: Mapping[str, str], matcher: str) -> bool:
    parsed = _MATCHER.fullmatch(matcher)
    assert parsed, matcher
    name, operator, pattern = parsed.groups()
    value = labels.get(name, "")
    found = value == pattern if operator in {"=", "!="} else re.fullmatch(pattern, value) is not None
    return found != operator.startswith("!")


def routes(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A route and all below it."""
    yield route
    for child in route.get("routes", ()):
        yield from routes(child)


def rendered(template: str, told: Sequence[tuple[str, Fired]], folder: Path) -> str:
    """What `connwatch.<template>` makes of these alerts, by amtool."""
    data = {
        "receiver": "test",
        "status": "firing" if any(status == "firing" for status, _ in told) else "resolved",
        "alerts": [{"status": status, "labels": one.labels, "annotations": one.annotations} for status, one in told],
        "groupLabels": {},
        "commonLabels": _common([one.labels for _, one in told]),
        "commonAnnotations": _common([one.annotations for _, one in told]),
        "externalURL": "http://alertmanager.example.org",
    }
    file = folder / "alerts.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    return judged(
        "amtool",
        "template",
        "render",
        f"--template.glob={TEMPLATES}/*.tmpl",
        f'--template.text={{{{ template "connwatch.{template}" . }}}}',
        f"--template.data={file}",
    )


def _common(several: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *rest = several
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in rest)}


def seconds(duration: str) -> int:
    """A duration of Prometheus in seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))
