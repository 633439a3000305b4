"""The only HTTP server. Law of this folder: it shows what is known, and asks nobody: no provider, and no database for a scrape."""

from connwatch.web.ports import Ports
from connwatch.web.site import AddressInUse, Site

__all__ = ["AddressInUse", "Ports", "Site"]
