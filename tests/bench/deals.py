"""How connections are dealt to targets: companies with a page each, or end users with two connections."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tests.bench.pages import Renamed, Shelf


class Deal(Struct, frozen=True):
    """So many connections to a target, at so many institutions: 0 leaves those that the simulator has."""

    provider: str
    each: int
    institutions: int = 0

    def shelf(self, folder: str, targets: int) -> Shelf:
        """So many targets."""
        if self.institutions:
            return Renamed(folder, self.each, targets, self.institutions)
        return Shelf(folder, self.provider, self.each, targets)

    @property
    def said(self) -> str:
        """In words."""
        whose = {"nectar": "companies", "moneyhub": "users"}[self.provider]
        return f"{whose} of {self.each}" + (f" at {self.institutions} institutions" if self.institutions else "")


COMPANIES: Final = Deal("nectar", 100)
"""As in lines 1 and 13: a target is a page of 100. Each company has rows of its own in the families of companies."""
USERS: Final = Deal("moneyhub", 2)
"""Many small targets, all of one company."""
