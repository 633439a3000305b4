"""Basiq's event feed."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.discovery import Found
from connwatch.core.ports import Hints
from connwatch.core.wire import Conversation
from connwatch.providers.basiq import Basiq
from connwatch.providers.basiq_events import EVENTS, LATE, REMEMBERED, Event, told
from connwatch.providers.reading import instant
from tests.providers.basiq_source import basiq, stored
from tests.providers.conversing import NOW, Script, fixture, paths, run

DAY = 86_400.0
HOUR = 3600.0


def event(id_: str, at: float, user: str = "u-1", kind: str = "connection", type_: str = "updated") -> Event:
    """An event that happened at that instant."""
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return Event(id=id_, created_date=time, entity=kind, event_type=type_, user_id=user)


def start(*events: Event, at: float = NOW - HOUR) -> str:
    """The cursor of a first look."""
    return told(events, "", at).cursor


def test_a_first_look_sets_the_cursor_only() -> None:
    """At the start everybody is polled anyway: no hints, no gap, and what was there is not told later."""
    source, script = basiq(), Script(stored("events.json"), forever=True)
    first = run(_hints(source, ""), script)
    assert isinstance(first, Hints)
    assert (first.changed, first.found, first.removed, first.gap) == (frozenset(), (), frozenset(), False)
    second = run(_hints(source, first.cursor), script)
    assert isinstance(second, Hints)
    assert (second.changed, second.found, second.removed) == (frozenset(), (), frozenset())
    assert paths(script.requests) == ["/events", "/events"]


def _hints(source: Basiq, cursor: str) -> Conversation[Hints]:
    conversation = source.hints(cursor, NOW)
    assert conversation is not None
    return conversation


def test_who_changed_who_is_new_who_is_gone() -> None:
    """Connection and consent events name who changed; user events who is new and who is gone; the rest names nobody."""
    hints = told(EVENTS.decode(fixture("basiq", "events.json")).data, start(), NOW)
    assert hints.changed == {"u-1", "u-2"}
    assert hints.found == (Found("u-3"),)
    assert hints.removed == {"u-4"}
    assert not hints.gap


def test_personal_data_is_never_decoded() -> None:
    """What an event holds of its user does not leave the decoder, nor get into the cursor."""
    page = EVENTS.decode(fixture("basiq", "events.json"))
    kept = msgspec.json.encode(page).decode() + told(page.data, "", NOW).cursor
    assert not [word for word in ("gavin", "hooli", "61410") if word in kept]


def test_each_event_is_told_once() -> None:
    """An event that stays in the feed for a week is a hint once, however often the feed is read."""
    cursor = start()
    for minute in range(90):
        now = NOW + 60 * minute
        hints = told([event("a", NOW - 10, "u-1"), event("b", NOW - 20, "u-2")], cursor, now)
        cursor = hints.cursor
        assert hints.changed == (frozenset({"u-1", "u-2"}) if minute == 0 else frozenset())


def test_an_event_may_come_late() -> None:
    """Within an hour behind newer ones an event still counts as new; nothing says that the feed is in order."""
    cursor = told([event("a", NOW - 10)], start(), NOW).cursor
    assert told([event("late", NOW - 10 - HOUR, "u-9")], cursor, NOW + 60).changed == {"u-9"}
    assert told([event("older", NOW - 11 - HOUR, "u-9")], cursor, NOW + 60).changed == frozenset()


KINDS = (("connection", "created"), ("user", "created"), ("consent", "warning"), ("user", "deleted"))
FEED = tuple(event(str(n), NOW - 300 * n, f"u-{n % 5}", *KINDS[n % 4]) for n in range(24))


@given(st.permutations(FEED))
def test_the_order_of_the_feed_means_nothing(events: list[Event]) -> None:
    """Newest first, oldest first or shuffled: the same hints and the same cursor."""
    assert told(events, start(), NOW) == told(FEED, start(), NOW)


def test_deleted_beats_all_else() -> None:
    """A user who was created, changed and deleted since the last look is gone, in whatever order it is told."""
    events = [
        event("1", NOW - 30, type_="created", kind="user"),
        event("2", NOW - 20),
        event("3", NOW - 25, type_="user.deleted", kind="user"),
    ]
    hints = told(events, start(), NOW)
    assert (hints.removed, hints.found, hints.changed) == (frozenset({"u-1"}), (), frozenset())


@pytest.mark.parametrize(("days", "gap"), [(7.0, False), (7.01, True)])
def test_a_look_after_a_week_has_a_gap(days: float, *, gap: bool) -> None:
    """Basiq keeps events for seven days: whoever looks later has missed some, and has to look at everybody."""
    assert told([], start(at=NOW - days * DAY), NOW).gap is gap


def test_a_quiet_week_is_no_gap() -> None:
    """Without any events for ten days, but read each day, nothing was missed."""
    cursor = start(event("a", NOW), at=NOW)
    for day in range(1, 11):
        hints = told([], cursor, NOW + day * DAY)
        cursor = hints.cursor
        assert not hints.gap


@pytest.mark.parametrize("cursor", ["?", "{}", "[]", '{"read_at": "x"}'])
def test_a_cursor_that_cannot_be_read_is_a_gap(cursor: str) -> None:
    """Who doesn't know how far the feed was read may have missed something; the next cursor is good again."""
    hints = told([event("a", NOW)], cursor, NOW)
    assert hints.gap
    assert hints.changed == frozenset()
    assert not told([event("a", NOW)], hints.cursor, NOW).gap


def test_an_event_of_the_future_does_not_hide_others() -> None:
    """A wrong clock at Basiq must not make all that comes after look old."""
    hints = told([event("odd", NOW + 400 * DAY)], start(), NOW)
    assert hints.changed == {"u-1"}
    assert told([event("b", NOW + 60, "u-2")], hints.cursor, NOW + 61).changed == {"u-2"}


def test_an_event_without_a_time_is_told_once() -> None:
    """It counts as of now, rather than being lost; and stays told, while others come and go."""
    odd = Event(id="odd", entity="connection", user_id="u-7")
    hints = told([odd], start(event("a", NOW - 2 * HOUR)), NOW)
    assert hints.changed == {"u-7"}
    for hour in range(1, 5):
        now = NOW + hour * HOUR
        hints = told([odd, event(str(hour), now, "u-1")], hints.cursor, now)
        assert hints.changed == {"u-1"}


def test_an_event_that_was_out_of_sight_is_told_once() -> None:
    """A feed that leaves an event out, and has it again, tells nothing new."""
    seen = event("a", NOW - 10)
    cursor = told([seen], start(), NOW).cursor
    cursor = told([], cursor, NOW + 60).cursor
    assert told([seen], cursor, NOW + 120).changed == frozenset()


def test_a_cursor_is_bounded_and_forgets_nothing_that_it_told() -> None:
    """A flood within the hour is told once, and leaves a cursor of a bounded size."""
    flood = [event(f"{n:064}", NOW - n / 10, f"u-{n}") for n in range(3 * REMEMBERED)]
    hints = told(flood, start(), NOW)
    assert len(hints.changed) == len(flood)
    assert len(hints.cursor) < 100 * REMEMBERED
    assert told(flood, hints.cursor, NOW + 60).changed == frozenset()
    assert told([*flood, event("new", NOW + 30, "u-x")], hints.cursor, NOW + 60).changed == {"u-x"}


def test_a_cursor_names_the_last_hour_only() -> None:
    """What is older is seen by its age: a week of events makes no long cursor."""
    week = [event(f"{n:064}", NOW - n * HOUR / 2) for n in range(300)]
    assert len(told(week, "", NOW).cursor) < 500


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(-2 * HOUR, 2 * HOUR), st.integers(0, 3)), max_size=30),
    st.integers(0, 30),
)
def test_no_new_event_is_lost(told_at: list[tuple[int, float, int]], cut: int) -> None:
    """Two looks, of which the second sees all events: whoever has one within the hour is named by one of them."""
    events = [event(f"{id_}", NOW + at, f"u-{user}") for id_, at, user in {one[0]: one for one in told_at}.values()]
    first = told(events[:cut], start(), NOW)
    second = told(events, first.cursor, NOW + 60)
    newest = max((min(NOW, _at(one)) for one in events[:cut]), default=NOW)
    expected = {one.user_id for one in events if _at(one) >= newest - LATE}
    assert expected <= first.changed | second.changed


def _at(one: Event) -> float:
    at = instant(one.created_date or "")
    assert at is not None
    return at


def test_without_events_there_is_no_feed() -> None:
    """`events: false` asks nothing."""
    assert basiq(events=False).hints("", NOW) is None
