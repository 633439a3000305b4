"""Basiq's event feed as a hint whom to ask: seven days of it, in no promised order (providers/basiq.md section 8).

It never replaces polling: what goes wrong at a bank raises no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.core.discovery import Found
from connwatch.core.ports import Hints
from connwatch.core.wire import DAY
from connwatch.providers.basiq_replies import Page
from connwatch.providers.reading import Id, instant

KEPT: Final = 7 * DAY
"""How long Basiq keeps an event."""
LATE: Final = 3600.0
"""How much later than newer ones an event may appear in the feed, and still be noticed."""
REMEMBERED: Final = 500
"""How many events a cursor names at most; those before them count as seen."""

_ABOUT_CONNECTIONS: Final = frozenset({"connection", "consent"})


class Event(Struct, frozen=True, gc=False, rename="camel"):
    """One event. Its `data` is skipped: of a user it holds the e-mail address and the telephone number."""

    id: Id
    created_date: str | None = None
    entity: str | None = None
    event_type: str | None = None
    user_id: str | None = None

    @property
    def kind(self) -> tuple[str, str]:
        """What happened to what; the type may be spelled with the entity before it (`connection.invalidated`)."""
        return self.entity or "", (self.event_type or "").rpartition(".")[2]


EVENTS: Final = msgspec.json.Decoder(Page[Event])


class Cursor(Struct, frozen=True):
    """How far the feed was read: what stands before `floor` is seen, and so is what is named. A place is (time, id)."""

    read_at: float
    floor: tuple[float, str] = (0.0, "")
    seen: tuple[tuple[float, str], ...] = ()


_CURSOR: Final = msgspec.json.Decoder(Cursor)


def told(events: Sequence[Event], cursor: str, now: float) -> Hints:
    """What is new in the feed since the cursor. A first look tells nothing: everybody is asked at the start anyway."""
    last = _read(cursor)
    if last is None:
        return Hints(cursor=_write(Cursor(now), events, now), gap=bool(cursor))
    named = {id_ for _, id_ in last.seen}
    fresh = [event for event in events if event.id not in named and _place(event, now) >= last.floor]
    removed = {event.user_id for event in fresh if event.user_id and event.kind == ("user", "deleted")}
    created = {event.user_id for event in fresh if event.user_id and event.kind == ("user", "created")}
    changed = {event.user_id for event in fresh if event.user_id and event.kind[0] in _ABOUT_CONNECTIONS}
    return Hints(
        cursor=_write(last, events, now),
        changed=frozenset(changed - removed),
        found=tuple(Found(id_) for id_ in sorted(created - removed)),
        removed=frozenset(removed),
        gap=now - last.read_at > KEPT,
    )


def _place(event: Event, now: float) -> tuple[float, str]:
    """Where an event stands. One of the future, or of no time, is taken as of now: it must not hide those that come."""
    at = instant(event.created_date or "")
    return now if at is None else min(at, now), event.id


def _read(cursor: str) -> Cursor | None:
    try:
        return _CURSOR.decode(cursor)
    except msgspec.DecodeError:
        return None


def _write(last: Cursor, events: Sequence[Event], now: float) -> str:
    places = {place[1]: place for place in last.seen} | {event.id: _place(event, now) for event in events}
    floor = last.floor
    if places:
        floor = max(floor, (max(places.values())[0] - LATE, ""))
    seen = sorted(place for place in places.values() if place >= floor)[-REMEMBERED:]
    if len(seen) == REMEMBERED:
        floor = seen[0]
    return msgspec.json.encode(Cursor(read_at=now, floor=floor, seen=tuple(seen))).decode()
