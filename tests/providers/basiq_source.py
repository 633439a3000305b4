"""A Basiq source as its tests configure it, and one of its users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from connwatch.core.model import Held, Target, TargetState, Verdict
from connwatch.core.poll import Listing
from connwatch.core.wire import Reply
from connwatch.providers.basiq import Basiq, BasiqOptions
from connwatch.providers.basiq_connections import Item, connection
from tests.providers.conversing import NOW, Script, fixture, reply, run

USER: Final = "u-1"
ACTIVE, INVALID, PRE_INIT, DELETED = (f"7d1f0c52-0000-4000-8000-00000000000{number}" for number in (1, 2, 3, 4))
"""The four connections of the fixture connections.json."""


def basiq(**options: Any) -> Basiq:
    """A source with two users, and what else is said."""
    given = {"api_key": "a2V5OmtleQ==", "users": [USER, "u-2"], **options}
    return Basiq("basiq", BasiqOptions.model_validate(given))


def user(connections: Mapping[str, Held] | None = None) -> TargetState:
    """The user whose connections are listed, with what is remembered of them."""
    return TargetState(target=Target(USER, "acme"), first_seen=0.0, due=0.0, connections=connections or {})


def stored(name: str) -> Reply:
    """A stored reply of status 200."""
    return reply(fixture("basiq", name))


def listing(*items: Mapping[str, Any]) -> Reply:
    """A reply that lists these items."""
    return reply({"type": "list", "data": items, "links": {"self": "https://au-api.basiq.io/users/u-1/connections"}})


def item(id_: str, status: str = "active", **more: Any) -> dict[str, Any]:
    """One web connection of AU04301, created a day ago."""
    plain = {"id": id_, "method": "web", "status": status, "createdDate": "2026-11-20T12:00:00Z", "expiryDate": ""}
    return {**plain, "institution": {"type": "institution", "id": "AU04301"}, **more}


def held(raw: Mapping[str, Any], *, reason: str = "", learned_at: float | None, status_since: float) -> Held:
    """A connection as it is remembered from an earlier poll."""
    wire = Item(id=raw["id"], status=raw["status"], method=raw["method"])
    seen = connection(wire, reason)
    verdict = Verdict("action_required", "table")
    return Held(seen, verdict, NOW + 1, 0.0, status_since, 0.0, learned_at=learned_at)


def poll(source: Basiq, script: Script, state: TargetState | None = None) -> Listing:
    """The listing that a poll of the user ends in."""
    made = run(source.list(state or user(), NOW), script, refusal=source.refusal)
    assert isinstance(made, Listing), made
    return made


def decoded(name: str) -> Any:
    """A stored reply as plain data, for tests that change it."""
    return json.loads(fixture("basiq", name))
