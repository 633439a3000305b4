"""Where the daemon is reached: the addresses that it listens on, and the paths that are answered there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from errno import EADDRINUSE
from typing import Final

from aiohttp import web

from connwatch.web import api, health, page, scrape
from connwatch.web.ports import Ports

GRACE: Final = 5.0
"""Seconds that running answers get when the site closes."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "connwatch",
}


class AddressInUse(Exception):
    """An address can't be listened on. The message says which, why, and what to do."""


class Site:
    """The web server of one process."""

    def __init__(self, ports: Ports, *, grace: float = GRACE) -> None:
        self._draining = asyncio.Event()
        app = web.Application()
        app.on_response_prepare.append(_sign)
        app.add_routes(
            [
                *scrape.routes(ports),
                *health.routes(ports, self._draining.is_set),
                *api.routes(ports),
                *page.routes(ports),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=grace, handle_signals=False)

    async def start(self, addresses: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
        """Listen; where, in the end, if a port was left to the system. Raises AddressInUse."""
        await self._runner.setup()
        for host, port in addresses:
            try:
                await web.TCPSite(self._runner, host or None, port).start()
            except OSError as fault:
                await self._runner.cleanup()
                raise AddressInUse(_refused(host, port, fault)) from fault
        return [address[:2] for address in self._runner.addresses]

    def drain(self) -> None:
        """Go on serving, and say that we are not ready any more."""
        self._draining.set()

    async def stop(self) -> None:
        """Let running answers end, for the time of grace, and close."""
        await self._runner.cleanup()


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    """What every answer carries, be it a stream, a refusal or a fault."""
    response.headers.update(HEADERS)


def _refused(host: str, port: int, fault: OSError) -> str:
    where = f"{host}:{port}"
    if fault.errno == EADDRINUSE:
        return f"{where} is in use by another process. Stop that one, or choose another address with web.listen."
    return f"{where} can't be listened on: {fault.strerror or fault}. Choose another address with web.listen."
