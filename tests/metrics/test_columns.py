"""Columns hold what was put, whatever came and went, plain and compressed."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.metrics.columns import JOINED, PACKED, PLACES, PORTION, Column, Places, member, stored

lines = st.binary(max_size=40).map(lambda body: body.replace(b"\n", b"") + b"\n")
moves = st.lists(st.tuples(st.integers(0, 300), st.one_of(st.just(b""), lines)), max_size=400)


def settled(column: Column, *, compressed: bool = False) -> list[bytes]:
    """All of it, with nothing left to be done."""
    while column.settle(gzip=compressed):
        continue
    return list(column.written(gzip=compressed))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(moves, st.integers(0, 4)), max_size=4))
def test_a_column_is_the_lines_that_it_was_given(batches: list[tuple[list[tuple[int, bytes]], int]]) -> None:
    """After any puts, settled by and by, exactly the live lines are written, in the order of their places within a chunk."""
    column, truth = Column(), dict[int, bytes]()
    for batch, steps in batches:
        for place, leaf in batch:
            column.put(place, leaf)
            truth[place] = leaf
            assert column.get(place) == leaf
        for _ in range(steps):
            column.settle(gzip=False)
        assert {place: column.get(place) for place in truth} == truth
    plain = settled(column)
    chunks = [
        b"".join(truth.get(place, b"") for place in range(start, start + PLACES)) for start in range(0, 301, PLACES)
    ]
    assert sorted(plain) == sorted(filter(None, chunks))
    packed = settled(column, compressed=True)
    assert [gzip.decompress(one) for one in packed] == plain


def test_what_did_not_change_is_not_made_again() -> None:
    """Chunks that were not touched are the same objects at the next scrape, compressed ones too; also where the same was put."""
    column = Column()
    for place in range(10 * PLACES):
        column.put(place, b"line %d\n" % place)
    before, packed = settled(column), settled(column, compressed=True)
    column.put(0, b"line zero\n")
    column.put(5 * PLACES, b"line %d\n" % (5 * PLACES))
    after, repacked = settled(column), settled(column, compressed=True)
    assert [one is two for one, two in zip(before, after, strict=True)] == [False] + 9 * [True]
    assert [one is two for one, two in zip(packed, repacked, strict=True)] == [False] + 9 * [True]


def test_a_scrape_under_way_is_not_disturbed() -> None:
    """Chunks that were handed out stay what they were, whatever is put afterwards."""
    column = Column()
    column.put(0, b"old\n")
    handed_out = settled(column)
    column.put(0, b"new\n")
    assert settled(column) == [b"new\n"]
    assert handed_out == [b"old\n"]


def test_places_that_became_free_are_used_again() -> None:
    """Coming and going leaves no trail of thin chunks: nobody has another's place, and the first free one is taken."""
    places = Places()
    taken = [places.take() for _ in range(200)]
    assert taken == list(range(200))
    for place in (150, 3, 70):
        places.give_back(place)
    assert [places.take() for _ in range(4)] == [3, 70, 150, 200]


@pytest.mark.parametrize("pack", [member, stored])
@pytest.mark.parametrize("text", [b"", b"a 1\n", b"x" * 65_535, b"x" * 65_536])
def test_members_follow_one_another(pack: object, text: bytes) -> None:
    """Compressed or stored, a member is gzip of its own, and many are the gzip of all."""
    assert callable(pack)
    assert gzip.decompress(pack(text)) == text
    assert gzip.decompress(pack(text) + member(b"end\n")) == text + b"end\n"


def test_a_step_is_a_short_one() -> None:
    """However many chunks have changed."""
    column = Column()
    for place in range(0, 20 * PLACES, PLACES):
        column.put(place, b"line\n")
    costs = [*iter(lambda: column.settle(gzip=True), 0)]
    assert sum(costs) == 20 * (JOINED + PACKED)
    assert max(costs) <= max(PORTION, PACKED)
