"""A caller that holds the right credentials for each of the simulated APIs, and a clock that it can move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import aiohttp

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient

    from connwatch.simulator import Simulator

NOW = 1_795_000_000.0
SERVER_TOKEN = {"scope": "SERVER_ACCESS"}
BOTH_SCOPES = {"grant_type": "client_credentials", "scope": "user:read connection:read"}


class MovedClock:
    """Time that passes only when it is told to, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds


class Caller:
    """Requests to a simulator, each answered with its status and its JSON."""

    def __init__(self, client: TestClient[Any, Any], simulator: Simulator) -> None:
        self.client = client
        self.simulator = simulator

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Ask for a path as it stands."""
        async with self.client.get(path, headers=headers, allow_redirects=False) as response:
            return response.status, await response.json(content_type=None)

    async def post(self, path: str, headers: dict[str, str] | None = None, **body: object) -> tuple[int, Any]:
        """Send a body to a path, as `json` or `data`."""
        async with self.client.post(path, headers=headers, **cast("Any", body)) as response:
            return response.status, await response.json(content_type=None)

    async def nectar(self, path: str) -> tuple[int, Any]:
        """Ask Nectar with the right key."""
        return await self.get(f"/nectar/v2.2{path}", {"X-API-Key": self.simulator.nectar_key})

    async def moneyhub_token(self) -> str:
        """Log in at Moneyhub."""
        known = self.simulator
        basic = aiohttp.encode_basic_auth(known.moneyhub_client_id, known.moneyhub_client_secret)
        _, body = await self.post("/moneyhub/oidc/token", {"Authorization": basic}, data=BOTH_SCOPES)
        return str(body["access_token"])

    async def moneyhub(self, path: str, token: str) -> tuple[int, Any]:
        """Ask Moneyhub with a token."""
        return await self.get(f"/moneyhub{path}", {"Authorization": f"Bearer {token}"})

    async def basiq_token(self) -> str:
        """Log in at Basiq."""
        headers = {"Authorization": f"Basic {self.simulator.basiq_key}", "basiq-version": "3.0"}
        _, body = await self.post("/basiq/token", headers, data=SERVER_TOKEN)
        return str(body["access_token"])

    async def basiq(self, path: str, token: str) -> tuple[int, Any]:
        """Ask Basiq with a token."""
        return await self.get(f"/basiq{path}", {"Authorization": f"Bearer {token}"})
