"""Chunks hold what was put, whatever came and went, plain and compressed."""

from __future__ import annotations

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.metrics import chunks
from connwatch.metrics.chunks import LIMIT, Sheet

leaves = st.binary(max_size=40).map(lambda body: body.replace(b"\n", b"") + b"\n")
moves = st.lists(st.tuples(st.integers(0, 300), st.one_of(st.just(b""), leaves)), max_size=400)


@settings(max_examples=60, deadline=None)
@given(st.lists(moves, max_size=4))
def test_a_sheet_is_the_leaves_that_it_was_given(batches: list[list[tuple[int, bytes]]]) -> None:
    """After any puts and drops, with scrapes between them, exactly the live leaves are written."""
    sheet, truth = Sheet(), dict[int, bytes]()
    for batch in batches:
        for key, leaf in batch:
            sheet.put(key, leaf)
            truth[key] = leaf
        plain = b"".join(sheet.written(gzip=False))
        assert sorted(plain.splitlines()) == sorted(b"".join(truth.values()).splitlines())
        assert gzip.decompress(b"".join(sheet.written(gzip=True)) or gzip.compress(b"")) == plain


def test_what_did_not_change_is_not_made_again() -> None:
    """Chunks that were not touched are the same objects at the next scrape, compressed ones too."""
    sheet = Sheet()
    for key in range(10 * chunks.LEAVES):
        sheet.put(key, b"line %d\n" % key)
    before, packed = list(sheet.written(gzip=False)), list(sheet.written(gzip=True))
    sheet.put(0, b"line zero\n")
    sheet.put(5 * chunks.LEAVES, b"line %d\n" % (5 * chunks.LEAVES))
    after, repacked = list(sheet.written(gzip=False)), list(sheet.written(gzip=True))
    assert [one is two for one, two in zip(before, after, strict=True)] == [False] + 9 * [True]
    assert [one is two for one, two in zip(packed, repacked, strict=True)] == [False] + 9 * [True]


def test_a_scrape_under_way_is_not_disturbed() -> None:
    """Pieces that were handed out stay what they were, whatever is put afterwards."""
    sheet = Sheet()
    sheet.put("a", b"old\n")
    handed_out = list(sheet.written(gzip=False))
    sheet.put("a", b"new\n")
    assert list(sheet.written(gzip=False)) == [b"new\n"]
    assert handed_out == [b"old\n"]


def test_places_that_became_free_are_used_again() -> None:
    """Coming and going leaves no trail of thin chunks."""
    sheet = Sheet()
    for key in range(20 * chunks.LEAVES):
        sheet.put(key, b"x\n")
        sheet.put(key - 10, b"")
    assert len(list(sheet.written(gzip=False))) == 1


def test_no_piece_is_too_long_to_be_written_at_once() -> None:
    """One huge leaf is written in pieces."""
    sheet = Sheet()
    sheet.put("a", b"x" * (3 * LIMIT) + b"\n")
    written = list(sheet.written(gzip=False))
    assert max(map(len, written)) <= LIMIT
    assert b"".join(written) == b"x" * (3 * LIMIT) + b"\n"
    assert gzip.decompress(b"".join(sheet.written(gzip=True))) == b"".join(written)
