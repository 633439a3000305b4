"""The page for people: each source, what needs attention, and connections by company. Plain HTML that works anywhere, without scripts."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Final

from aiohttp import web

from connwatch.core.item import rfc3339
from connwatch.web.markup import Markup, element, joined
from connwatch.web.ports import Ports
from connwatch.web.sections import Links, companies, institutions, needs, sources
from connwatch.web.survey import Survey, survey

STYLE: Final = Markup(files("connwatch.web").joinpath("page.css").read_text(encoding="utf-8"))
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing is loaded and nothing is run: only the style that stands in the page counts."""
ELSEWHERE: Final = {"metrics": "Metrics", "api/v1/connections": "API", "-/ready": "Ready?", "-/healthy": "Alive?"}


def routes(ports: Ports) -> Sequence[web.RouteDef]:
    """`/`. One look at the fleet at a time, however many people ask."""
    looking = asyncio.Lock()

    async def page(_request: web.Request) -> web.Response:
        async with looking:
            seen = await survey(ports)
        text = render(seen, ports.readiness(), Links(ports.external_url), ports.version)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    return [web.get("/", page)]


def render(seen: Survey, reasons: Sequence[str], links: Links, version: str) -> str:
    """The whole page. `reasons` say why the daemon is not ready; empty if it is."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", "connwatch"),
        element("style", STYLE),
    )
    body = element(
        "body",
        _header(links, version),
        _as_of(rfc3339(seen.at) or ""),
        *(element("p", "Not ready yet: ", reason, class_="wait") for reason in reasons),
        element(
            "main",
            _section("Sources", sources(seen)),
            _section("What needs attention", needs(seen, links)),
            _section("What institutions report", institutions(seen, links)),
            _section("Connections by company", companies(seen, links)),
        ),
    )
    return joined(Markup("<!doctype html>"), element("html", head, body, lang="en"))


def _header(links: Links, version: str) -> Markup:
    ways = [element("a", text, href=links.to(path)) for path, text in ELSEWHERE.items()]
    return element(
        "header", element("h1", "connwatch ", element("small", version)), element("nav", *ways, aria_label="Elsewhere")
    )


def _as_of(at: str) -> Markup:
    words = at.replace("T", " ").replace("Z", " UTC")
    return element("p", "As of ", element("time", words, datetime=at), class_="soft")


def _section(title: str, content: Markup) -> Markup:
    return element("section", element("h2", title), content)
