"""Providers and a desk for the tests of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.backstage import Desk, Providers


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Providers that answer, and a configuration that names them."""
    with Providers(connections=30).answering() as providers:
        yield Desk(tmp_path, providers)
