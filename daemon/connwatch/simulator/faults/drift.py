"""Words that no document lists: what an API looks like after its makers have gone on."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from connwatch.simulator.world.chance import trait
from connwatch.simulator.world.model import Connection, Nature, State

ONE_IN = 12
NOVEL_STATES = {
    "nectar": (
        State("QUARANTINED", Nature.REVIEW),
        State("on hold, ask Bob \N{COLLISION SYMBOL}", Nature.REVIEW),
        State("X" * 300, Nature.REVIEW),
    ),
    "moneyhub": (
        State("paused", Nature.REVIEW, "cooling_off", "hibernating"),
        State("error", Nature.REVIEW, 'bank said: "no"\n'),
        State("OK", Nature.REVIEW),
    ),
    "basiq": (
        State("suspended", Nature.REVIEW),
        State("invalid", Nature.REVIEW, "bank-holiday"),
        State("Revoked", Nature.REVIEW),
    ),
}
NOVEL_KINDS = {"nectar": "utility", "moneyhub": "experian", "basiq": "screen-share"}
ODD_TIMES = (
    None,
    "",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2026-03-02T04:41:09.123456789Z",
    "2026-03-02T04:41:09+00:00",
    "soon",
)
OPTIONAL_TIMES = frozenset(
    {"statusLastUpdateTime", "statusFirstSeenTime", "updated", "lastUpdated", "expiresAt", "lastUsed", "expiryDate"}
)


def restated(connection: Connection) -> Connection:
    """Give a connection as it is told in new words: one in twelve has a new state, as many a new kind."""
    novel = connection
    if trait(connection.grain, "novel state", ONE_IN):
        states = NOVEL_STATES[connection.provider]
        novel = replace(novel, state=states[connection.grain % len(states)])
    if trait(connection.grain, "novel kind", ONE_IN):
        novel = replace(novel, kind=NOVEL_KINDS[connection.provider])
    return novel


def embellished(item: dict[str, Any], grain: int) -> dict[str, Any]:
    """Add fields that are new, and write an optional time in a way that nobody expects."""
    odd = {
        name: ODD_TIMES[grain % len(ODD_TIMES)]
        for name in item
        if name in OPTIONAL_TIMES and trait(grain, name, ONE_IN)
    }
    return {**item, **odd, "riskTier": {"level": grain % 5, "notes": ["new", None, {"deep": [[]]}]}, "schema": 4.2}
