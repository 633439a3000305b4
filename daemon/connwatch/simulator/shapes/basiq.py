"""Basiq's JSON for users, connections, connectors and events (providers/basiq.md sections 2, 3, 8 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connwatch.simulator.shapes import private, stamps
from connwatch.simulator.world.chance import Dice, trait
from connwatch.simulator.world.model import Connection, Happening, Institution, Nature, Owner, data_at

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "https://au-api.basiq.io"
DUPLICATE_EVERY = 9
"""Every ninth event is told twice: delivery is at least once."""


def listing(data: list[dict[str, Any]], path: str, **envelope: object) -> dict[str, Any]:
    """Wrap items as every list of Basiq is wrapped."""
    return {"type": "list", **envelope, "data": data, "links": {"self": HOST + path}}


def user(owner: Owner, connections: list[Connection]) -> dict[str, Any]:
    """Show a user: nothing but personal data, and the ids of the connections without their status."""
    self_ = f"{HOST}/users/{owner.id}"
    return {
        "type": "user",
        "id": owner.id,
        "email": private.email(owner.grain),
        **private.person(owner.grain),
        "verificationStatus": "verified",
        "verificationDate": stamps.seconds(owner.created),
        "connections": {
            "type": "list",
            "count": len(connections),
            "data": [
                {"type": "connection", "id": each.id, "links": {"self": f"{self_}/connections/{each.id}"}}
                for each in connections
            ],
        },
        "accounts": {"type": "list", "count": 0, "data": []},
        "links": {"self": self_, "accounts": f"{self_}/accounts", "connections": f"{self_}/connections"},
    }


def status_shown(each: Connection) -> str | None:
    """Say what status a connection shows; a few show none."""
    return None if trait(each.grain, "no status", 150) else each.state.status


def connection(each: Connection, now: float) -> dict[str, Any]:
    """Show a connection as the list does."""
    self_ = f"{HOST}/users/{each.owner}"
    bank = f"{HOST}/{'connectors' if trait(each.grain, 'new link', 2) else 'institutions'}/{each.institution}"
    item: dict[str, Any] = {
        "type": "connection",
        "id": each.id,
        "method": "open-banking" if each.kind == "openbanking" and trait(each.grain, "hyphen", 2) else each.kind,
        "createdDate": stamps.seconds(each.created),
        "institution": {"type": "institution", "id": each.institution, "links": {"self": bank}},
        "links": {"self": f"{self_}/connections/{each.id}", "institution": bank},
    }
    status, used = status_shown(each), data_at(each, now)
    if status is not None:
        item["status"] = status
    if used is not None:
        item["lastUsed"] = stamps.millis(used) if trait(each.grain, "fractions", 5) else stamps.seconds(used)
    if each.expires is not None:
        item["expiryDate"] = stamps.seconds(each.expires)
    elif not trait(each.grain, "no expiry", 3):
        item["expiryDate"] = None if trait(each.grain, "null expiry", 3) else ""
    if trait(each.grain, "tells mfa", 2):
        item["mfaEnabled"] = trait(each.grain, "mfa", 4)
    if trait(each.grain, "account links", 2):
        query = f"?filter=institution.id.eq('{each.institution}')"
        item["links"] |= {"accounts": f"{self_}/accounts{query}", "transactions": f"{self_}/transactions{query}"}
    return item


def connectors(places: Iterable[Institution]) -> list[dict[str, Any]]:
    """Show each institution once for each method that it offers."""
    return [
        {
            "type": "connector",
            "id": place.id,
            "method": kind,
            "stage": place.stage,
            "status": place.standing,
            "institution": {
                "type": "Bank",
                "name": place.name,
                "shortName": place.name.split()[0],
                "tier": "2",
                "country": place.country,
                "logo": {"type": "image", "links": {"full": "https://logos.example.test/full.svg"}},
            },
            "scopes": ["account.basic"],
            "authorization": {"type": place.authorization},
            "stats": None if place.stage == "alpha" else {"averageDurationMs": _durations(place)},
            "links": {"self": f"{HOST}/connectors/{place.id}/{kind}"},
        }
        for place in places
        for kind in place.kinds
    ]


def events(journal: Iterable[Happening]) -> list[dict[str, Any]]:
    """Show what happened, in the given order, some of it twice."""
    items = []
    for happening in journal:
        item = _event(happening)
        items.append(item)
        if int(item["id"][:8], 16) % DUPLICATE_EVERY == 0:
            items.append(item)
    return items


def _event(happening: Happening) -> dict[str, Any]:
    each, self_ = happening.connection, f"{HOST}/users/{happening.owner}"
    dice = Dice("event", happening.at, happening.entity, happening.type, happening.owner, each.id if each else "")
    id_ = dice.hex(32) + dice.hex(32)
    return {
        "type": "event",
        "id": id_,
        "createdDate": stamps.seconds(happening.at),
        "entity": happening.entity,
        "eventType": happening.type,
        "userId": happening.owner,
        "dataRef": f"{self_}/connections/{each.id}" if each else self_,
        "data": _snapshot(each, happening.at) if each else _contact(happening, dice),
        "links": {"self": f"{HOST}/events/{id_}"},
    }


def _snapshot(each: Connection, at: float) -> dict[str, Any]:
    """Show a connection as events do; there an invalid one is an `invalid-connection`."""
    ended = each.state.nature in {Nature.USER, Nature.EXPIRED} and each.state.status == "invalid"
    item = connection(each, at)
    return {**item, "status": "invalid-connection" if ended else each.state.status, "mfaEnabled": False}


def _contact(happening: Happening, dice: Dice) -> dict[str, Any]:
    grain = dice.word()
    return {"type": "user", "id": happening.owner, "email": private.email(grain), **private.person(grain)}


def _durations(place: Institution) -> dict[str, int]:
    steps = {"verifyCredentials": 8000, "retrieveAccounts": 4000, "retrieveTransactions": 7000, "retrieveMeta": 0}
    return {**{step: value * place.size for step, value in steps.items()}, "total": 19000 * place.size}
