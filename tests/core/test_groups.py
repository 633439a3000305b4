"""Rows of counts."""

from __future__ import annotations

from connwatch.core.groups import Groups


def test_a_row_pinned_twice_stays_until_both_are_gone() -> None:
    """Pins count."""
    groups = Groups()
    row = ("stale", ("x",))
    groups.pin([row])
    groups.pin([row])
    groups.unpin([row])
    assert groups.get("stale") == {("x",): 0}
    groups.unpin([row])
    assert groups.get("stale") == {}
