"""What the README says of installing, of alerts and of dashboards holds: its commands do what they are said to do."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Final

import pytest
import yaml

from connwatch import __version__
from tests.assets.alerting import CONFIG, RULES, fired, judged, rendered
from tests.assets.markdown import TOP, Document
from tests.assets.shipped import DAEMON, GRAFANA, OLDEST_KUBERNETES, container, document, unit
from tests.assets.tools import judged as run
from tests.assets.tools import tool
from tests.config.reading import plan

README: Final = Document("README.md")
COMMANDS: Final = [shlex.split(line, comments=True) for line in README.lines("sh")]
SMALL: Final = 60_000
"""Bytes of a picture that everybody loads who opens the page."""


def called(*words: str) -> list[list[str]]:
    """The commands that begin with these words."""
    return [command for command in COMMANDS if tuple(command[: len(words)]) == words]


def test_the_rules_are_put_in_place(tmp_path: Path) -> None:
    """The command puts addresses in for all placeholders, and promtool has nothing against what comes out."""
    [[*command, _, target]] = called("sed")
    status, told = run(tool(command[0], "sed"), *command[1:-1], TOP / command[-1])
    assert status == 0
    assert "example.org" in RULES.read_text(encoding="utf-8")
    assert "example.org" not in "".join(line for line in told.splitlines() if "_url:" in line)
    placed = tmp_path / "rules.yaml"
    placed.write_text(told, encoding="utf-8")
    [checked] = called("promtool", "check")
    assert checked[-1] == target
    assert "SUCCESS" in judged("promtool", *checked[1:-1], placed)


def test_the_routes_are_as_shown(tmp_path: Path) -> None:
    """Copied as it says, Alertmanager's files are valid, and the example is told to the one that the comment names."""
    [copied] = called("cp", "-r", "config/alertmanager/.")
    shutil.copytree(CONFIG / "alertmanager", tmp_path, dirs_exist_ok=True)
    for command in called("amtool"):
        said = judged(*(word.replace(copied[-1].rstrip("/"), str(tmp_path)) for word in command))
        shown = next(line for line in README.lines("sh") if line.startswith(shlex.join(command)))
        assert shown.partition("#")[2].strip() in said


def test_a_message_reads_as_shown(tmp_path: Path) -> None:
    """Alertmanager makes this of an alert that promtool proves."""
    [shown] = [block for block in README.blocks("text") if block.startswith("[critical]")]
    told = [("firing", fired()["InstitutionOutage"][0])]
    subject, text = (rendered(template, told, tmp_path).strip() for template in ("subject", "text"))
    assert shown.strip() == f"{subject}\n\n{text}"


def test_the_overlay_builds(tmp_path: Path) -> None:
    """Beside a clone, with a configuration of one's own, it comes to an image from one's own registry."""
    kubectl = tool("kubectl", "https://kubernetes.io/docs/tasks/tools/")
    [overlay] = [block for block in README.blocks("yaml") if "Kustomization" in block]
    for folder in ("config", "grafana"):
        shutil.copytree(TOP / folder, tmp_path / "connwatch" / folder)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(overlay, encoding="utf-8")
    (mine / "connwatch.yaml").write_text("mine", encoding="utf-8")
    status, told = run(kubectl, "kustomize", mine)
    assert status == 0, told
    built = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(told)}
    assert {one["metadata"]["namespace"] for one in built.values()} == {"connwatch"}
    assert built["ConfigMap", "connwatch"]["data"] == {"connwatch.yaml": "mine"}
    [made] = built["Deployment", "connwatch"]["spec"]["template"]["spec"]["containers"]
    assert made["image"] == f"registry.example.org/connwatch:{__version__}"


def test_kubernetes_is_as_told() -> None:
    """The Secret has the name and keys of the example, and is where the text says; so is who may come in."""
    secret = document(DAEMON / "secret.example.yaml")
    [made] = called("kubectl", "create", "secret")
    keys = {word.partition("=")[2] for word in made if word.startswith("--from-file")}
    assert secret["metadata"]["name"] in made
    assert keys <= secret["stringData"].keys()
    assert {one["mountPath"] for one in container()["volumeMounts"]} >= {"/run/secrets/connwatch"}
    [admitted] = document(DAEMON / "networkpolicy.yaml")["spec"]["ingress"]
    [namespace] = admitted["from"]
    assert namespace["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    text = README.under("Install")
    assert all(
        told in text for told in (f"{OLDEST_KUBERNETES} or newer", "`/run/secrets/connwatch`", "namespace `monitoring`")
    )


def test_secrets_of_the_service_are_where_it_is_said(tmp_path: Path) -> None:
    """Copies of that folder are handed to the service; the variable names an original, where there is no copy."""
    [credential] = unit()["LoadCredential"]
    name, _, folder = credential.partition(":")
    assert ["install", "-d", "-m", "700", folder] in COMMANDS
    copy = f"/run/credentials/connwatch.service/{name}_nectar"
    assert copy in README.spans()
    [[given, *command]] = [command for command in COMMANDS if command and command[0].startswith("CONNWATCH_")]
    variable, _, original = given.partition("=")
    assert original == f"{folder}/nectar"
    assert command[0] == "connwatch"
    (tmp_path / "nectar").write_text("nectar-4711\n", encoding="utf-8")
    written = f"sources:\n  nectar: {{provider: nectar, api_key_file: {copy}}}\n"
    assert plan(tmp_path, written, {variable: str(tmp_path / "nectar")}).warnings == ()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command], ids=shlex.join)
def test_files_of_ours_that_commands_name_exist(command: list[str]) -> None:
    """Whatever is taken from the repository is there."""
    named = [word for word in command if re.match(r"(config|grafana|tests)/", word)]
    assert [word for word in named if not (TOP / word).exists()] == []


def test_pictures_are_small_and_shown() -> None:
    """Each is used, and says what it is."""
    pictures = sorted(GRAFANA.glob("*.png"))
    assert [picture.relative_to(TOP).as_posix() for picture in pictures] == re.findall(
        r"!\[[^\]]+\]\((.*?)\)", README.text
    )
    assert all(picture.stat().st_size < SMALL for picture in pictures)
    assert "it is no screenshot of a Grafana" in README.text
