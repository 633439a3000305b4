"""The ceiling: what is folded is predictable, stable, and loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.metrics.families import FAMILY
from connwatch.metrics.family import Value
from connwatch.metrics.folding import ALL, COUNTED, NOTHING_FOLDED, Census, Fold, Foldable, place, planning
from connwatch.metrics.tables import Table

INSTITUTIONS = FAMILY["connwatch_institution_connections"]
COMPANIES = FAMILY["connwatch_connections_stale"]
OLDEST = FAMILY["connwatch_connection_oldest_data_timestamp_seconds"]

names = st.one_of(st.integers(0, 200).map(lambda number: f"n{number}"), st.just("other"))
by_institution = st.dictionaries(
    st.tuples(st.sampled_from(["s", "t"]), st.just("p"), names, st.sampled_from(["healthy", "degraded", "expired"])),
    st.integers(0, 9).map(float),
    max_size=120,
)
by_company = st.dictionaries(
    st.tuples(st.sampled_from(["s", "t"]), st.just("p"), names, st.sampled_from(["web", "csv"])),
    st.integers(0, 9).map(float),
    max_size=120,
)
ROWS_OF_A_NAME = 8
"""The most that one name can have here, in two tables."""
Rows = Mapping[tuple[str, str, str, str], float]


def loosely(rows: Rows) -> dict[tuple[str, ...], Value]:
    """Rows as any table takes them."""
    return {(*labels,): value for labels, value in rows.items()}


def tables(institutions: Rows, companies: Rows) -> tuple[Table, Table, Table]:
    """Rows in tables, the oldest data beside the counts."""
    made = Table(INSTITUTIONS), Table(COMPANIES), Table(OLDEST)
    for table, rows in zip(made, (institutions, companies, companies), strict=True):
        table.replace(loosely(rows))
    return made


def census(institutions: Table, companies: Sequence[Table], *, fixed: int = 3, connections: int = 10) -> Census:
    """What the tables make."""
    rows: list[Foldable] = [row for table in companies for row in table.foldable()]
    return Census(fixed, connections, tuple(institutions.foldable()), tuple(rows))


def plan(told: Census, ceiling: int) -> Fold:
    """A folding, without a pause. However large the fleet, each bit of it is a small one."""
    bits = planning(told, ceiling)
    while True:
        try:
            assert next(bits) <= COUNTED * ROWS_OF_A_NAME
        except StopIteration as end:
            fold: Fold = end.value
            return fold


def shown(table: Table) -> dict[tuple[str, ...], float]:
    """The rows as a scrape tells them."""
    text = b"".join(table.written("text", 0.0, gzip=False)).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    assert len({labels for labels, _ in lines}) == len(lines)
    return {tuple(part.split('"')[0] for part in labels.split('="')[1:]): float(value) for labels, value in lines}


@settings(max_examples=60, deadline=None)
@given(by_institution, by_company, st.integers(0, 400))
def test_a_folded_fleet_fits_and_loses_nothing(institutions: Rows, companies: Rows, ceiling: int) -> None:
    """Sums are what they were, the oldest is the oldest, and the series are below the ceiling unless nothing more can be folded."""
    one, two, three = tables(institutions, companies)
    fold = plan(census(one, (two, three)), ceiling)
    for table in (one, two, three):
        table.fold(fold)
    rows = [shown(table) for table in (one, two, three)]
    assert sum(rows[0].values()) == sum(institutions.values())
    assert sum(rows[1].values()) == sum(companies.values())
    assert min(rows[2].values(), default=0.0) == min(companies.values(), default=0.0)
    series = 3 + (10 if fold.connections else 0) + sum(map(len, rows))
    assert [len(row) for row in rows] == [table.shown for table in (one, two, three)]
    assert series <= ceiling or all(labels[2] == "other" for row in rows for labels in row)
    if fold.connections:
        assert fold == NOTHING_FOLDED


@settings(max_examples=60, deadline=None)
@given(by_institution, by_company, st.integers(0, 400))
def test_the_order_is_connections_then_institutions_then_companies(
    institutions: Rows, companies: Rows, ceiling: int
) -> None:
    """Companies are folded only if all institutions are, and institutions only without connections."""
    one, two, three = tables(institutions, companies)
    fold = plan(census(one, (two, three)), ceiling)
    if fold.institutions < ALL:
        assert not fold.connections
    if fold.companies < ALL:
        one.fold(fold)
        assert all(labels[2] == "other" for labels in shown(one))


@settings(max_examples=60, deadline=None)
@given(by_institution, by_company, st.integers(0, 400))
def test_the_same_fleet_is_folded_the_same_way(institutions: Rows, companies: Rows, ceiling: int) -> None:
    """Neither the order of the rows nor chance has a say."""
    one, two, three = tables(institutions, companies)
    back = tables(dict(reversed(list(institutions.items()))), dict(reversed(list(companies.items()))))
    assert plan(census(one, (two, three)), ceiling) == plan(census(back[0], back[1:]), ceiling)


@settings(max_examples=60, deadline=None)
@given(by_institution, names, st.integers(10, 150))
def test_one_more_row_moves_few(institutions: Rows, name: str, ceiling: int) -> None:
    """A new institution takes the place of as many as it needs, and leaves the rest alone."""
    more = {**institutions, ("s", "p", name, "healthy"): 1.0}
    folds = [plan(census(tables(rows, {})[0], (), fixed=0, connections=0), ceiling) for rows in (institutions, more)]
    kept = [
        {labels[:3] for labels in institutions if place((labels[0], labels[2])) < fold.institutions} for fold in folds
    ]
    if folds[0].institutions < ALL:
        assert len(kept[0] ^ kept[1]) <= 4
    assert kept[1] <= kept[0]


@settings(max_examples=60, deadline=None)
@given(by_institution, st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.6, ALL]), by_institution), max_size=4))
def test_folding_row_by_row_is_folding_at_once(rows: Rows, later: list[tuple[float, Rows]]) -> None:
    """However rows and foldings came about, what is shown follows from the last of them."""
    lived = Table(INSTITUTIONS)
    lived.replace(loosely(rows))
    for cut, new in later:
        lived.fold(Fold(institutions=cut))
        shown(lived)
        lived.replace(loosely(new))
        fresh = Table(INSTITUTIONS)
        fresh.fold(Fold(institutions=cut))
        fresh.replace(loosely(new))
        assert shown(lived) == shown(fresh)
        assert (lived.shown, lived.folded) == (fresh.shown, fresh.folded)
