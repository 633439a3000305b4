"""What we write and what prometheus-client writes of the same values is the same, in each format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from connwatch.core.groups import Labels
from connwatch.metrics.families import FAMILY
from connwatch.metrics.family import Family, Present, Value
from connwatch.metrics.folding import ALL_FOLDED
from connwatch.metrics.lines import Format
from connwatch.metrics.present import table
from connwatch.metrics.tables import Table
from tests.metrics.scene import NASTY

NOW = 1000.0
FAMILIES = [
    FAMILY[name]
    for name in (
        "connwatch_connections",
        "connwatch_connection_transitions_total",
        "connwatch_connection_repair_seconds",
        "connwatch_consent_remaining_seconds",
        "connwatch_connection_data_age_seconds",
    )
]
values = st.one_of(
    st.sampled_from([NASTY, "", "\\", '"', "\n", "\\n", "a,b={}"]), st.text(max_size=8).filter(str.isprintable)
)
Rows = dict[tuple[str, ...], Value]


def rows_of(family: Family) -> st.SearchStrategy[Rows]:
    """Rows of a family, with any labels."""
    labels = st.tuples(*[values for _ in family.labels])
    counts = [st.integers(0, 5).map(float) for _ in family.bounds]
    if not family.bounds:
        return st.dictionaries(labels, st.floats(0, 1e12), max_size=4)
    parts = st.tuples(st.integers(0, 5).map(float), st.integers(0, 10**13).map(float))
    if not isinstance(family.source, Present):
        parts = st.tuples(st.floats(0, 1e9))  # type: ignore[assignment]
    return st.dictionaries(labels, st.tuples(st.tuples(*counts), parts).map(lambda two: (*two[0], *two[1])), max_size=4)


class Theirs(Collector):
    """The same rows, told by prometheus-client."""

    def __init__(self, family: Family, rows: Mapping[tuple[str, ...], Value]) -> None:
        self._family = family
        self._rows = rows

    def collect(self) -> Iterable[Metric]:
        """One family."""
        family = self._family
        name, said, labels = family.name, family.help, family.labels
        if family.kind in {"gauge", "counter"}:
            plain = (GaugeMetricFamily if family.kind == "gauge" else CounterMetricFamily)(name, said, labels=labels)
            for key, value in self._rows.items():
                assert isinstance(value, float)
                plain.add_metric(key, value)
            yield plain
        elif family.kind == "histogram":
            histogram = HistogramMetricFamily(name, said, labels=labels)
            for key, value in self._rows.items():
                assert isinstance(value, tuple)
                histogram.add_metric(key, spans(family, value), sum_value=value[-1])
            yield histogram
        else:
            assert isinstance(family.source, Present)
            present = GaugeHistogramMetricFamily(name, said, labels=labels)
            for key, value in self._rows.items():
                assert isinstance(value, tuple)
                total = family.source.sign * (value[-1] / 1000 - value[-2] * NOW)
                present.add_metric(key, spans(family, value), gsum_value=max(0.0, total))
            yield present


def spans(family: Family, value: tuple[float, ...]) -> list[tuple[str, float]]:
    """Cumulative buckets."""
    counts = accumulate(value[: len(family.bounds)])
    return [(floatToGoString(bound), count) for bound, count in zip(family.bounds, counts, strict=True)]  # type: ignore[no-untyped-call]


def meant(text: str, format_: Format) -> list[tuple[object, ...]]:
    """What a body means to a strict parser; order counts only within a family."""
    families = read_openmetrics(text) if format_ == "openmetrics" else read_text(text)  # type: ignore[no-untyped-call]
    return sorted(
        (one.name, one.type, one.documentation, [(sample.name, sample.labels, sample.value) for sample in one.samples])
        for one in families
    )


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FAMILIES).flatmap(lambda family: st.tuples(st.just(family), rows_of(family))))
def test_ours_means_what_theirs_means(drawn: tuple[Family, Rows]) -> None:
    """Gauges, counters, histograms and histograms of the present, with any labels, in the text format and in OpenMetrics."""
    family, rows = drawn
    ours = table(family)
    ours.replace(rows)
    registry = CollectorRegistry()
    if rows:
        registry.register(Theirs(family, rows))
    text = b"".join(ours.written("text", NOW, gzip=False)).decode()
    assert meant(text, "text") == meant(generate_latest(registry).decode(), "text")
    assert meant(text, "text") or not rows
    modern = b"".join(ours.written("openmetrics", NOW, gzip=False)).decode() + "# EOF\n"
    assert meant(modern, "openmetrics") == meant(generate_openmetrics(registry).decode(), "openmetrics")  # type: ignore[no-untyped-call]


def test_half_a_surrogate_pair_does_not_break_a_scrape() -> None:
    """A provider's JSON may name what UTF-8 can't write."""
    ours = table(FAMILY["connwatch_connections_paused"])
    ours.put(("s", "p", "half \ud83d"), 1.0)
    assert 'company="half ?"' in b"".join(ours.written("text", NOW, gzip=False)).decode()


def test_a_family_without_rows_is_not_there() -> None:
    """Missing is absent: no heading without a row, also after the last one went."""
    ours = table(FAMILY["connwatch_consent_remaining_seconds"])
    ours.put(("s", "p", "c", "reauth"), (0.0,) * 11)
    assert list(ours.written("text", NOW, gzip=False))
    ours.put(("s", "p", "c", "reauth"), None)
    assert not list(ours.written("text", NOW, gzip=False))


def test_rows_that_somebody_else_keeps_are_shown_as_they_are() -> None:
    """There is no copy of them: what is touched is written as it is by then, and what is gone is gone."""
    kept: dict[Labels, int] = {("s", "p", "c"): 1, ("s", "p", "d"): 2}
    ours = table(FAMILY["connwatch_connections_paused"])
    ours.reflect(kept)
    for labels in kept:
        ours.touch(labels)
    assert lines(ours) == {'company="c"} 1.0', 'company="d"} 2.0'}
    kept["s", "p", "c"] = 3
    del kept["s", "p", "d"]
    ours.touch(("s", "p", "c"))
    ours.touch(("s", "p", "d"))
    assert lines(ours) == {'company="c"} 3.0'}


def test_what_is_folded_may_go_before_it_is_touched() -> None:
    """Whoever keeps the rows is ahead: what is left is summed, and when nothing is left, nothing is shown."""
    kept: dict[Labels, int] = {("s", "p", "c"): 1, ("s", "p", "d"): 2}
    ours = table(FAMILY["connwatch_connections_paused"])
    ours.reflect(kept)
    ours.fold(ALL_FOLDED)
    assert lines(ours) == {'company="other"} 3.0'}
    del kept["s", "p", "c"]
    ours.touch(("s", "p", "d"))
    assert lines(ours) == {'company="other"} 2.0'}
    kept.clear()
    ours.touch(("s", "p", "d"))
    ours.touch(("s", "p", "c"))
    assert (lines(ours), ours.folded) == (set(), 0)


def lines(ours: Table) -> set[str]:
    """What is shown, from the company on."""
    text = b"".join(ours.written("text", NOW, gzip=False)).decode()
    return {line.partition('provider="p",')[2] for line in text.splitlines() if not line.startswith("#")}
