"""The JSON API: connections by their filters, page by page, and one connection with its history (contract.md, *API items*)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from connwatch.core.item import account, item
from connwatch.web.catalogue import Catalogue
from connwatch.web.filters import BadParameter, cursor, understand
from connwatch.web.ports import Ports

LIST = "/api/v1/connections"


def routes(ports: Ports) -> Sequence[web.RouteDef]:
    """The list, and one connection."""
    catalogue = Catalogue(ports.fleet, ports.clock)

    async def connections(request: web.Request) -> web.Response:
        try:
            query = understand(request.query, ports.clock.now())
        except BadParameter as fault:
            return _json({"error": str(fault)}, status=400)
        page = await catalogue.page(*query)
        return _json(
            {
                "connections": [item(*look) for look in page.looks],
                "next": None if page.last is None else cursor(page.last),
            }
        )

    async def connection(request: web.Request) -> web.Response:
        source, id_ = request.match_info["source"], request.match_info["id"]
        look = await catalogue.find(source, id_)
        if look is None:
            return _json({"error": "there is no such connection"}, status=404)
        return _json(account(*look, await ports.store.history(source, id_)))

    return [web.get(LIST, connections), web.get(LIST + "/{source}/{id}", connection)]


def _json(value: Mapping[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
