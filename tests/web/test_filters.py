from __future__ import annotations

from base64 import urlsafe_b64decode
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from connwatch.web.catalogue import START, Look, Position
from connwatch.web.filters import BadParameter, cursor, understand
from tests.core.cast import NOW
from tests.web.scene import grown


def found(query: str) -> set[str]:
    """The ids of the connections that a query wants."""
    wanted = understand(MultiDict(parse_qsl(query)), NOW).wanted
    return {
        id_
        for book in grown().books.values()
        for record in book.records.values()
        for id_, held in record.state.connections.items()
        if wanted(Look(book.policy, book.facts, record.state, held))
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("source=utility", {"grid:1", "grid:2", "grid:3"}),
        ("source=nobody", set()),
        ("company=beta", {"ends", "ended", "later", "odd"}),
        ("institution=bank-b", {"asks", "asks-too"}),
        ("condition=degraded", {"down"}),
        ("condition=degraded&condition=expired", {"down", "ended"}),
        ("status=novel", {"odd"}),
        ("stale=true", {"stale", "down"}),
        ("stale=true&company=beta", set()),
        ("stale=false&institution=grid", {"grid:1", "grid:2", "grid:3"}),
        ("stale=true&stale=false&source=utility", {"grid:1", "grid:2", "grid:3"}),
        ("expiring_within=3d", {"ends"}),
        ("expiring_within=2d23h", set()),
        ("expiring_within=8d", {"ends", "later"}),
        ("expiring_within=1d&expiring_within=1w2d", {"ends", "later", "grid:3"}),
        ("condition=healthy&source=bank&company=acme", {"fine", "stale"}),
    ],
)
def test_each_filter_narrows_the_list(query: str, ids: set[str]) -> None:
    """All filters must hold; of a filter that is repeated, any value. A consent that counts no more, or is over, ends no more."""
    assert found(query) == ids


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"compny": "acme"}, "compny: there is no such parameter; did you mean company?"),
        ({"zzz": "1"}, "zzz: there is no such parameter"),
        ({"condition": "degradd"}, r"condition: one of healthy, .* is expected; did you mean degraded\?"),
        ({"stale": "yes"}, "stale: true or false is expected"),
        ({"expiring_within": "soon"}, "expiring_within: a duration like .* is expected"),
        ({"expiring_within": ""}, "expiring_within: a duration like .* is expected"),
        ({"limit": "0"}, "limit: a whole number from 1 to 1000 is expected"),
        ({"limit": "1001"}, "limit: .*"),
        ({"limit": "-1"}, "limit: .*"),
        ({"limit": "\u0661"}, "limit: .*"),
        ({"limit": "9" * 5000}, "limit: .*"),
        ({"limit": ""}, "limit: .*"),
        ({"cursor": "!"}, "cursor: it isn't one that was given here; .*"),
        ({"cursor": "bnVsbA"}, "cursor: .*"),
        ({"cursor": cursor(Position("bank", 7, "c-1")) + "!!!!"}, "cursor: .*"),
        ({"cursor": "é"}, "cursor: .*"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(query: dict[str, str], reason: str) -> None:
    """Nobody gets a list that isn't what was asked for: the reason names the parameter and the nearest that there is."""
    with pytest.raises(BadParameter, match=f"^{reason}"):
        understand(MultiDict(query), NOW)


def test_what_can_hold_once_only_is_given_once() -> None:
    """Two limits are a mistake, not a choice of ours."""
    with pytest.raises(BadParameter, match="limit: it is given 2 times"):
        understand(MultiDict([("limit", "1"), ("limit", "2")]), NOW)


def test_an_empty_query_wants_the_first_hundred() -> None:
    """The defaults of the contract."""
    _, limit, after = understand(MultiDict(), NOW)
    assert (limit, after) == (100, START)


@settings(deadline=None)
@given(st.builds(Position, st.text(min_size=1), st.integers(0, 2**64 - 1), st.text(min_size=1)))
def test_a_cursor_leads_back_to_its_position(position: Position) -> None:
    """A cursor goes through a URL unharmed, and says the same when it is given back."""
    text = cursor(position)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert understand(MultiDict({"cursor": text}), NOW).after == position


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_cursor_has_an_answer(text: str) -> None:
    """Whatever is given as a cursor is refused, if it isn't a position."""
    with pytest.raises(BadParameter, match=r"^cursor: "):
        understand(MultiDict({"cursor": text}), NOW)


def test_a_cursor_names_no_end_user() -> None:
    """What can be read out of a cursor is the connection, never whose it is."""
    text = cursor(Position("bank", 7, "c-1"))
    assert urlsafe_b64decode(text + "==") == b'["bank",7,"c-1"]'
