"""The institutions and companies of the world: invented names, the same for every seed."""

from __future__ import annotations

import hashlib
from functools import cache

from connwatch.simulator.world.model import Institution


def _utility(name: str, size: int, country: str = "US") -> Institution:
    """Nectar has no id for it: its name is all that the API tells (providers/nectar.md section 3)."""
    return Institution(id=name, provider="nectar", name=name, kinds=("utility",), size=size, country=country)


def _bank(name: str, kind: str, size: int, *, standing: str = "AVAILABLE", auth: str = "AVAILABLE") -> Institution:
    digest = hashlib.blake2b(f"{name}/{kind}".encode(), digest_size=16).hexdigest()
    return Institution(
        id=digest,
        provider="moneyhub",
        name=name,
        kinds=(kind,),
        size=size,
        country="GB",
        standing=standing,
        auth_standing=auth,
        endless="Endless" in name,
        withdrawn=standing == "PERMANENTLY_UNAVAILABLE",
    )


def _connector(
    id_: str,
    name: str,
    size: int,
    kinds: tuple[str, ...],
    *,
    standing: str = "operational",
    authorization: str = "user",
    stage: str = "live",
) -> Institution:
    country = "New Zealand" if id_.startswith("NZ") else "Australia"
    return Institution(
        id=id_,
        provider="basiq",
        name=name,
        kinds=kinds,
        size=size,
        country=country,
        standing=standing,
        authorization=authorization,
        stage=stage,
    )


INSTITUTIONS: tuple[Institution, ...] = (
    _utility("Cedar Valley Power & Light", 9),
    _utility("Harbor Water District", 6),
    _utility("Northern Prairie Gas", 6),
    _utility("Bluestem Electric Cooperative", 5),
    _utility("Saltmarsh Energy", 2),
    _utility("City of Elmridge Utilities", 4),
    _utility("Granite State Waste", 2),
    _utility("Rivière-Dorée Énergie", 2, "CA"),
    _utility("Kestrel Solar Metering", 1),
    _utility("Old Mill Telecom", 1),
    _bank("Thornbury Bank Open Banking", "api", 12),
    _bank("Merrow & Co Open Banking", "api", 3, standing="TEMPORARILY_UNAVAILABLE"),
    _bank("Penhallow Building Society", "api", 5, auth="TEMPORARILY_UNAVAILABLE"),
    _bank("Kestrel Bank", "api", 4, standing="PARTIALLY_AVAILABLE", auth="PARTIALLY_AVAILABLE"),
    _bank("Endless Handel Bank", "api", 2),
    _bank("Kestrel Bank", "legacy", 4),
    _bank("Aldgate Pensions", "legacy", 5),
    _bank("Withdrawn Mutual", "legacy", 1, standing="PERMANENTLY_UNAVAILABLE", auth="PERMANENTLY_UNAVAILABLE"),
    _bank("Roofline Valuations", "zoopla", 1),
    _bank("Squarefoot Index", "mouseprice", 1),
    _bank("Forecourt Prices", "autotrader", 1),
    _bank("Simulated Open Banking Mock", "test", 1),
    _connector("AU00101", "Wattle Bank", 12, ("web", "openbanking", "csv", "pdf")),
    _connector("AU00102", "Banksia Mutual", 6, ("web", "openbanking")),
    _connector("AU00103", "Coolabah Credit Union", 2, ("web",), standing="major-outage"),
    _connector("AU00104", "Jarrah Savings", 4, ("web", "openbanking"), standing="degraded-performance"),
    _connector("AU00105", "Quandong Business Bank", 3, ("web",), authorization="user-mfa"),
    _connector("AU00106", "Lilly Pilly Bank", 2, ("web",), authorization="user-mfa-intermittent", stage="beta"),
    _connector("AU00107", "Murray Cod Finance", 2, ("openbanking",), standing="partial-outage", authorization="token"),
    _connector("NZ00201", "Rimu Bank", 2, ("web", "openbanking"), standing="under-maintenance", stage="alpha"),
    _connector("NZ00202", "Pohutukawa Savings", 2, ("web",), authorization="other"),
)

COMPANIES: tuple[tuple[str, int], ...] = (
    ("Lakeside Foods", 66),
    ("Juniper Hotels", 10),
    ("Twin Oaks Property", 8),
    ("Twin Oaks Property", 6),
    ("Marlow & Sons Logistics", 5),
    ("Closed Doors Retail", 3),
    ("Zephyr Clinics", 2),
    ("Brand New Tenant", 0),
)
"""Nectar's companies and their weights: one is larger than a page of 500, two share a name, one has nothing yet."""

CLOSED = "Closed Doors Retail"
"""The company that was deactivated."""


@cache
def offering(provider: str, kind: str) -> tuple[tuple[float, Institution], ...]:
    """List the provider's institutions that offer this kind of connection, with their weights."""
    return tuple(
        (float(place.size), place) for place in INSTITUTIONS if place.provider == provider and kind in place.kinds
    )
