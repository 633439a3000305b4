"""A simulator on a clock that stands still, and a caller that may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connwatch.simulator import Simulator
from tests.simulator.calling import Caller, MovedClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.test_utils import TestClient


@pytest.fixture
def clock() -> MovedClock:
    """Give a clock that stands still."""
    return MovedClock()


@pytest.fixture
def simulator(clock: MovedClock) -> Simulator:
    """Give a small world, in which nothing happens by itself."""
    return Simulator(connections=300, pace=0, now=clock, sleep=clock.sleep)


@pytest.fixture
async def caller(aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]], simulator: Simulator) -> Caller:
    """Give a caller of that simulator."""
    return Caller(await aiohttp_client(simulator.app()), simulator)
