"""Alive, ready, and reloading: what systemd, Kubernetes and operators ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from connwatch.web.ports import Ports


def routes(ports: Ports, draining: Callable[[], bool]) -> Sequence[web.RouteDef]:
    """`/-/healthy`, `/-/ready` and `/-/reload`."""
    reloading = asyncio.Lock()

    async def healthy(_request: web.Request) -> web.Response:
        return web.Response(text="connwatch is alive.\n")

    async def ready(_request: web.Request) -> web.Response:
        reasons = ["connwatch is stopping"] if draining() else list(ports.readiness())
        if reasons:
            return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))
        return web.Response(text="connwatch is ready.\n")

    async def reload(_request: web.Request) -> web.Response:
        async with reloading:
            problems = await ports.reload()
        if problems:
            return web.Response(status=400, text="".join(f"{problem}\n" for problem in problems))
        return web.Response(text="The configuration was read again.\n")

    return [
        web.get("/-/healthy", healthy),
        web.get("/-/ready", ready),
        web.post("/-/reload", reload),
        web.put("/-/reload", reload),
    ]
