"""promtool, Prometheus' own judge of names and formats, has nothing to say against a scrape."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from connwatch.metrics.connections import Mode
from tests.metrics.scene import exposed, recorder, text, two_sources


@pytest.mark.parametrize("mode", ["none", "unhealthy", "all"])
def test_promtool_is_content(mode: Mode) -> None:
    """`promtool check metrics`: no error, no warning."""
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "promtool is missing: CI must have it (apt-get install prometheus)"
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    body = text(exposed(two_sources(), mode, process=recorder().registry))
    judged = subprocess.run(  # noqa: S603 - the tool was looked up, and its input is ours
        [promtool, "check", "metrics"], input=body.encode(), capture_output=True, check=False
    )
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, b"", b"")
