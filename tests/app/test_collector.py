"""When the garbage collector rests, and how often it looks."""

from __future__ import annotations

import gc
import weakref

import pytest

from connwatch.app.collector import SELDOM, at_rest, clear_out, passing_over, seldom


def test_it_rests_and_goes_on() -> None:
    """Whatever happens meanwhile."""
    with pytest.raises(ZeroDivisionError), at_rest():
        1 / 0  # noqa: B018 - what is read is broken
    assert gc.isenabled()
    with at_rest():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off() -> None:
    """It isn't ours to switch on."""
    gc.disable()
    try:
        with at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_looks_less_often_and_then_as_before() -> None:
    """Whatever happens meanwhile."""
    usual = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), seldom():
        1 / 0  # noqa: B018 - what runs is broken
    assert gc.get_threshold() == usual
    with seldom():
        assert gc.get_threshold() == (SELDOM, *usual[1:])
    assert gc.get_threshold() == usual


class Loop:
    """What holds itself, so that only the collector can take it away."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_is_passed_over_as_long_as_it_is_told_to() -> None:
    """What comes later is collected as ever."""
    old = weakref.ref(Loop())
    with passing_over():
        new = weakref.ref(Loop())
        gc.collect()
        assert old() is not None
        assert new() is None
    gc.collect()
    assert old() is None


def test_it_looks_again_at_everything_whatever_happened() -> None:
    """Also where what ran is broken."""
    with pytest.raises(ZeroDivisionError), passing_over():
        1 / 0  # noqa: B018 - what runs is broken
    assert gc.get_freeze_count() == 0


def test_what_is_cleared_out_may_be_of_any_age() -> None:
    """Even what was passed over before; and what is left then is passed over."""
    old = weakref.ref(Loop())
    with passing_over():
        left = Loop()
        clear_out()
        assert old() is None
        gone = weakref.ref(left)
        del left
        gc.collect()
        assert gone() is not None
    gc.collect()
    assert gone() is None
