"""How Nectar's connections are asked for: pages that move, and details a few at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from connwatch.core.model import Accounts, Failure, TargetState
from connwatch.core.poll import Listing
from connwatch.core.schedule import slot_after, spread
from connwatch.core.step import unread
from connwatch.core.wire import DAY, MAX_PAGES, Reply, Request
from connwatch.providers.nectar_listing import DETAILS_PER_POLL
from tests.providers.conversing import NOW, Answers, Script, paths, reply, run
from tests.providers.nectar_source import LIST, NEW, after, item, listed, nectar, page, whole


def broken(answers: Answers) -> Failure:
    """A listing that has no value."""
    failure = run(nectar().list(NEW, NOW), answers)
    assert isinstance(failure, Failure), failure
    return failure


def test_the_largest_page_is_asked_for() -> None:
    """One request is enough for five hundred connections; that Nectar gives fewer a page is its affair."""
    script = Script(page(1, "ab", total=3, more=True), page(2, "c", total=3))
    assert list(listed(script).told) == ["a", "b", "c"]
    assert paths(script.requests) == [f"{LIST}?page=1&limit=500", f"{LIST}?page=2&limit=500"]


def test_an_empty_list_is_a_complete_one() -> None:
    """A company without connections is no fault."""
    assert listed(Script(page(1, "", total=0))).told == {}


def test_a_row_that_is_listed_twice_is_one() -> None:
    """Rows move between pages while they are read."""
    script = Script(page(1, "ab", total=3, more=True), page(2, "bc", total=3))
    assert list(listed(script).told) == ["a", "b", "c"]


def test_a_list_that_does_not_add_up_is_read_once_more() -> None:
    """A row that slipped from a page not yet read to one that was is not taken for removed."""
    first = (page(1, "ab", total=4, more=True), page(2, "bc", total=4))
    second = (page(1, "ab", total=4, more=True), page(2, "cd", total=4))
    assert list(listed(Script(*first, *second)).told) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("total", [2, 4])
def test_a_list_that_never_adds_up_is_truncated(total: int) -> None:
    """It is read twice, and then nothing is removed or invented."""
    script = Script(page(1, "abc", total=total), forever=True)
    assert broken(script).outcome == "truncated"
    assert len(script.requests) == 2


def test_a_list_that_grew_shorter_ends() -> None:
    """A page beyond the end is answered with the last one again: the list is read anew, and is whole then."""
    first = (page(1, "ab", total=3, more=True), page(1, "ab", total=2))
    assert list(listed(Script(*first)).told) == ["a", "b"]
    shorter = (page(1, "ab", total=3, more=True), page(1, "a", total=1), page(1, "a", total=1))
    assert list(listed(Script(*shorter)).told) == ["a"]


@pytest.mark.parametrize(
    "second",
    [
        page(1, "ab", total=4, more=True),
        page(2, "ab", total=4, more=True),
        page(2, "", total=4, more=True),
        page(3, "cd", total=4, more=True),
    ],
)
def test_a_page_that_repeats_is_a_loop(second: Reply) -> None:
    """A page that isn't the one that was asked for, or brings nothing new, and promises more, never ends."""
    script = Script(page(1, "ab", total=4, more=True), second)
    assert broken(script).outcome == "loop"
    assert len(script.requests) == 2


def test_pages_without_end_are_a_loop() -> None:
    """A listing that goes on and on is given up."""
    requests: list[Request] = []

    def endless(request: Request) -> Reply:
        requests.append(request)
        return page(len(requests), chr(0x4E00 + len(requests)), total=10**6, more=True)

    assert broken(endless).outcome == "loop"
    assert len(requests) == MAX_PAGES


@pytest.mark.parametrize("field", ["totalConnections", "currentPage", "hasNext", "connections"])
def test_a_page_that_does_not_say_where_it_stands_is_a_schema_failure(field: str) -> None:
    """Without any of these, a part could be taken for the whole."""
    rest = json.loads(page(1, "a", total=1).body)
    del rest[field]
    assert broken(Script(reply(rest))).outcome == "schema"


def test_a_page_that_fails_fails_the_listing() -> None:
    """What broke off removes nothing."""
    assert broken(Script(page(1, "a", total=2, more=True), Failure(outcome="timeout"))) == Failure(outcome="timeout")


def test_what_is_the_same_to_the_byte_is_not_decoded() -> None:
    """Of a listing as it was, with one connection changed and one more, only these two are read."""
    known = after(listed(Script(whole(item("a"), item("b")))))
    again = listed(Script(whole(item("a"), item("b", status="PENDING"), item("c"))), known)
    assert (again.listed, list(again.told)) == ({"a", "b", "c"}, ["b", "c"])


def test_what_means_nothing_changes_nothing() -> None:
    """A secret that is another one at each look makes no news of a connection: what was decoded is compared, too."""
    known = after(listed(Script(whole(item("a", connectionMagicLinkSecret="once")))))
    again = after(listed(Script(whole(item("a", connectionMagicLinkSecret="twice"))), known), known, at=NOW + 60)
    assert unread(again).connections == unread(known).connections


def test_what_was_missing_is_decoded_when_it_is_back() -> None:
    """A connection that one listing lacked, and the next has as it was, is no longer missing."""
    known = after(listed(Script(whole(item("a"), item("b")))))
    held = after(listed(Script(whole(item("a"))), known), known, at=NOW + 60)
    back = after(listed(Script(whole(item("a"), item("b"))), held), held, at=NOW + 120)
    assert held.connections["b"].missing_since == NOW + 60
    assert back.connections["b"].missing_since is None


def test_a_later_row_of_a_connection_counts() -> None:
    """A row that moves to a later page and changes meanwhile is told as it was last seen."""
    known = after(listed(Script(whole(item("a"), item("b")))))
    first, second = item("b"), item("b", status="PENDING")
    site = whole(item("a"), first, second)
    again = listed(Script(reply({**json.loads(site.body), "totalConnections": 2})), known)
    assert after(again, known, at=NOW + 60).connections["b"].seen.status == "PENDING"


def detailed(
    state: TargetState, ids: Sequence[str], now: float, *answers: Reply | Failure
) -> tuple[list[str], Listing]:
    """The connections whose details are asked for at that time, and the listing that comes of it."""
    script = Script(whole(*map(item, ids)), *(answers or [reply({"accounts": []})]), forever=True)
    listing = run(nectar(accounts="details").list(state, now), script)
    assert isinstance(listing, Listing)
    return [request.path.split("/")[2] for request in script.requests[1:]], listing


def polled(ids: Sequence[str], now: float) -> TargetState:
    """A company whose connections, fifty at most, were all read in full at that time."""
    _, listing = detailed(NEW, ids, now)
    return after(listing, at=now, accounts="details")


def test_a_poll_asks_a_bounded_number() -> None:
    """A company with very many connections doesn't hold up the others; the rest follows at the next polls."""
    ids = [f"n{number:03}" for number in range(DETAILS_PER_POLL + 20)]
    first, listing = detailed(NEW, ids, NOW)
    second, _ = detailed(after(listing, accounts="details"), ids, NOW + 900)
    assert (len(first), len(second)) == (DETAILS_PER_POLL, 20)
    assert set(first) | set(second) == set(ids)


def test_the_never_read_come_first() -> None:
    """A new connection needn't wait behind those whose turn it is again."""
    old = [f"a{number:02}" for number in range(DETAILS_PER_POLL)]
    asked, _ = detailed(polled(old, NOW), [*old, "z-new"], NOW + 2 * DAY)
    assert asked[0] == "z-new"
    assert len(asked) == DETAILS_PER_POLL


def test_what_was_just_read_is_not_read_again_in_its_slot() -> None:
    """A first look shortly before a connection's own time of the day serves for that day."""
    slot = slot_after(NOW, DAY, spread("a"))
    state = polled("a", slot - 600)
    asked = [detailed(state, "a", at)[0] for at in (slot + 60, slot + DAY - 60, slot + DAY + 60)]
    assert asked == [[], [], ["a"]]


def test_each_is_read_about_once_a_day_at_its_own_time() -> None:
    """Over the days that follow, polls find each connection due once a day, spread by the hash of its id."""
    ids = [f"i{number}" for number in range(12)]
    state = polled(ids, NOW)
    times: dict[str, list[float]] = {id_: [] for id_ in ids}
    for poll in range(1, 4 * 96):
        now = NOW + poll * 900
        asked, listing = detailed(state, ids, now)
        state = after(listing, state, at=now, accounts="details")
        for id_ in asked:
            times[id_].append(now)
    for id_, at in times.items():
        assert len(at) in {3, 4}
        assert all((one / DAY - spread(id_)) % 1 <= 900 / DAY for one in at)
    assert len({at[0] for at in times.values()}) > 6


@pytest.mark.parametrize(
    ("outcome", "asked", "settled"),
    [
        ("throttled", "a", ""),
        ("auth", "a", ""),
        ("forbidden", "a", "a"),
        ("server", "a", "a"),
        ("timeout", "a", "a"),
        ("not_found", "abc", "abc"),
        ("schema", "abc", "abc"),
        ("too_large", "abc", "abc"),
    ],
)
def test_a_failed_detail_never_fails_the_listing(outcome: Any, asked: str, settled: str) -> None:
    """What is known stays. Trouble beyond one connection ends it for now; the innocent keep their turn."""
    ids, listing = detailed(NEW, "abc", NOW, Failure(outcome=outcome))
    assert "".join(ids) == asked
    assert "".join(listing.learned) == settled
    assert list(listing.told) == ["a", "b", "c"]
    assert all(one.accounts is None for one in listing.learned.values())


def test_a_failed_detail_keeps_what_is_known() -> None:
    """Accounts don't vanish with a reply that doesn't come."""
    known = reply({"accounts": [{"status": "DETECTED"}]})
    _, listing = detailed(NEW, "a", NOW, known)
    state = after(listing, accounts="details")
    asked, listing = detailed(state, "a", NOW + 2 * DAY, Failure(outcome="server"))
    held = after(listing, state, at=NOW + 2 * DAY, accounts="details").connections["a"]
    assert asked == ["a"]
    assert held.seen.accounts == (Accounts("DETECTED", "unset", 1),)


def test_an_id_that_is_not_fit_for_a_path_is_not_asked() -> None:
    """It is listed all the same."""
    asked, listing = detailed(NEW, ["../x", "b"], NOW)
    assert asked == ["b"]
    assert list(listing.told) == ["../x", "b"]
