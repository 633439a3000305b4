"""What floors decode a page into: all of it, each connection into the type that its provider decodes it into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from connwatch.providers import basiq_connections as basiq
from connwatch.providers import moneyhub_connections as moneyhub
from connwatch.providers import nectar_replies as nectar
from connwatch.providers.basiq_replies import Links


class NectarPage(Struct, frozen=True, rename="camel"):
    """Nectar's, of which the daemon leaves the connections for later."""

    connections: tuple[nectar.Item, ...]
    total_connections: int
    current_page: int
    has_next: bool


class MoneyhubPage(Struct, frozen=True):
    """Moneyhub's likewise."""

    data: tuple[moneyhub.Item, ...]
    links: moneyhub.Links | None = None


class BasiqPage(Struct, frozen=True):
    """Basiq's likewise."""

    data: tuple[basiq.Item, ...]
    links: Links | None = None


DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "nectar": msgspec.json.Decoder(NectarPage),
    "moneyhub": msgspec.json.Decoder(MoneyhubPage),
    "basiq": msgspec.json.Decoder(BasiqPage),
}
