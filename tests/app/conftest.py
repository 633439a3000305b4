"""Households for the tests of the daemon."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from connwatch.clock import SystemClock
from tests.app.household import Household, moved_in


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Household]:
    """Three small providers, and a configuration that is in nobody's way."""
    async with moved_in(tmp_path) as house:
        yield house


@pytest.fixture
async def nectar(tmp_path: Path) -> AsyncIterator[Household]:
    """Nectar alone, the one that has few targets and no tokens; eight seconds pass in one."""
    async with moved_in(tmp_path, providers=("nectar",), clock=SystemClock(scale=8.0)) as house:
        yield house


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening
