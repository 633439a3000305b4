"""The families about ourselves: how sources are being watched, and what this process does. Part of `families.FAMILIES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from connwatch.core.model import NEVER
from connwatch.metrics import live
from connwatch.metrics.family import Computed, Family, Kind, Recorded, Row, View

_SOURCE: Final = ("source", "provider")

REQUEST_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, NEVER)
COMMIT_BOUNDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, NEVER)


def _live(name: str, help_: str, rows: Callable[[View], Iterable[Row]], labels: tuple[str, ...] = _SOURCE) -> Family:
    return Family(name, "gauge", help_, labels, "live", Computed(rows))


def _recorded(name: str, help_: str, labels: tuple[str, ...] = (), bounds: tuple[float, ...] = ()) -> Family:
    kind: Kind = "histogram" if bounds else "counter" if name.endswith("_total") else "gauge"
    return Family(name, kind, help_, labels, "process", Recorded(), bounds=bounds)


WATCHING: Final = (
    _live("connwatch_source_up", "1 while the source answers and accepts our credential.", live.up),
    _live(
        "connwatch_targets",
        "Companies or users by their last complete poll: fresh, late (1.5 intervals), lost (4), or new (none yet).",
        live.targets,
        (*_SOURCE, "state"),
    ),
    _live(
        "connwatch_sweep_coverage_ratio",
        "Share of targets whose last complete poll is younger than one and a half intervals.",
        live.coverage,
    ),
    _live(
        "connwatch_sweep_last_complete_timestamp_seconds",
        "Unix time since which every target was polled completely at least once.",
        live.complete_since,
    ),
    _live(
        "connwatch_discovery_last_complete_timestamp_seconds",
        "Unix time at which companies, users and institution status were last read completely.",
        live.discovered_at,
    ),
    _live("connwatch_poll_lag_seconds", "How late the most overdue target is.", live.lag),
    _live("connwatch_poll_interval_seconds", "Configured time between two polls of a target.", live.poll_interval),
    _live("connwatch_quota_limit_per_minute", "Requests a minute, as configured.", live.quota_limit),
    _live(
        "connwatch_quota_factor",
        "Share of the quota that is in force: 1, and less while the provider throttles.",
        live.quota_factor,
    ),
    _live("connwatch_series_folded", "Series that the ceiling hides, by family.", live.folded, ("family",)),
)

PROCESS: Final = (
    _recorded("connwatch_polls_total", "Polls of a company or user by their outcome.", (*_SOURCE, "outcome")),
    _recorded("connwatch_requests_total", "Requests by endpoint and status code.", (*_SOURCE, "endpoint", "code")),
    _recorded(
        "connwatch_request_duration_seconds",
        "Time from the start of a request to the end of its answer.",
        (*_SOURCE, "endpoint"),
        REQUEST_BOUNDS,
    ),
    _recorded("connwatch_quota_wait_seconds_total", "Time that requests waited for the quota.", _SOURCE),
    _recorded("connwatch_token_expires_timestamp_seconds", "Unix time at which the token in use expires.", _SOURCE),
    _recorded("connwatch_clock_skew_seconds", "How far the provider's clock is ahead of ours.", _SOURCE),
    _recorded("connwatch_store_up", "1 while the store can commit."),
    _recorded("connwatch_store_commit_duration_seconds", "Time that a commit of a batch took.", bounds=COMMIT_BOUNDS),
    _recorded("connwatch_store_errors_total", "Commits that failed."),
    _recorded("connwatch_config_last_reload_successful", "1 if the last reading of the configuration was successful."),
    _recorded(
        "connwatch_config_last_reload_success_timestamp_seconds",
        "Unix time of the last successful reading of the configuration.",
    ),
    _recorded("connwatch_config_info", "Hash of the configuration in force, without its secrets; always 1.", ("hash",)),
    _recorded("connwatch_shards", "Shards into which the targets are divided."),
    _recorded("connwatch_shards_owned", "Shards that this replica works on."),
    _recorded(
        "connwatch_build_info", "Version of connwatch, and of the Python that runs it; always 1.", ("version", "python")
    ),
)
