"""A listing that is recognised tells the same as one of which every byte is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.imprint import FEWEST, STRETCH
from connwatch.core.model import Failure, TargetState
from connwatch.core.poll import Listing
from connwatch.core.step import unread
from connwatch.core.wire import Reply
from tests.providers.conversing import NOW, Script, reply, run
from tests.providers.nectar_source import NEW, after, item, listed, nectar, whole

HOUR: Final = 3600.0
STATUSES: Final = ("CONNECTED", "PENDING", "WEBSITE_DOWN", "OTHER_ERROR")
Items = Sequence[dict[str, Any]]


def pages(items: Items, size: int) -> Sequence[Reply]:
    """All of them, so many a page."""
    starts = range(0, max(1, len(items)), size)
    return [
        reply(
            {
                "connections": items[start : start + size],
                "totalConnections": len(items),
                "currentPage": number,
                "hasNext": start != starts[-1],
            }
        )
        for number, start in enumerate(starts, 1)
    ]


def many() -> Items:
    """Connections that work, enough of them."""
    return [item(f"c-{number}") for number in range(2 * FEWEST)]


def polled(items: Items, state: TargetState = NEW) -> TargetState:
    """The state after these were listed on one page, an hour after the last time."""
    at = (state.polled_at or NOW - HOUR) + HOUR
    return after(listed(Script(whole(*items)), state), state, at=at)


def changed(items: Items, *numbers: int) -> Items:
    """The same, with some broken."""
    return [one | {"status": "WEBSITE_DOWN"} if number in numbers else one for number, one in enumerate(items)]


@st.composite
def histories(draw: st.DrawFn) -> Sequence[Sequence[Reply]]:
    """What a company lists from poll to poll: some connections change, some go, some come, all in pages of some size."""
    items = [item(f"c-{number}") for number in range(draw(st.integers(FEWEST, 3 * FEWEST)))]
    size = draw(st.sampled_from([FEWEST, 2 * FEWEST + 3, 500]))
    told, fresh = [pages(items, size)], count(len(items))
    for _ in range(draw(st.integers(1, 5))):
        for number in draw(st.lists(st.integers(0, 3 * FEWEST), max_size=3)):
            spot = number % (len(items) + 1)
            match draw(st.sampled_from(["change", "remove", "insert", "move"])):
                case "change" if spot < len(items):
                    items[spot] = item(items[spot]["id"], status=draw(st.sampled_from(STATUSES)))
                case "remove" if spot < len(items):
                    del items[spot]
                case "insert":
                    items.insert(spot, item(f"c-{next(fresh)}"))
                case "move" if spot < len(items):
                    items.append(items.pop(spot))
                case _:
                    continue
        told.append(pages(items, size))
    return told


@given(histories())
def test_a_state_comes_of_it_as_if_all_had_been_parsed(history: Sequence[Sequence[Reply]]) -> None:
    """Whatever changes from poll to poll: what is known with imprints and without is the same."""
    with_imprints = without = NEW
    for number, told in enumerate(history):
        at = NOW + number * HOUR
        with_imprints = after(listed(Script(*told, *told), with_imprints), with_imprints, at=at)
        without = replace(after(listed(Script(*told, *told), without), without, at=at), imprints=())
        assert replace(with_imprints, imprints=()) == without


def test_of_a_listing_with_one_change_one_connection_is_decoded() -> None:
    """And its neighbours are told apart from it by their bytes."""
    known = polled(many())
    again = listed(Script(whole(*changed(many(), STRETCH + 1))), known)
    assert (again.listed, [*again.told]) == (known.connections.keys(), [f"c-{STRETCH + 1}"])


def test_an_id_is_there_once() -> None:
    """However often a connection changes: by it many are held, listed, and found again."""
    state = polled(changed(many(), 3), polled(many()))
    keys = {id_: id_ for id_ in state.connections}
    [kept] = state.imprints
    assert all(keys[id_] is id_ for one in kept.stretches for id_ in one.ids)


def test_twins_are_not_found_again() -> None:
    """Of two rows with one id the later one counts: once that one has gone, the earlier one is news."""
    rows = [*many(), item("c-0", status="PENDING")]
    listing = run(nectar().list(NEW, NOW), Script(*[_total(rows, len(rows) - 1)] * 2))
    assert isinstance(listing, Listing)
    assert listing.imprints == ()
    state = after(listing)
    assert state.connections["c-0"].seen.status == "PENDING"
    assert polled(rows[:-1], state).connections["c-0"].seen.status == "CONNECTED"


def test_of_twins_the_later_one_counts_though_it_is_as_it_was() -> None:
    """Whether it is found again with its neighbours or by itself."""
    known, broken = polled(many()), item("c-1", status="WEBSITE_DOWN")
    for rows in ([broken, *many()], [many()[0], broken, *many()[1:]], [*many(), broken]):
        state = after(listed(Script(*[_total(rows, len(rows) - 1)] * 2), known), known)
        assert state.connections["c-1"].seen.status == ("WEBSITE_DOWN" if rows[-1] is broken else "CONNECTED")


def test_after_a_restart_all_is_read_and_nothing_is_news() -> None:
    """Nobody knows how it read then; from now on it is known."""
    known = unread(polled(many()))
    told = listed(Script(whole(*changed(many(), 3))), known)
    assert ([*told.told], told.marks.keys()) == (["c-3"], told.listed)
    again = listed(Script(whole(*changed(many(), 3))), after(told, known))
    assert (again.told, again.marks) == ({}, {})


def test_a_listing_of_what_is_not_known_is_refused() -> None:
    """A target was dropped and came back while it was asked: what the listing passes over would never be seen."""
    told = listed(Script(whole(*many())), polled(many()))
    with pytest.raises(ValueError, match="without all that is new"):
        after(told, NEW)


def test_what_stands_elsewhere_on_a_page_too_is_not_found_again() -> None:
    """A page that says everything twice is read as a whole each time."""
    said = {"connections": many(), "totalConnections": 2 * FEWEST, "currentPage": 1, "hasNext": False}
    state = after(listed(Script(reply({"before": many()} | said))))
    assert (len(state.connections), state.imprints) == (2 * FEWEST, ())
    assert len(after(listed(Script(reply(said | {"behind": many()})))).imprints) == 1


def test_a_recognised_page_that_is_torn_is_a_schema_failure() -> None:
    """What broke off is no listing, however much of it was known."""
    body = whole(*many()).body
    for torn in (body[:-1], body[: len(body) // 2], body.replace(b'"c-20"', b'"c-20')):
        failure = run(nectar().list(polled(many()), NOW), Script(reply(torn)))
        assert isinstance(failure, Failure)
        assert failure.outcome == "schema"


def test_a_connection_that_is_not_fit_is_a_schema_failure() -> None:
    """On a page of which all the rest is recognised."""
    failure = run(nectar().list(polled(many()), NOW), Script(whole(*many()[:-1], {"id": ""})))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


def _total(rows: Items, total: int) -> Reply:
    return reply({"totalConnections": total, "currentPage": 1, "hasNext": False, "connections": list(rows)})
