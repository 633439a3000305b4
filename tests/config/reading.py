"""Configurations as tests write them: a file, what the environment says, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from connwatch.config import ConfigRefused, Plan, load

NECTAR: Final = """
sources:
  nectar:
    provider: nectar
    api_key: nectar-key-4711
"""
"""The smallest configuration; more keys of the source can be added."""


def write(folder: Path, text: str) -> str:
    """A file with this text."""
    file = folder / "connwatch.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def plan(folder: Path, text: str, environ: Mapping[str, str] | None = None, **overrides: object) -> Plan:
    """The plan of a configuration. Dots in the names of flags are written `__`."""
    flags = {key.replace("__", "."): value for key, value in overrides.items()}
    return load(write(folder, text), environ=environ or {}, overrides=flags)


def refusal(folder: Path, text: str, environ: Mapping[str, str] | None = None, **overrides: object) -> list[str]:
    """The problems of a configuration that is refused."""
    with pytest.raises(ConfigRefused) as refused:
        plan(folder, text, environ, **overrides)
    return [str(problem) for problem in refused.value.problems]
