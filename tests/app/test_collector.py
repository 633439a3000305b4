"""When the garbage collector rests."""

from __future__ import annotations

import gc

import pytest

from connwatch.app.collector import at_rest


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
