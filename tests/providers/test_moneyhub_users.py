"""Moneyhub's users, as they come in pages that may shift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.discovery import Discovery, Found
from connwatch.core.model import Failure
from connwatch.core.wire import MAX_PAGES, Reply, Request
from connwatch.providers.moneyhub_users import MOST_PAGES
from tests.providers.conversing import NOW, Answers, Script, Site, paths, reply, run
from tests.providers.moneyhub_source import moneyhub, page


def discovered(answers: Answers) -> Discovery | Failure:
    """One discovery of all users."""
    return run(moneyhub().discover(None, NOW), answers)


def ids(answers: Answers) -> list[str]:
    """The users that it finds."""
    discovery = discovered(answers)
    assert isinstance(discovery, Discovery), discovery
    return [one.id for one in discovery.found]


def outcome(answers: Answers) -> str:
    """How it fails."""
    failure = discovered(answers)
    assert isinstance(failure, Failure), failure
    return failure.outcome


def at(*offsets: int) -> list[str]:
    """The requests of pages."""
    return [f"/users?limit=100&offset={offset}" for offset in offsets]


def server(order: Callable[[int], Sequence[str]], size: int, *, tells: frozenset[str]) -> Answers:
    """Users in pages of this size at most; `order` is how they stand at each request."""
    requests: list[Request] = []

    def answer(request: Request) -> Reply:
        rows = order(len(requests))
        requests.append(request)
        asked = {name: int(value) for name, value in request.query}
        limit, offset = min(size, asked["limit"]), asked["offset"]
        meta = {"total": len(rows), "limit": limit, "offset": offset}
        told = {name: value for name, value in meta.items() if name in tells}
        return page(rows[offset : offset + limit], **told)

    return answer


def test_users_and_who_of_them_is_asked_about() -> None:
    """Who has no connections is vacant, who is deleted is none; a reply that leaves connections out says nothing."""
    users: list[dict[str, Any]] = [
        {"userId": "u-1", "connectionIds": ["a:1"], "deletedAt": None},
        {"userId": "u-2", "connectionIds": []},
        {"userId": "u-3", "connectionIds": ["a:3"], "deletedAt": "2026-11-01T08:00:00.000Z"},
        {"userId": "u-4"},
        {"userId": "u-5", "connectionIds": None},
    ]
    found = (Found("u-1"), Found("u-2", vacant=True), Found("u-4"), Found("u-5"))
    assert discovered(Script(reply({"data": users, "meta": {}}))) == Discovery(found=found)


def test_there_may_be_no_users() -> None:
    """An empty discovery is complete."""
    assert ids(Script(page([], total=0))) == []
    assert ids(Script(reply({"data": []}))) == []


def test_pages_by_the_total() -> None:
    """The next page begins where the last one ended, and none is asked for beyond the total."""
    script = Script(page("abc", total=6), page("de", total=6), page("f", total=6))
    assert ids(script) == list("abcdef")
    assert paths(script.requests) == at(0, 3, 5)


def test_pages_without_a_total() -> None:
    """A page that isn't full is the last one."""
    hundred = [f"u-{number}" for number in range(100)]
    script = Script(page(hundred), page("ab"))
    assert ids(script) == [*hundred, "a", "b"]
    assert paths(script.requests) == at(0, 100)
    assert ids(Script(page(hundred), page([]))) == hundred


def test_a_smaller_limit_is_believed() -> None:
    """What is full is what the server says; a limit that makes no sense is none."""
    script = Script(page("ab", limit=2), page("cd", limit=2), page("e", limit=2))
    assert ids(script) == list("abcde")
    assert paths(script.requests) == at(0, 2, 4)
    for odd in (0, -1, 1000, None):
        assert ids(Script(page("ab", limit=odd))) == ["a", "b"]


def test_a_user_on_two_pages_is_one() -> None:
    """Someone came meanwhile, and pushed the others on by one."""
    assert ids(Script(page("ab", total=4), page("bc", total=5), page("d", total=5))) == list("abcd")


def test_users_who_slipped_through_are_read_again() -> None:
    """Fewer than announced: someone moved to a page that was read before. The second reading adds to the first."""
    script = Script(page("ab", total=3), page("b", total=3), page("ca", total=3), page("a", total=3))
    assert ids(script) == list("abc")
    assert paths(script.requests) == at(0, 2, 0, 2)


def test_users_who_stay_missing_make_it_incomplete() -> None:
    """An incomplete discovery would remove users who are there: it is none."""
    script = Script(page("ab", total=3), page("b", total=3), page("ab", total=3), page("b", total=3))
    assert outcome(script) == "truncated"


def test_a_total_that_is_too_high_is_no_loop() -> None:
    """The list ends before it: an empty page is an end, and someone is missing."""
    assert outcome(Script(*[page("ab", total=3), page([], total=3)] * 2)) == "truncated"


def test_users_who_come_meanwhile_are_not_waited_for() -> None:
    """What is complete is judged by who was there at the start, or a busy client would never be."""
    assert ids(Script(page("ab", total=3), page("bc", total=4))) == list("abc")


def test_a_user_who_left_meanwhile_may_hide_another() -> None:
    """The total shrank with the list: only that of the start shows that someone was passed over."""
    script = Script(page("ab", total=4), page("d", total=3), page("bc", total=3), page("d", total=3))
    assert ids(script) == list("abdc")
    assert len(script.requests) == 4


@pytest.mark.parametrize("meta", [{"total": 1000}, {}])
def test_a_page_that_repeats_is_a_loop(meta: dict[str, int]) -> None:
    """A server that doesn't look at the offset is not asked for ever."""
    script = Script(page([f"u-{number}" for number in range(100)], **meta), forever=True)
    assert outcome(script) == "loop"
    assert len(script.requests) == 2


@pytest.mark.parametrize(("meta", "most"), [({}, MAX_PAGES), ({"total": 10**9, "limit": 1}, MOST_PAGES)])
def test_there_are_not_more_pages_than_that(meta: dict[str, int], most: int) -> None:
    """Even one that brings someone new each time has an end."""
    requests: list[Request] = []

    def endless(request: Request) -> Reply:
        requests.append(request)
        return page([f"{len(requests)}-{number}" for number in range(1 if meta else 100)], **meta)

    assert outcome(endless) == "loop"
    assert len(requests) == most


def test_a_very_large_client_is_read_to_its_end() -> None:
    """Where the reply announces how many there are, that is how many are read."""
    users = (MAX_PAGES + 50) * 100

    def large(request: Request) -> Reply:
        offset = int(dict(request.query)["offset"])
        return page([str(offset + number) for number in range(100)], total=users)

    assert len(ids(large)) == users


def test_a_page_that_fails_fails_the_discovery() -> None:
    """Half a list is none."""
    site = Site({at(0)[0]: page("ab", total=3), at(2)[0]: Failure(outcome="timeout")})
    assert outcome(site) == "timeout"


@settings(deadline=None, max_examples=50)
@given(
    count=st.integers(0, 250),
    size=st.integers(1, 120),
    tells=st.sampled_from([{"total"}, {"limit"}, {"total", "limit"}]),
)
def test_all_users_are_found(count: int, size: int, tells: set[str]) -> None:
    """However many there are, whatever fits on a page, by the total or by the limit: all, once, in order."""
    rows = [f"u-{number}" for number in range(count)]
    assert ids(server(lambda _: rows, size, tells=frozenset(tells))) == rows


@settings(deadline=None, max_examples=50)
@given(data=st.data(), count=st.integers(1, 12), size=st.integers(1, 5))
def test_no_shuffle_loses_a_user(data: st.DataObject, count: int, size: int) -> None:
    """Users may stand in another order at every request: they are all found, or there is no discovery."""
    rows = [f"u-{number}" for number in range(count)]
    order = st.permutations(rows)
    found = discovered(server(lambda _: data.draw(order), size, tells=frozenset({"total"})))
    if isinstance(found, Failure):
        assert found.outcome in {"truncated", "loop"}
    else:
        assert sorted(one.id for one in found.found) == sorted(rows)
