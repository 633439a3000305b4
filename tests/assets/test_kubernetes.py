from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from connwatch import __version__
from connwatch.cli.ending import DEFAULT_CONFIG
from connwatch.config import Plan, load
from connwatch.config.schema import Schema
from connwatch.metrics import FAMILIES
from connwatch.providers import PROVIDERS
from connwatch.web.site import GRACE
from tests.assets.shipped import (
    CONFIG,
    DAEMON,
    GRAFANA,
    MONITORING,
    OLDEST_KUBERNETES,
    TOP,
    container,
    document,
    kustomization,
    pod,
)
from tests.assets.tools import judged, tool
from tests.web.scene import ports, served

LABELS: Final = {"app.kubernetes.io/name": "connwatch"}
OPERATORS: Final = frozenset({"container", "endpoint", "instance", "job", "namespace", "pod", "service"})
"""Labels that the Prometheus Operator gives to a target."""
OBJECT: Final = 1_048_576
"""Bytes that Kubernetes keeps of one object, and `kubectl apply` a quarter of that."""


def plain() -> list[Path]:
    """The files with objects of Kubernetes itself."""
    return [DAEMON / name for name in (*kustomization(DAEMON)["resources"], "secret.example.yaml")]


def plan(folder: Path) -> Plan:
    """The plan of the ConfigMap's configuration, with the example's secrets where they are mounted."""
    for name, value in document(DAEMON / "secret.example.yaml")["stringData"].items():
        (folder / name).write_text(value, encoding="utf-8")
    text = (DAEMON / "connwatch.yaml").read_text(encoding="utf-8")
    file = folder / "connwatch.yaml"
    file.write_text(text.replace(mounts()["credentials"], str(folder)), encoding="utf-8")
    return load(str(file), environ={})


def mounts() -> dict[str, str]:
    """Volume -> where the container finds it."""
    return {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}


def source(volume: str) -> Any:
    """Where a volume comes from."""
    return next(one for one in pod()["volumes"] if one["name"] == volume)


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, None])
def test_kubernetes_accepts_every_field(version: str | None) -> None:
    """The oldest and the newest Kubernetes know every key, and take its value."""
    validate = tool("kubernetes-validate", "in the dependency group dev", needed=True)
    options = ["--kubernetes-version", version] if version else []
    status, told = judged(validate, "--strict", *options, *plain())
    assert status == 0, told
    assert "Couldn't find schema" not in told


@pytest.mark.parametrize("folder", ["", "daemon", "monitoring"])
def test_kustomize_builds_it(folder: str) -> None:
    """As a whole, and the daemon alone where there is no Prometheus Operator; each object has our label and its own name."""
    kubectl = tool("kubectl", "https://kubernetes.io/docs/tasks/tools/")
    status, told = judged(kubectl, "kustomize", CONFIG / "kubernetes" / folder)
    assert status == 0, told
    built = list(yaml.safe_load_all(told))
    names = [(one["kind"], one["metadata"]["name"]) for one in built]
    assert len(set(names)) == len(names)
    assert all(one["metadata"]["labels"].items() >= LABELS.items() for one in built)
    assert all(len(yaml.safe_dump(one)) < OBJECT / 4 for one in built)


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """The ConfigMap's, with the example of the Secret in place: no problem, no warning, every provider."""
    made = plan(tmp_path)
    assert made.warnings == ()
    assert {one.provider.name for one in made.sources.values()} == set(PROVIDERS)


def test_the_secret_holds_what_the_configuration_asks_for() -> None:
    """Each file that the configuration looks for is a key of the example, and the other way round."""
    text = (DAEMON / "connwatch.yaml").read_text(encoding="utf-8")
    secret = document(DAEMON / "secret.example.yaml")
    assert set(re.findall(rf"{mounts()['credentials']}/([\w.-]+)", text)) == set(secret["stringData"])
    assert source("credentials")["secret"]["secretName"] == secret["metadata"]["name"]
    assert "secret.example.yaml" not in kustomization(DAEMON)["resources"]


def test_the_configuration_is_where_the_daemon_looks() -> None:
    """The ConfigMap is mounted as a folder, which is how a change arrives, and under one name for good."""
    [generated] = kustomization(DAEMON)["configMapGenerator"]
    assert [f"{mounts()['configuration']}/{name}" for name in generated["files"]] == [DEFAULT_CONFIG]
    assert source("configuration")["configMap"]["name"] == generated["name"]
    assert generated["options"]["disableNameSuffixHash"] is True
    assert not any("subPath" in one for one in container()["volumeMounts"])


def test_the_state_is_on_the_volume() -> None:
    """The default store lies on the claim; all else is read-only."""
    assert Schema().store.startswith(f"sqlite:///{mounts()['state']}/")
    claim = document(DAEMON / "persistentvolumeclaim.yaml")
    assert source("state")["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True


def test_one_daemon_at_a_time() -> None:
    """Two would share neither quota nor store: one replica, and the old one ends before the new one starts."""
    spec = document(DAEMON / "deployment.yaml")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert document(DAEMON / "poddisruptionbudget.yaml")["spec"]["maxUnavailable"] == 1


def test_no_variable_looks_like_a_setting() -> None:
    """Kubernetes would inject CONNWATCH_PORT for the service (decisions.md 27)."""
    assert pod()["enableServiceLinks"] is False


def test_a_stop_has_the_time_it_needs(tmp_path: Path) -> None:
    """The pod isn't killed while running polls have their grace, or the web server closes."""
    assert pod()["terminationGracePeriodSeconds"] > plan(tmp_path).shutdown_grace + GRACE


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
async def test_a_probe_asks_what_is_answered(probe: str) -> None:
    """A typing error in a path would restart a healthy daemon for ever."""
    asked = container()[probe]["httpGet"]
    async with served(ports()) as reader, reader.get(asked["path"]) as answer:
        assert answer.status == 200
    assert asked["port"] in {one["name"] for one in container()["ports"]}


async def test_only_readiness_sees_the_drain() -> None:
    """A daemon that isn't ready is left alone: liveness asks whether it lives."""
    paths = {probe: container()[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    async with served(ports(readiness=lambda: ("not yet",))) as reader:
        answers = {probe: (await reader.get(path)).status for probe, path in paths.items()}
    assert answers == {"livenessProbe": 200, "readinessProbe": 503}


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("deployment", ("spec", "selector", "matchLabels")),
        ("deployment", ("spec", "template", "metadata", "labels")),
        ("networkpolicy", ("spec", "podSelector", "matchLabels")),
        ("poddisruptionbudget", ("spec", "selector", "matchLabels")),
        ("service", ("spec", "selector")),
        ("service", ("metadata", "labels")),
        ("../monitoring/servicemonitor", ("spec", "selector", "matchLabels")),
    ],
)
def test_all_speak_of_the_same_pod(file: str, path: tuple[str, ...]) -> None:
    """A selector that misses selects nothing, and says nothing."""
    value = document(DAEMON / f"{file}.yaml")
    for key in path:
        value = value[key]
    assert value == LABELS


def test_prometheus_finds_the_daemon() -> None:
    """Under the job that the rules name, and with our labels as they are: the operator has some of the same name."""
    spec = document(MONITORING / "servicemonitor.yaml")["spec"]
    [endpoint] = spec["endpoints"]
    assert document(DAEMON / "service.yaml")["metadata"]["labels"][spec["jobLabel"]] == "connwatch"
    assert endpoint["path"] == "/metrics"
    dropped = {one["regex"] for one in endpoint["relabelings"] if one["action"] == "labeldrop"}
    assert dropped == OPERATORS & {label for family in FAMILIES for label in family.labels}


def test_the_operator_gets_the_same_rules() -> None:
    """Word for word those of config/prometheus, wrapped: run config/kubernetes/monitoring/prometheusrule.py."""
    maker = runpy.run_path(str(MONITORING / "prometheusrule.py"))
    rules = maker["RULES"].read_text(encoding="utf-8")
    made = (MONITORING / "prometheusrule.yaml").read_text(encoding="utf-8")
    assert made == maker["wrapped"](rules)
    assert yaml.safe_load(made)["spec"] == yaml.safe_load(rules)


def test_every_dashboard_becomes_a_configmap() -> None:
    """One for each file in grafana/, labelled for Grafana's sidecar."""
    made = kustomization(GRAFANA)
    assert [one["files"] for one in made["configMapGenerator"]] == [
        [file.name] for file in sorted(GRAFANA.glob("*.json"))
    ]
    assert made["generatorOptions"]["labels"] == LABELS | {"grafana_dashboard": "1"}
    assert (CONFIG / "kubernetes" / kustomization(CONFIG / "kubernetes")["resources"][-1]).resolve() == GRAFANA


def test_the_image_is_of_this_version() -> None:
    """The base asks for the image of the version that it comes with, which runs as the same user."""
    [image] = kustomization(DAEMON)["images"]
    assert (image["name"], image["newTag"]) == (container()["image"], __version__)
    security = pod()["securityContext"]
    user = re.search(r"(?m)^USER (\d+):(\d+)$", (TOP / "Dockerfile").read_text(encoding="utf-8"))
    assert user is not None
    assert [str(security[key]) for key in ("runAsUser", "runAsGroup")] == list(user.groups())
    assert security["runAsNonRoot"] is True
