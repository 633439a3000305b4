"""Rows of counts."""

from __future__ import annotations

from connwatch.core.groups import Groups, Row

ROW: Row = ("stale", ("x",))


def test_a_row_stays_at_zero_while_that_is_the_truth() -> None:
    """And goes as soon as it no longer is; one that isn't zero stays anyway."""
    true_at_zero = {ROW}
    groups = Groups(true_at_zero.__contains__)
    assert groups.add({"stale": {("x",): 2}}) == [ROW]
    assert groups.add({"stale": {("x",): -1}}) == []
    assert groups.add({"stale": {("x",): -1}}) == [ROW]
    assert groups.get("stale") == {("x",): 0}
    true_at_zero.clear()
    groups.review([ROW])
    assert groups.get("stale") == {}
    groups.add({"stale": {("x",): 1}})
    groups.review([ROW])
    assert groups.get("stale") == {("x",): 1}


def test_a_row_is_there_at_zero_as_soon_as_that_is_the_truth() -> None:
    """Nothing has to be counted for that."""
    true_at_zero: set[Row] = set()
    groups = Groups(true_at_zero.__contains__)
    groups.review([ROW])
    assert groups.get("stale") == {}
    true_at_zero.add(ROW)
    groups.review([ROW])
    assert (groups.get("stale"), groups.dirty) == ({("x",): 0}, {"stale": {("x",)}})
