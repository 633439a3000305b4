"""What a source will cost: requests, time, share of the quota, series."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.fleet import Fleet
from connwatch.core.forecast import Forecast, all_fit, expected_series, forecast
from connwatch.core.quota import Rule
from connwatch.core.step import step
from connwatch.core.tally import Tally
from tests.core.cast import NO_FACTS, NOW, POLICY, Item, polled, target

RULE = Rule(per_minute=60.0, burst=5, max_in_flight=4)


def of(requests: int, *, sizes: Sequence[int] | None = None, per_connection: bool = False) -> Forecast:
    """The forecast of a source with ten targets in one company."""
    return forecast(
        POLICY, RULE, targets=10, companies=1, sizes=sizes, requests=requests, per_connection=per_connection
    )


@given(st.integers(0, 100_000))
def test_a_sweep_fits_if_it_is_done_within_the_interval(requests: int) -> None:
    """At a request a second, an interval of half an hour holds 1800 requests and not one more."""
    one = of(requests)
    assert one.sweep_seconds == pytest.approx(requests)
    assert one.share == pytest.approx(requests / 1800)
    assert one.fits == (requests <= 1800)


def test_the_interval_that_would_do() -> None:
    """As long as a sweep takes, and never less than a second."""
    assert of(3600).possible_interval == 3600
    assert of(0).possible_interval == 1.0


def test_connections_that_nobody_counted_are_unknown() -> None:
    """Not known is not none."""
    assert of(10).connections is None
    assert of(10, sizes=()).connections == 0
    assert of(10, sizes=(3, 4)).connections == 7


def test_series_for_each_connection_come_on_top() -> None:
    """Five each, where they are wanted and counted."""
    plain = of(10, sizes=(3, 4)).series
    assert of(10, sizes=(3, 4), per_connection=True).series == plain + 35
    assert of(10, per_connection=True).series == plain


def test_all_fit_if_each_does() -> None:
    """One source that can't keep up is enough."""
    assert all_fit([of(10), of(1800)])
    assert not all_fit([of(10), of(1801)])
    assert all_fit([])


def test_more_companies_are_more_series() -> None:
    """Each company costs the same; what a source has once, it has once."""
    one, two, three = (expected_series(POLICY, companies) for companies in (1, 2, 3))
    assert three - two == two - one > 0
    assert one > two - one


def test_no_fewer_rows_than_a_first_sweep_shows() -> None:
    """The estimate holds what is really there after a company's first complete poll."""
    fleet = Fleet()
    book = fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
    items = [
        Item(f"{kind}{status}", kind=kind, status=status) for kind in POLICY.stale_after for status in ("ok", "bad")
    ]
    fleet.apply("bank", step(target(), polled(*items), POLICY, NO_FACTS, NOW))
    shown = ("connections", "stuck", "paused", "judged", "stale", "never_updated")
    rows = sum(len(fleet.groups.get(group)) for group in shown) + len(dict(fleet.oldest.items()))
    counters = len([key for key in book.tally.shown if key[0] != "repair"])
    assert rows + counters <= expected_series(POLICY, 1)
    without = replace(POLICY, pause=None)
    assert expected_series(without, 1) == expected_series(POLICY, 1) - 1
