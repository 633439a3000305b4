"""Basiq's filter grammar, as far as it is equality joined by commas (providers/basiq.md section 3.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiohttp import web

T = TypeVar("T")

TERM = re.compile(r"(?P<property>[a-z.]+)\.eq\('(?P<value>[^']*)'\)")


def chosen(request: web.Request, rows: Iterable[T], properties: Mapping[str, Callable[[T], str]]) -> list[T] | None:
    """List the rows that the request's filter lets through; None if the filter is none that this list knows."""
    rows = list(rows)
    for text in request.query.get("filter", "").split(","):
        term = TERM.fullmatch(text.strip())
        if not text:
            continue
        if term is None or term["property"] not in properties:
            return None
        read = properties[term["property"]]
        rows = [row for row in rows if read(row) == term["value"]]
    return rows
