from __future__ import annotations

import pytest

from tests.assets.tools import tool


@pytest.fixture
def watchers() -> None:
    """Prometheus and Alertmanager are installed; without them the test is skipped, unless CI runs it."""
    for name in ("prometheus", "prometheus-alertmanager"):
        tool(name, f"apt-get install {name}", needed=True)
