"""What we ship beside the program, as it lies in the repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

TOP: Final = Path(__file__).parents[2]
CONFIG: Final = TOP / "config"
GRAFANA: Final = TOP / "grafana"
DAEMON: Final = CONFIG / "kubernetes" / "daemon"
MONITORING: Final = CONFIG / "kubernetes" / "monitoring"
OLDEST_KUBERNETES: Final = "1.27"
"""What the base is for, with all later ones: it knows `unhealthyPodEvictionPolicy`."""


def document(file: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def kustomization(folder: Path) -> Any:
    """What a folder is built from."""
    return document(folder / "kustomization.yaml")


def container() -> Any:
    """The daemon's container in Kubernetes."""
    [one] = pod()["containers"]
    return one


def pod() -> Any:
    """The daemon's pod in Kubernetes."""
    return document(DAEMON / "deployment.yaml")["spec"]["template"]["spec"]


def unit() -> dict[str, Sequence[str]]:
    """The settings of the systemd unit: each may be given several times."""
    settings: dict[str, list[str]] = {}
    for line in (CONFIG / "systemd" / "connwatch.service").read_text(encoding="utf-8").splitlines():
        key, given, value = line.partition("=")
        if given and not line.startswith("#"):
            settings.setdefault(key, []).append(value)
    return dict(settings)
