"""What this process does, counted by prometheus-client in a registry of its own: polls, requests, store, configuration, and Python itself."""

from __future__ import annotations

from platform import python_version
from typing import Final, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

from connwatch.core.model import Outcome
from connwatch.metrics.families import FAMILIES
from connwatch.metrics.family import Family, Kind

Metric = TypeVar("Metric", bound=MetricWrapperBase)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


class ProcessRecorder:
    """Implements `core.ports.Recorder`. `registry` holds what was counted."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._gauges = {one.name: Gauge(one.name, one.help, one.labels, registry=None) for one in _families("gauge")}
        self._counters = {
            one.name: Counter(one.name, one.help, one.labels, registry=None) for one in _families("counter")
        }
        self._histograms = {
            one.name: Histogram(one.name, one.help, one.labels, registry=None, buckets=one.bounds)
            for one in _families("histogram")
        }
        self._exposed: set[MetricWrapperBase] = set()
        self._counted: dict[tuple[str, ...], Counter] = {}
        self._observed: dict[tuple[str, ...], Histogram] = {}
        """By name and labels, what was found once: each request wants some of it."""
        self._gauge("connwatch_build_info", version, python_version()).set(1)
        self._gauge("connwatch_shards").set(1)
        self._gauge("connwatch_shards_owned").set(1)
        self._counter("connwatch_store_errors_total")

    def watch(self, source: str, provider: str) -> None:
        """A source is at work: each outcome starts at zero, so that its first rise is seen (decisions.md 19)."""
        for outcome in OUTCOMES:
            self._counter("connwatch_polls_total", source, provider, outcome)
        self._counter("connwatch_quota_wait_seconds_total", source, provider)

    def requested(self, source: str, provider: str, endpoint: str, code: str, seconds: float) -> None:
        """A request ended; `code` is its status, or `none`."""
        self._counter("connwatch_requests_total", source, provider, endpoint, code).inc()
        self._histogram("connwatch_request_duration_seconds", source, provider, endpoint).observe(seconds)

    def polled(self, source: str, provider: str, outcome: Outcome) -> None:
        """A poll ended."""
        self._counter("connwatch_polls_total", source, provider, outcome).inc()

    def waited(self, source: str, provider: str, seconds: float) -> None:
        """A request waited for the quota."""
        self._counter("connwatch_quota_wait_seconds_total", source, provider).inc(seconds)

    def token(self, source: str, provider: str, expires_at: float) -> None:
        """A token was obtained."""
        self._gauge("connwatch_token_expires_timestamp_seconds", source, provider).set(expires_at)

    def skewed(self, source: str, provider: str, seconds: float) -> None:
        """The provider's clock differs from ours by that much."""
        self._gauge("connwatch_clock_skew_seconds", source, provider).set(seconds)

    def committed(self, seconds: float) -> None:
        """The store committed a batch."""
        self._histogram("connwatch_store_commit_duration_seconds").observe(seconds)

    def store_up(self, up: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """The store can, or can't, commit."""
        self._gauge("connwatch_store_up").set(up)

    def store_failed(self) -> None:
        """The store failed to commit."""
        self._counter("connwatch_store_errors_total").inc()

    def reloaded(self, ok: bool, at: float, digest: str) -> None:  # noqa: FBT001 - the one thing that it says
        """The configuration was read: `digest` is of the plan in force, without secrets."""
        self._gauge("connwatch_config_last_reload_successful").set(ok)
        if ok:
            self._gauge("connwatch_config_last_reload_success_timestamp_seconds").set(at)
        self._gauges["connwatch_config_info"].clear()
        self._gauge("connwatch_config_info", digest).set(1)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        return self._child(self._gauges[name], labels)

    def _counter(self, *key: str) -> Counter:
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = self._child(self._counters[key[0]], key[1:])
        return found

    def _histogram(self, *key: str) -> Histogram:
        found = self._observed.get(key)
        if found is None:
            found = self._observed[key] = self._child(self._histograms[key[0]], key[1:])
        return found

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> Metric:
        """The series of these labels. A family is exposed from its first word on: before that it is absent, not 0."""
        if metric not in self._exposed:
            self._exposed.add(metric)
            self.registry.register(metric)
        return metric.labels(*labels) if labels else metric


def _families(kind: Kind) -> list[Family]:
    return [family for family in FAMILIES if family.scope == "process" and family.kind == kind]
