"""When the garbage collector rests, and how often it looks."""

from __future__ import annotations

import gc

import pytest

from connwatch.app.collector import SELDOM, at_rest, seldom


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
