from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.assets.alerting import (
    ALERTMANAGER,
    TEMPLATES,
    Fired,
    alerts,
    fired,
    judged,
    loaded,
    matches,
    rendered,
    routes,
    seconds,
)

RECEIVERS: Final[Mapping[str, str]] = {
    "ConnwatchDown": "on-call",
    "ConnwatchSourceDown": "on-call",
    "ConnwatchCredentialRejected": "on-call",
    "ConnwatchBlind": "ops-tickets",
    "ConnwatchThrottled": "ops-tickets",
    "ConnwatchQuotaTooSmall": "ops-tickets",
    "ConnwatchStoreFailing": "ops-tickets",
    "ConnwatchConfigReloadFailed": "ops-tickets",
    "ConnwatchUnknownValues": "board",
    "ConnwatchVanishedHeld": "ops-tickets",
    "ConnwatchWatchdog": "dead-mans-switch",
    "ConnectionsNeedUserAction": "users-digest",
    "ConnectionsNeedUserActionSurge": "support-queue",
    "ConnectionDataStale": "support-queue",
    "ConnectionDataStaleWidespread": "on-call",
    "ConnectionsStuck": "board",
    "ConsentExpiringSoon": "users-digest",
    "ConsentCliff": "support-queue",
    "ConsentExpired": "users-digest",
    "InstitutionOutage": "provider-desk",
    "CompanyInactive": "board",
}
STALE: Final = {"ConnectionDataStale", "ConnectionDataStaleWidespread", "ConnectionsStuck"}
ABOUT_CONNECTIONS: Final = {name for name in RECEIVERS if not name.startswith("Connwatch")}
INHIBITS: Final[Mapping[str, tuple[set[str], list[str]]]] = {
    "ConnwatchDown": (set(RECEIVERS) - {"ConnwatchDown", "ConnwatchWatchdog"}, ["job"]),
    "ConnwatchSourceDown": (ABOUT_CONNECTIONS | {"ConnwatchBlind"}, ["job", "source"]),
    "ConnwatchCredentialRejected": (ABOUT_CONNECTIONS | {"ConnwatchBlind"}, ["job", "source"]),
    "ConnwatchBlind": (STALE, ["job", "source"]),
    "ConnwatchQuotaTooSmall": (STALE, ["job", "source"]),
    "ConnectionsNeedUserActionSurge": ({"ConnectionsNeedUserAction"}, ["job", "source", "company"]),
    "ConsentCliff": ({"ConsentExpiringSoon"}, ["job", "source", "company"]),
    "InstitutionOutage": ({"ConnectionDataStale"}, ["job", "source"]),
}
"""decisions.md 29: what each alert explains, and which labels have to be the same."""
SECRET: Final = re.compile(r"(password|secret|token|credentials|_key|api_url)$")

CONFIG: Final[Mapping[str, Any]] = loaded(ALERTMANAGER)
ALL: Final[Sequence[Fired]] = [one for forms in fired().values() for one in forms]


def _inhibitions() -> Iterator[tuple[Fired, Fired, Mapping[str, Any]]]:
    """Each pair of proven alerts, and the rule by which the first holds back the second, whatever their other labels."""
    for rule, source, target in product(CONFIG["inhibit_rules"], ALL, ALL):
        if matches(source.labels, rule["source_matchers"]) and matches(target.labels, rule["target_matchers"]):
            yield source, target, rule


def test_amtool_accepts_the_configuration() -> None:
    """The file and its templates are valid."""
    assert "1 templates" in judged("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize(("alert", "receiver"), RECEIVERS.items())
def test_every_alert_reaches_who_can_act(alert: str, receiver: str) -> None:
    """By the labels that promtool proves it to have."""
    labels = [f"{name}={value}" for name, value in fired()[alert][0].labels.items()]
    judged(
        "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}", *labels
    )


def test_every_alert_and_every_receiver_has_a_route() -> None:
    """No alert is left to the route for what nobody thought of, and no receiver waits in vain."""
    assert RECEIVERS.keys() == alerts().keys()
    assert {one["name"] for one in CONFIG["receivers"]} == set(RECEIVERS.values())


def test_what_asks_end_users_repeats_daily() -> None:
    """Once a day, not more (decisions.md 30)."""
    digest = next(route for route in routes(CONFIG["route"]) if route.get("receiver") == "users-digest")
    assert (digest["group_interval"], digest["repeat_interval"]) == ("1d", "1d")


@pytest.mark.parametrize(
    ("receiver", "labels"),
    [
        ("on-call", ["job", "source"]),
        ("ops-tickets", ["job", "source"]),
        ("support-queue", ["job", "source", "company"]),
        ("users-digest", ["job", "source", "company"]),
        ("provider-desk", ["job", "source", "institution"]),
    ],
)
def test_one_message_for_one_source_company_or_institution(receiver: str, labels: Sequence[str]) -> None:
    """Alerts are grouped by what is the matter, not by their names."""
    grouped = [route.get("group_by", CONFIG["route"]["group_by"]) for route in _routes_to(receiver)]
    assert grouped
    assert all(one == labels for one in grouped)


def _routes_to(receiver: str) -> list[Mapping[str, Any]]:
    return [route for route in routes(CONFIG["route"]) if route.get("receiver") == receiver]


def test_inhibition_is_as_decided() -> None:
    """What explains many others holds back exactly these, and nothing else."""
    found: dict[str, tuple[set[str], list[str]]] = {}
    for source, target, rule in _inhibitions():
        targets, _ = found.setdefault(source.labels["alertname"], (set(), rule["equal"]))
        targets.add(target.labels["alertname"])
    assert found == INHIBITS


def test_no_alert_is_on_both_sides() -> None:
    """Otherwise two of a kind would hold each other back, and nobody would hear of either."""
    both = {
        one.labels["alertname"]
        for one, rule in product(ALL, CONFIG["inhibit_rules"])
        if matches(one.labels, rule["source_matchers"]) and matches(one.labels, rule["target_matchers"])
    }
    assert both == set()


def test_no_two_alerts_hold_each_other_back() -> None:
    """Nor by two rules."""
    pairs = {(source.labels["alertname"], target.labels["alertname"]) for source, target, _ in _inhibitions()}
    assert {(a, b) for a, b in pairs if (b, a) in pairs} == set()


def test_labels_that_both_sides_lack_inhibit_nothing() -> None:
    """A label that is missing on both sides counts as equal: so each one is asked for by a matcher, on both."""
    guards = [
        (label, side)
        for rule, side in product(CONFIG["inhibit_rules"], ("source_matchers", "target_matchers"))
        for label in rule["equal"]
        if f'{label}=~".+"' not in rule[side]
    ]
    assert guards == []


def test_an_outage_explains_a_source_only_where_it_covers_most_of_it() -> None:
    """Both forms of the alert are proven by promtool; the one without `covers` holds nothing back."""
    forms = {one.labels.get("covers") for one in fired()["InstitutionOutage"]}
    assert forms == {None, "source"}
    holding = {source.labels.get("covers") for source, _, _ in _inhibitions() if "covers" in source.labels}
    assert holding == {"source"}
    assert not [
        1
        for source, _, _ in _inhibitions()
        if source.labels["alertname"] == "InstitutionOutage" and "covers" not in source.labels
    ]


def test_what_explains_outlasts_what_it_explains() -> None:
    """After a repair the alert that holds others back ends last, or they would be sent on the way.

    ConnwatchDown is left out: without it there is nothing that could fire. So are pairs about the same connections, where
    the plain alert remains true when the special one ends.
    """
    of_a_source = {name for name in INHIBITS if name.startswith("Connwatch")} - {"ConnwatchDown"}
    short = [
        (name, target)
        for name in of_a_source
        for target in INHIBITS[name][0]
        if alerts()[name].kept <= alerts()[target].kept
    ]
    assert short == []
    assert len(of_a_source) == 4


def test_the_first_message_waits_for_what_may_hold_it_back() -> None:
    """Two evaluations of the example configuration fit into every wait; and a group waits for longer than its first message."""
    example = loaded(ALERTMANAGER.parent.parent / "prometheus" / "prometheus.example.yaml")
    evaluation = seconds(example["global"]["evaluation_interval"])
    default = CONFIG["route"]
    waits = [
        (
            seconds(route.get("group_wait", default["group_wait"])),
            seconds(route.get("group_interval", default["group_interval"])),
        )
        for route in routes(default)
        if route.get("receiver") != "dead-mans-switch"
    ]
    assert all(2 * evaluation <= wait <= interval for wait, interval in waits)


def test_secrets_come_from_files() -> None:
    """No secret stands in the file: whatever is one is named by a path."""
    assert sorted(set(_keys(CONFIG))) != []
    assert [key for key in _keys(CONFIG) if SECRET.search(key)] == []
    assert len([key for key in _keys(CONFIG) if key.endswith("_file")]) >= 4


def _keys(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                yield str(key)
                yield from _keys(value)
        case list():
            for value in node:
                yield from _keys(value)
        case _:
            return


def test_templates_that_are_used_are_defined() -> None:
    """A message that calls for a template that isn't there is never sent."""
    used = set(re.findall(r'template "([\w.]+)"', ALERTMANAGER.read_text(encoding="utf-8")))
    defined = {
        name for path in TEMPLATES.glob("*.tmpl") for name in re.findall(r'define "([\w.]+)"', path.read_text("utf-8"))
    }
    assert used
    assert used <= defined


@pytest.mark.parametrize("alert", RECEIVERS)
def test_a_message_says_who_must_do_what_for_whom_and_where_to_look(alert: str, tmp_path: Path) -> None:
    """Rendered as Alertmanager renders it, from labels and words that promtool proves."""
    one = fired()[alert][0]
    text = rendered("text", [("firing", one)], tmp_path)
    who = {"ops": "Operations", "support": "Support", "provider": "The provider", "user": "End users"}
    actor = who.get(one.labels.get("actor", ""))
    assert f"\n{actor} must act" in text if actor else "\nNobody needs to act." in text
    for name in ("company", "institution", "source"):
        assert one.labels.get(name, "") in text
    for words in one.annotations.values():
        assert words in text
    assert "<no value>" not in text
    assert "&amp;" not in text


def test_a_subject_says_how_urgent_it_is_and_for_whom(tmp_path: Path) -> None:
    """What is seen before anything is opened."""
    said = {
        name: rendered("subject", [("firing", fired()[name][0])], tmp_path)
        for name in ("ConnwatchDown", "ConnwatchSourceDown", "ConnectionsNeedUserAction", "InstitutionOutage")
    }
    assert list(said.values()) == [
        "[critical] connwatch: Nobody is watching the connections.",
        "[critical] connwatch (nectar): A provider's API does not answer us.",
        "[warning] connwatch, acme (moneyhub): End users have to sign in again.",
        "[critical] connwatch, Kestrel Bank (moneyhub): An institution is out.",
    ]


def test_a_subject_of_several_alerts_counts_them(tmp_path: Path) -> None:
    """It names the first one and what all have in common; one that is over is none of them."""
    one, other = (fired()[name][0] for name in ("ConnectionsNeedUserAction", "ConsentExpired"))
    subject = "[warning] connwatch, acme (moneyhub): End users have to sign in again."
    assert rendered("subject", [("firing", one), ("firing", other)], tmp_path) == f"{subject} And 1 more."
    assert rendered("subject", [("resolved", other), ("firing", one)], tmp_path) == subject


def test_a_message_about_the_end_says_what_is_over(tmp_path: Path) -> None:
    """And asks nobody for anything."""
    one = fired()["InstitutionOutage"][0]
    assert rendered("subject", [("resolved", one)], tmp_path).startswith(
        "[resolved] connwatch, Kestrel Bank (moneyhub)"
    )
    text = rendered("text", [("resolved", one)], tmp_path)
    assert text.strip() == "Over: An institution is out. Kestrel Bank, institution b1 (moneyhub)"


def test_a_link_leads_to_the_dashboard(tmp_path: Path) -> None:
    """Of the first alert."""
    one = fired()["ConnectionDataStale"][0]
    assert rendered("link", [("firing", one)], tmp_path) == one.annotations["dashboard_url"]
