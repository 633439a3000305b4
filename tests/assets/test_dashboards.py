from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any, Final

import pytest

from connwatch.metrics import FAMILIES, ProcessRecorder
from connwatch.metrics.family import Kind
from grafana.dashboards import DASHBOARDS, files
from tests.assets.alerting import rules
from tests.assets.shipped import CONFIG, GRAFANA, document

NOBODY_ASKS: Final = {
    "connwatch_config_last_reload_success_timestamp_seconds": "whether the last reload succeeded is what counts",
    "connwatch_connection_checked_timestamp_seconds": "one connection's clocks: its page in the API shows them together",
    "connwatch_connection_expires_timestamp_seconds": "the same",
    "connwatch_connection_last_updated_timestamp_seconds": "the same",
    "connwatch_shards": "always 1 until work can be shared (decisions.md 11)",
    "connwatch_shards_owned": "the same",
}
"""Families that no panel and no rule uses, and why."""
UIDS: Final = [one.uid for one in DASHBOARDS]
UNITS: Final = {"locale", "percentunit", "s", "dateTimeFromNow", "none", "short", "opm", "reqpm", "bytes"}
"""Grafana's names of those that are in use: a unit that it doesn't know it would show as text."""
PROCESS: Final = {metric.name for metric in ProcessRecorder("1").registry.collect()}
OF_PROMETHEUS: Final = {"scrape_samples_scraped": {"job", "instance"}}
TARGET: Final = {"job", "instance"}
BUILT_IN: Final = {"__rate_interval", "__range"}
ON_TIME_RANGE_CHANGE: Final = 2

_PARTS: Final[Mapping[Kind, Sequence[str]]] = {
    "gauge": ("",),
    "counter": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
}
_FAMILY: Final = {family.name + part: family for family in FAMILIES for part in _PARTS[family.kind]}
_SELECTOR: Final = re.compile(r"\b([a-z]\w+)\{([^{}]*)\}")
_NAME: Final = re.compile(r"(?<![\w/])(?:connwatch|process|python|scrape)_\w+")
_MATCHED: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPED: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_RISE: Final = re.compile(r"(rate|increase)\((\w+)\{[^{}]*\}\[([^\]]+)\]")
_SUMMED: Final = re.compile(r"\bsum(?: by \([^()]*\))? \((\w+)\{")


@cache
def pages() -> Mapping[str, Any]:
    """The dashboards as they are shipped, by uid."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(GRAFANA.glob("*.json"))]
    return {page["uid"]: page for page in found}


def panels(page: Any) -> Sequence[Any]:
    """All that show something."""
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def every_panel() -> Iterator[tuple[str, Any]]:
    """All panels of all dashboards, by where they are."""
    for uid, page in pages().items():
        yield from ((f"{uid}: {panel['title']}", panel) for panel in panels(page))


def expressions() -> Iterator[tuple[str, str]]:
    """Everything that is asked of Prometheus, by where; variables last."""
    for place, panel in every_panel():
        yield from ((place, target["expr"]) for target in panel["targets"])
    for uid, page in pages().items():
        yield from (
            (f"{uid}: ${one['name']}", one["query"]["query"])
            for one in page["templating"]["list"]
            if one["type"] == "query"
        )


def series_labels(name: str) -> set[str]:
    """The labels of a series in Prometheus."""
    if name in _FAMILY:
        return {*_FAMILY[name].labels, *({"le"} if name.endswith("_bucket") else ()), *TARGET}
    return TARGET


def known_to(expression: str) -> set[str]:
    """Every label of the series that an expression speaks of."""
    return set().union(*(series_labels(name) for name, _ in _SELECTOR.findall(expression)))


def words(lists: Sequence[str]) -> set[str]:
    """The names in lists that are separated by commas."""
    return {word.strip() for text in lists for word in text.split(",") if word.strip()}


def wrong(found: Iterator[str]) -> list[str]:
    """What a test has found, each once."""
    return sorted(set(found))


def test_the_files_are_what_the_code_writes() -> None:
    """Nobody edits the JSON by hand: `python -m grafana.dashboards` writes it."""
    assert {file.name: file.read_text(encoding="utf-8") for file in GRAFANA.glob("*.json")} == files()


def test_dashboards_are_told_apart() -> None:
    """Grafana refuses a second one of the same uid or title."""
    assert len(pages()) == len(DASHBOARDS)
    assert len({page["title"] for page in pages().values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("uid", UIDS)
def test_panels_are_told_apart(uid: str) -> None:
    """Links and the picture of a panel go by its number, people by its title."""
    page = pages()[uid]
    assert max(Counter(panel["id"] for panel in page["panels"]).values()) == 1
    assert max(Counter(panel["title"] for panel in page["panels"]).values()) == 1


@pytest.mark.parametrize("uid", UIDS)
def test_panels_have_their_place(uid: str) -> None:
    """None lies over another one, or beyond the edge."""
    places = [(panel["title"], panel["gridPos"]) for panel in pages()[uid]["panels"]]
    assert [title for title, at in places if at["x"] + at["w"] > 24 or at["x"] < 0] == []
    assert [
        (one, other)
        for (one, a), (other, b) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ] == []


def _units(panel: Any) -> set[str]:
    overrides = [one for override in panel["fieldConfig"]["overrides"] for one in override["properties"]]
    return {panel["fieldConfig"]["defaults"]["unit"], *(one["value"] for one in overrides if one["id"] == "unit")}


def test_every_panel_explains_itself() -> None:
    """A title, a description in sentences, a known unit for all that was measured, and the data source that is chosen above."""

    def found() -> Iterator[str]:
        for place, panel in every_panel():
            if not re.fullmatch(r"[A-Z].*[^.]", panel["title"]):
                yield f"{place}: title"
            if not panel["description"].endswith("."):
                yield f"{place}: description"
            if not _units(panel) <= UNITS:
                yield f"{place}: {_units(panel)}"
            if any(one["datasource"]["uid"] != "${datasource}" for one in (panel, *panel["targets"])):
                yield f"{place}: data source"

    assert wrong(found()) == []


@pytest.mark.parametrize("uid", UIDS)
def test_choices_follow_the_time(uid: str) -> None:
    """The data source can be chosen; what else can be chosen is read anew when another time is looked at, and is used."""
    page = pages()[uid]
    source, *others = page["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert {one["refresh"] for one in others} == {ON_TIME_RANGE_CHANGE}
    assert {one["datasource"]["uid"] for one in others} == {"${datasource}"}
    asked = " ".join(target["expr"] for panel in panels(page) for target in panel["targets"])
    assert {one["name"] for one in others} == set(re.findall(r"\$(\w+)", asked)) - BUILT_IN


def test_rises_are_taken_right() -> None:
    """Counters are only ever seen through rate or increase, gauges never; a rate is over the interval that Grafana proposes."""

    def found() -> Iterator[str]:
        for place, expression in expressions():
            rising = [name for _, name, _ in _RISE.findall(expression)]
            for name, _ in _SELECTOR.findall(expression):
                family = _FAMILY.get(name)
                kind = family.kind if family else "counter" if name.endswith("_total") else "gauge"
                if (kind in {"counter", "histogram"}) != (name in rising):
                    yield f"{place}: {name}"
            for function, _, window in _RISE.findall(expression):
                if window not in {"rate": {"$__rate_interval"}, "increase": {"$__range", "1h"}}[function]:
                    yield f"{place}: {function} over {window}"

    assert wrong(found()) == []


def test_names_are_those_of_our_metrics() -> None:
    """Every series that is asked for is exported, with the labels by which it is chosen, grouped, joined, or called."""

    def found() -> Iterator[str]:
        for place, expression in expressions():
            for name in _NAME.findall(expression):
                if not (name in _FAMILY or name.removesuffix("_total") in PROCESS or name in OF_PROMETHEUS):
                    yield f"{place}: {name}"
            for name, chosen in _SELECTOR.findall(expression):
                matched = set(_MATCHED.findall(re.sub(r'"[^"]*"', "", chosen)))
                yield from (f"{place}: {name}{{{label}}}" for label in matched - series_labels(name))
            grouped = words(_GROUPED.findall(expression))
            yield from (f"{place}: grouped by {label}" for label in grouped - known_to(expression))

    assert wrong(found()) == []


def test_all_is_chosen_by_job_and_source() -> None:
    """Whatever has a source shows those that are chosen; all else shows the chosen jobs."""

    def found() -> Iterator[str]:
        for place, expression in expressions():
            for name, chosen in _SELECTOR.findall(expression):
                if 'job=~"$job"' not in chosen:
                    yield f"{place}: {name} of every job"
                asks_for_sources = place.endswith("$source")
                if "source" in series_labels(name) and 'source=~"$source"' not in chosen and not asks_for_sources:
                    yield f"{place}: {name} of every source"

    assert wrong(found()) == []


def test_replicas_are_not_counted_twice() -> None:
    """What each replica says of a source as a whole, a time, a name or a limit, is no number to be added up."""
    endings = ("_seconds", "_info", "_ratio", "_up", "_factor", "_per_minute", "_successful", "_status")
    once = {family.name for family in FAMILIES if family.kind == "gauge" and family.name.endswith(endings)}

    def found() -> Iterator[str]:
        for place, expression in expressions():
            yield from (f"{place}: {name}" for name in _SUMMED.findall(expression) if name in once)

    assert {"connwatch_poll_lag_seconds", "connwatch_institution_info", "connwatch_source_up"} <= once
    assert wrong(found()) == []


def test_legends_and_columns_show_labels_that_there_are() -> None:
    """What a line is called, and what a table shows, is in the answer: a misspelt label would be an empty word."""

    def found() -> Iterator[str]:
        for place, panel in every_panel():
            results = [
                words(_GROUPED.findall(target["expr"])) or known_to(target["expr"]) for target in panel["targets"]
            ]
            for target, labels in zip(panel["targets"], results, strict=True):
                called = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                yield from (f"{place}: called {label}" for label in called - labels)
            if panel["type"] == "table":
                many = len(panel["targets"]) > 1
                values = {f"Value #{target['refId']}" if many else "Value" for target in panel["targets"]}
                shown = set(panel["transformations"][-1]["options"]["renameByName"])
                yield from (f"{place}: shows {name}" for name in shown - values - set().union(*results))
                yield from (f"{place}: hides {name}" for name in values - shown)

    assert wrong(found()) == []


def _links(page: Any) -> Iterator[tuple[str, set[str]]]:
    """(where a link leads, the columns that its row has)."""
    yield from ((link["url"], set()) for link in page["links"])
    for panel in panels(page):
        headings = set()
        for step in panel.get("transformations", ()):
            headings |= set(step["options"].get("renameByName", {}).values())
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                if one["id"] == "links":
                    yield from ((link["url"], headings) for link in one["value"])


def _leads_nowhere(url: str) -> list[str]:
    """What of a link to a dashboard there isn't: the dashboard itself, or a choice on it."""
    uid, _, query = url.partition("?")
    page = pages().get(uid.rpartition("/")[2])
    if page is None:
        return [url]
    choices = {one["name"] for one in page["templating"]["list"]}
    return [f"{url}: {name}" for name in re.findall(r"var-(\w+)=", query) if name not in choices]


def test_links_lead_somewhere() -> None:
    """To a dashboard of ours that has the choices which the link makes, by columns that the row has; each leads to all others."""
    lost = [fault for page in pages().values() for url, _ in _links(page) for fault in _leads_nowhere(url)]
    assert lost == []
    unknown = [
        f"{url}: {heading}"
        for page in pages().values()
        for url, headings in _links(page)
        for heading in set(re.findall(r"__data\.fields\.(\w+)", url)) - headings
    ]
    assert unknown == []
    for uid, page in pages().items():
        assert {link["url"] for link in page["links"]} == {f"/d/{other}" for other in pages().keys() - {uid}}


def test_alerts_lead_to_a_dashboard() -> None:
    """The `dashboard_url` of each rule opens one of ours, and chooses what it can choose."""
    urls = [rule["annotations"]["dashboard_url"] for rule in rules() if "alert" in rule]
    assert [fault for url in urls for fault in _leads_nowhere(url)] == []


def test_every_family_is_asked_for() -> None:
    """By a panel, a choice or a rule; those that nobody asks for are listed with the reason."""
    said = [expression for _, expression in expressions()]
    for rule in rules():
        said += [rule["expr"], *rule.get("annotations", {}).values()]
    # Recording rules have colons in their names, which are none of ours.
    named = set(_NAME.findall(re.sub(r"\w+:[\w:]+", "", " ".join(said))))
    asked = {_FAMILY[name].name for name in named & _FAMILY.keys()}
    assert {family.name for family in FAMILIES} - asked == set(NOBODY_ASKS)


def test_grafana_is_provided_with_the_dashboards() -> None:
    """Where compose mounts them, Grafana looks; the first one is its home, and none can be changed in the browser."""
    [provider] = document(GRAFANA / "provisioning" / "dashboards" / "connwatch.yaml")["providers"]
    grafana = document(CONFIG / "compose" / "compose.yaml")["services"]["grafana"]
    volumes = [volume.split(":") for volume in grafana["volumes"]]
    mounts = {(CONFIG / "compose" / source).resolve(): path for source, path, *_ in volumes}
    assert provider["type"] == "file"
    assert provider["options"]["path"] == mounts[GRAFANA]
    assert mounts[GRAFANA / "provisioning"] == "/etc/grafana/provisioning"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{mounts[GRAFANA]}/") in files()
    assert provider["allowUiUpdates"] is False


def test_grafana_is_provided_with_the_data() -> None:
    """The one data source is compose's Prometheus, and it knows the scrape interval, from which `$__rate_interval` follows."""
    [source] = document(GRAFANA / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    services = document(CONFIG / "compose" / "compose.yaml")["services"]
    host, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()  # type: ignore[union-attr]
    assert source["type"] == "prometheus"
    assert source["isDefault"] is True
    assert source["uid"]
    assert services[host]["ports"][0].endswith(f":{port}")
    scraped = document(CONFIG / "compose" / "prometheus.yaml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


@pytest.mark.parametrize("kind", ["dashboards", "datasources"])
def test_provisioning_is_of_the_form_that_grafana_reads(kind: str) -> None:
    """One file of each kind, in version 1 of the form, with nothing in it that Grafana doesn't know."""
    [file] = (GRAFANA / "provisioning" / kind).iterdir()
    told = document(file)
    known = {
        "dashboards": {
            "name",
            "folder",
            "type",
            "allowUiUpdates",
            "disableDeletion",
            "updateIntervalSeconds",
            "options",
        },
        "datasources": {"name", "uid", "type", "access", "url", "isDefault", "jsonData"},
    }
    assert told["apiVersion"] == 1
    [entry] = told["providers" if kind == "dashboards" else "datasources"]
    assert set(entry) <= known[kind]
    assert set(told) <= {"apiVersion", "prune", "providers", "datasources"}
