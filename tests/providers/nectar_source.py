"""Nectar as tests need it: replies made up on the spot, and listings read and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connwatch.core.model import Connection, Target, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Listing, Polled
from connwatch.core.step import step
from connwatch.core.wire import Reply
from connwatch.providers.nectar import Nectar, NectarOptions
from tests.providers.conversing import NOW, Answers, Script, reply, run

COMPANY = "c-1"
LIST = f"/connection/company/{COMPANY}"
NEW = TargetState(target=Target(id=COMPANY, company="Acme", name="Acme"), first_seen=NOW, due=NOW)


def nectar(**options: Any) -> Nectar:
    """Nectar with these options."""
    return Nectar("main", NectarOptions.model_validate({"api_key": "key", **options}))


def item(id_: str, **fields: Any) -> dict[str, Any]:
    """A connection as it is listed."""
    return {"id": id_, "status": "CONNECTED", **fields}


def page(number: int, ids: str, *, total: int, more: bool = False) -> Reply:
    """A page that lists these ids, one character each."""
    return reply(
        {
            "totalConnections": total,
            "perPage": 100,
            "totalPages": 9,
            "currentPage": number,
            "hasNext": more,
            "hasPrevious": number > 1,
            "connections": [item(id_) for id_ in ids],
        }
    )


def whole(*items: dict[str, Any]) -> Reply:
    """One page with all connections."""
    return reply({"totalConnections": len(items), "currentPage": 1, "hasNext": False, "connections": list(items)})


def listed(answers: Answers, state: TargetState = NEW, **options: Any) -> Listing:
    """One complete listing."""
    listing = run(nectar(**options).list(state, NOW), answers)
    assert isinstance(listing, Listing), listing
    return listing


def seen(*items: dict[str, Any], **options: Any) -> Sequence[Connection]:
    """These connections, read."""
    return list(listed(Script(whole(*items)), **options).told.values())


def after(listing: Listing, state: TargetState = NEW, *, at: float = NOW, **options: Any) -> TargetState:
    """What the daemon keeps after that listing."""
    return step(state, Polled(listing, started_at=at), nectar(**options).policy("main", ()), Facts(), at).state
