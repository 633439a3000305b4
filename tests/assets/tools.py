"""Programs that judge what we ship. They aren't ours, and not on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def tool(name: str, package: str, *, needed: bool = False) -> str:
    """Where a program is. Without it the test is skipped; in CI, a program that is `needed` has to be there."""
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which(name, path=os.pathsep.join((beside_python, os.environ.get("PATH", os.defpath))))
    if found is None:
        assert not (needed and os.environ.get("CI")), f"{name} is missing: CI must have it ({package})"
        pytest.skip(f"{name} is not installed ({package})")
    return found


def judged(*command: str | Path) -> tuple[int, str]:
    """The exit status of a program, and all that it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours, or looked up
    return done.returncode, done.stdout + done.stderr
