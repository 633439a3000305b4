"""What stands on a page as it stood there before is found again, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.imprint import FEWEST, STRETCH, Imprint, Stretch, imprint

Texts = Sequence[bytes]
MANY: Final = 5 * STRETCH

connections = st.integers(0, 3 * FEWEST).map(lambda number: b'{"id":"%d","of":[%d]}' % (number, number))
commas = st.sampled_from([b",", b" ,", b",\n "])


class Page(msgspec.Struct):
    """A page, as a parser reads it that knows nothing of imprints."""

    connections: list[msgspec.Raw]
    of: list[msgspec.Raw] = []


def body(texts: Texts, comma: bytes = b",") -> bytes:
    """A page with these connections."""
    return b'{"total":7,"connections":[' + comma.join(texts) + b'],"more":false}'


def read(page: bytes) -> Texts:
    """What stands on a page."""
    return [bytes(raw) for raw in msgspec.json.decode(page, type=Page).connections]


def ids(texts: Texts) -> Sequence[str]:
    """Theirs."""
    return [msgspec.json.decode(text)["id"] for text in texts]


def made(texts: Texts, comma: bytes = b",") -> Imprint:
    """The imprint of a page with these."""
    known = imprint(body(texts, comma), texts, ids(texts))
    assert known is not None
    return known


def numbered(*numbers: int) -> Texts:
    """So many connections."""
    return [b'{"id":"%d"}' % number for number in numbers]


def passed(stretches: Sequence[Stretch]) -> Sequence[str]:
    """The ids in stretches that are as they were."""
    return [id_ for one in stretches for id_ in one.ids]


def found_again(known: Imprint, page: bytes) -> tuple[Sequence[str], Imprint | None] | None:
    """The ids on a page as they are told by what is known, in their order, and what is known then; None if it isn't told."""
    rest = known.rest(page)
    if rest is None:
        return None
    texts = [bytes(raw) for raw in rest.connections]
    return [*passed(rest.before), *ids(texts), *passed(rest.after)], known.renewed(rest, texts, ids(texts))


@given(st.lists(connections, min_size=FEWEST, max_size=MANY), st.lists(connections, max_size=MANY), commas, commas)
def test_it_tells_of_a_page_what_a_parser_tells(was: Texts, is_: Texts, comma: bytes, other: bytes) -> None:
    """Whatever stood there before and stands there now, in whatever order, and as often as it does."""
    known = made(was, comma)
    for page in (body(is_, comma), body(is_, other), body(was, comma)):
        told = found_again(known, page)
        assert told is not None
        assert told[0] == ids(read(page))
        known = told[1] or known


@given(st.lists(connections, min_size=FEWEST, max_size=MANY), st.data())
def test_what_is_torn_or_garbled_is_told_by_nobody(was: Texts, data: st.DataObject) -> None:
    """Some bytes are missing, doubled or others: either it is a list for any parser, or it is none by its imprint."""
    page = body(was)
    start = data.draw(st.integers(0, len(page)))
    stop = data.draw(st.integers(start, min(len(page), start + 30)))
    inserted = data.draw(st.sampled_from([b"", b",", b"]", b"[", b'],"of":[', b"0", b'"', page[start:stop] * 2]))
    garbled = page[:start] + inserted + page[stop:]
    try:
        expected: Texts | None = read(garbled)
        numbers = ids(expected or ())
    except (msgspec.DecodeError, TypeError, KeyError):
        expected, numbers = None, []
    try:
        told = found_again(made(was), garbled)
    except (TypeError, KeyError):  # of what a connection must not be, as its decoder would find, too
        assert expected is None
        return
    assert told is None or (expected is not None and told[0] == numbers)


@given(st.lists(st.lists(connections, min_size=FEWEST, max_size=MANY), min_size=2, max_size=6))
def test_what_it_becomes_is_as_good_as_a_new_one(pages: Sequence[Texts]) -> None:
    """After any changes: it knows the newest page whole, and nothing of it has to be parsed."""
    known: Imprint | None = made(pages[0])
    for texts in pages[1:]:
        assert known is not None
        told = found_again(known, body(texts))
        assert told is not None
        known = told[1]
        if known is None:
            known = made(texts)
        rest = known.rest(body(texts))
        assert rest is not None
        assert (rest.text, rest.gone, passed(rest.before), known.count) == (b"", (), ids(texts), len(texts))


def test_of_a_page_with_one_change_one_stretch_is_parsed() -> None:
    """Not the others."""
    texts = numbered(*range(MANY))
    changed = [*texts[: 2 * STRETCH + 3], b'{"id":"new"}', *texts[2 * STRETCH + 4 :]]
    rest = made(texts).rest(body(changed))
    assert rest is not None
    assert [*map(bytes, rest.connections)] == changed[2 * STRETCH : 3 * STRETCH]
    assert [len(part) for part in (rest.before, rest.gone, rest.after)] == [2, 1, 2]


def test_of_a_page_as_it_was_nothing_is_parsed() -> None:
    """And it stays the same."""
    known = made(numbered(*range(MANY)))
    rest = known.rest(body(numbered(*range(MANY))))
    assert rest is not None
    assert (rest.text, [*rest.connections]) == (b"", [])
    assert known.renewed(rest, [], []) is known


@pytest.mark.parametrize(
    "page",
    [
        b"",
        body(numbered(*range(MANY)))[:-1],
        body(numbered(*range(MANY))).replace(b'"total":7', b'"total":8'),
        body(numbered(*range(MANY))).replace(b"false", b"true"),
        body([b"", *numbered(*range(STRETCH, MANY))]),
        body(numbered(*range(MANY))).replace(b'"0"},', b'"0"}]'),
    ],
    ids=["empty", "torn", "another head", "another tail", "a comma too many", "a bracket for a comma"],
)
def test_another_page_is_left_to_a_parser(page: bytes) -> None:
    """Its envelope isn't as it was, or it is no list."""
    assert made(numbered(*range(MANY))).rest(page) is None


def test_a_list_that_ends_early_and_another_one_begin_nothing() -> None:
    """For a parser these are two lists, though all that was known stands there."""
    texts = numbered(*range(MANY))
    cut = body(texts).replace(b'"%d"},' % STRETCH, b'"%d"}],"of":[' % STRETCH)
    assert len(read(cut)) == STRETCH + 1
    assert made(texts).rest(cut) is None


def test_blanks_behind_what_changed_are_found_again() -> None:
    """They stand neither before a connection nor in one."""
    page = body(numbered(*range(MANY))).replace(b'"%d"},' % (STRETCH - 1), b'"new"} ,')
    texts = read(page)
    known = made(numbered(*range(MANY)))
    told = found_again(known, page)
    assert told is not None
    assert told[1] is not None
    rest = told[1].rest(page)
    assert rest is not None
    assert (rest.text, passed(rest.before)) == (b"", ids(texts))


def test_nothing_is_found_twice() -> None:
    """Of a list that says the same again and again, and is shorter now, no text counts as both its beginning and its end."""
    texts = [b'{"id":"0"}'] * MANY
    assert found_again(made(texts), body(texts[STRETCH + 3 :])) is not None


def test_what_comes_first_is_news() -> None:
    """A connection before all others: their texts are where they were not, but for the first stretch all are found."""
    rest = made(numbered(*range(MANY))).rest(body(numbered(MANY, *range(MANY))))
    assert rest is not None
    assert ([*map(bytes, rest.connections)], len(rest.after)) == (numbered(MANY, *range(STRETCH)), 4)


def test_few_connections_make_no_imprint() -> None:
    """What would be kept takes more room than it saves time."""
    texts = numbered(*range(FEWEST - 1))
    assert imprint(body(texts), texts, ids(texts)) is None


def test_a_page_that_grew_short_has_none_any_more() -> None:
    """As if it had been short from the beginning."""
    texts = numbered(*range(FEWEST))
    told = found_again(made(texts), body(texts[:-1]))
    assert told == (ids(texts[:-1]), None)


def test_a_page_in_splinters_is_made_anew() -> None:
    """One more connection at a time: before there are more stretches than are worth it, the page is parsed as a whole."""
    texts = [*numbered(*range(FEWEST))]
    known = made(texts)
    for number in range(FEWEST, 4 * FEWEST):
        texts += numbered(number)
        told = found_again(known, body(texts))
        assert told is not None
        known = told[1] or made(texts)
        assert len(known.stretches) <= 2 * len(texts) / STRETCH
