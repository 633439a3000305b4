"""A Moneyhub source as its tests configure it, and what it is answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from connwatch.core.model import Connection, Held, Target, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Listing, Polled
from connwatch.core.step import step
from connwatch.core.wire import Reply
from connwatch.providers.moneyhub import Moneyhub, MoneyhubOptions
from tests.providers.conversing import NOW, Answers, Script, fixture, reply, run

CLIENT: Final = "0b6f7d1e-3a52-4c7a-9f0e-2d4a6c8e1f10"
SECRET: Final = "moneyhub-secret-4711"
USER: Final = "64f0c2aa91be3d0017a5e201"
LIST: Final = f"/users/{USER}/connections"
NEW: Final = TargetState(target=Target(USER, "acme"), first_seen=NOW, due=NOW)
"""A user who was never asked about."""
ID: Final = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:7b0c4a52-8f6e-4f53-9d0a-1c2b3d4e5f60"


def options(**given: Any) -> MoneyhubOptions:
    """The options of a source with a client secret, and what else is said; None takes something back."""
    plain = {"client_id": CLIENT, "client_secret": SECRET, **given}
    return MoneyhubOptions.model_validate({name: value for name, value in plain.items() if value is not None})


def moneyhub(**given: Any) -> Moneyhub:
    """A source with these options."""
    return Moneyhub("moneyhub", options(**given))


def stored(name: str, status: int = 200) -> Reply:
    """A stored reply."""
    return reply(fixture("moneyhub", name), status=status)


def item(id_: str = ID, status: str = "ok", **more: Any) -> dict[str, Any]:
    """A connection by Open Banking that was updated an hour ago; None leaves a field out."""
    plain = {"id": id_, "name": "Example Bank", "type": "api", "status": status, "accountIds": ["acc-1"]}
    times = {"connectedOn": "2026-10-01T08:00:00.000Z", "lastUpdated": "2026-11-21T11:00:00.000Z"}
    return {name: value for name, value in {**plain, **times, **more}.items() if value is not None}


def listing(*items: Any, **envelope: Any) -> Reply:
    """A reply that lists these connections."""
    return reply({"data": items, "meta": {}, **envelope})


def listed(answers: Answers) -> Listing:
    """The listing that a poll of the user ends in."""
    source = moneyhub()
    made = run(source.list(NEW, NOW), answers, refusal=source.refusal)
    assert isinstance(made, Listing), made
    return made


def seen(raw: dict[str, Any]) -> Connection:
    """One connection, read."""
    (one,) = listed(Script(listing(raw))).told.values()
    return one


def held(raw: dict[str, Any], at: float = NOW, **given: Any) -> Held:
    """One connection as it is kept and judged."""
    event = Polled(listed(Script(listing(raw))), started_at=at)
    (one,) = step(NEW, event, moneyhub(**given).policy("moneyhub", ()), Facts(), at).state.connections.values()
    return one


def decoded(name: str) -> Any:
    """A stored reply as plain data, for tests that change it."""
    return json.loads(fixture("moneyhub", name))


def page(ids: Sequence[str], **meta: Any) -> Reply:
    """A page of users with one connection each."""
    return reply({"data": [{"userId": id_, "connectionIds": [f"bank:{id_}"]} for id_ in ids], "meta": meta})
