"""Our own health: sources, quota, coverage, requests, store, process."""

from __future__ import annotations

from collections.abc import Mapping

from grafana.panels import Dashboard, Panel, Query, Row, Steps
from grafana.process import PROCESS
from grafana.wording import ALL_IS_GOOD, COUNT, JOB, ONE_IS_GOOD, RATE, SOURCE, J, S, number


def _at_a_glance(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "none",
    steps: Steps = ONE_IS_GOOD,
    words: Mapping[float, str] | None = None,
    width: int = 4,
) -> Panel:
    """A state in a word or a number, of all together or of each source."""
    return Panel(title, description, unit, (query,), "stat", width, 4, steps=steps, words=words or {}, decimals=0)


_NOW = Row(
    "Now",
    (
        _at_a_glance(
            "Sources",
            "Up while a source answers and accepts our credential.",
            Query(f"min by (source) (connwatch_source_up{{{S}}})", "{{source}}"),
            words={0.0: "down", 1.0: "up"},
            width=6,
        ),
        _at_a_glance(
            "Coverage",
            "Share of companies or users whose last complete poll is younger than 1.5 intervals.",
            Query(f"min by (source) (connwatch_sweep_coverage_ratio{{{S}}})", "{{source}}"),
            unit="percentunit",
            steps=ALL_IS_GOOD,
            width=6,
        ),
        _at_a_glance(
            "Store",
            "Whether every replica can save what it learns.",
            Query(f"min(connwatch_store_up{{{J}}})"),
            words={0.0: "failing", 1.0: "saving"},
        ),
        _at_a_glance(
            "Configuration",
            "Whether the last reload was good at every replica; if it was refused, the one before it is in force.",
            Query(f"min(connwatch_config_last_reload_successful{{{J}}})"),
            words={0.0: "refused", 1.0: "loaded"},
        ),
        number(
            "Series folded",
            "Series that the ceiling `metrics.max_series` has folded into others: above 0 the picture is coarser than configured.",
            f"sum(connwatch_series_folded{{{J}}})",
            width=4,
        ),
    ),
)

_POLLING = Row(
    "Polling",
    (
        Panel(
            "Polls that fail",
            "Share of all polls. A poll that failed keeps what was known before; not_found is an answer, not a failure.",
            "percentunit",
            (
                Query(
                    f'sum by (source) (rate(connwatch_polls_total{{{S}, outcome!~"ok|not_found"}}{RATE})) '
                    f"/ sum by (source) (rate(connwatch_polls_total{{{S}}}{RATE}))",
                    "{{source}}",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Polls by outcome",
            "A minute. What failures are made of: auth and forbidden are our key, throttled the quota, the rest the network or the provider.",
            "opm",
            (
                Query(
                    f"60 * sum by (source, outcome) (rate(connwatch_polls_total{{{S}}}{RATE})) > 0",
                    "{{source}} {{outcome}}",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Poll lag",
            "How late the most overdue target is, against its poll interval. Above the interval the quota is too small.",
            "s",
            (
                Query(f"max by (source) (connwatch_poll_lag_seconds{{{S}}})", "{{source}}"),
                Query(f"max by (source) (connwatch_poll_interval_seconds{{{S}}})", "{{source}}, interval", limit=True),
            ),
            minimum=0.0,
        ),
        Panel(
            "Targets that are not fresh",
            "Companies and users whose last complete poll is late, older than 1.5 intervals; lost, older than 4; or new, none yet.",
            COUNT,
            (Query(f'sum by (source, state) (connwatch_targets{{{S}, state!="fresh"}})', "{{source}} {{state}}"),),
            minimum=0.0,
            decimals=0,
        ),
        Panel(
            "Since everything was seen",
            "Time since the last instant from which on every target was polled completely, and every list of targets read.",
            "s",
            (
                Query(
                    f"time() - min by (source) (connwatch_sweep_last_complete_timestamp_seconds{{{S}}})",
                    "{{source}}, targets",
                ),
                Query(
                    f"time() - max by (source) (connwatch_discovery_last_complete_timestamp_seconds{{{S}}})",
                    "{{source}}, lists",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Held as vanished",
            "Connections that the last listing lacked: still counted, and removed when the next one lacks them too.",
            COUNT,
            (Query(f"sum by (source) (connwatch_vanished_held{{{S}}})", "{{source}}"),),
            minimum=0.0,
            decimals=0,
        ),
    ),
)

_REQUESTS = Row(
    "Requests and quota",
    (
        Panel(
            "Use of the quota",
            "Requests in a minute as a share of the configured limit, and what is allowed: all of it, less while the provider throttles.",
            "percentunit",
            (
                Query(
                    f"60 * sum by (source) (rate(connwatch_requests_total{{{S}}}{RATE})) "
                    f"/ max by (source) (connwatch_quota_limit_per_minute{{{S}}})",
                    "{{source}}",
                ),
                Query(f"min by (source) (connwatch_quota_factor{{{S}}})", "{{source}}, allowed", limit=True),
            ),
            minimum=0.0,
        ),
        Panel(
            "Requests by endpoint and answer",
            "A minute. A code of none is a request without an answer.",
            "reqpm",
            (
                Query(
                    f"60 * sum by (source, endpoint, code) (rate(connwatch_requests_total{{{S}}}{RATE})) > 0",
                    "{{source}} {{endpoint}} {{code}}",
                ),
            ),
            stacked=True,
            minimum=0.0,
        ),
        Panel(
            "Time of requests, 95 %",
            "19 of 20 requests are answered within this.",
            "s",
            (
                Query(
                    "histogram_quantile(0.95, sum by (source, endpoint, le) "
                    f"(rate(connwatch_request_duration_seconds_bucket{{{S}}}{RATE})))",
                    "{{source}} {{endpoint}}",
                ),
            ),
            minimum=0.0,
        ),
        Panel(
            "Requests that wait for the quota",
            "How many, on average. More and more of them: the quota is too small for the poll interval.",
            "short",
            (Query(f"sum by (source) (rate(connwatch_quota_wait_seconds_total{{{S}}}{RATE}))", "{{source}}"),),
            minimum=0.0,
        ),
    ),
)

_ODDITIES = Row(
    "What is odd",
    (
        Panel(
            "Undocumented values",
            "Within the hour before, by field: changes of a connection into a value that the provider's documents don't list. "
            "Never a failure, always worth a look.",
            COUNT,
            (
                Query(
                    f"round(sum by (source, field) (increase(connwatch_unknown_values_total{{{S}}}[1h]))) > 0",
                    "{{source}} {{field}}",
                ),
            ),
            height=7,
            minimum=0.0,
            decimals=0,
        ),
        Panel(
            "Tokens end",
            "Renewed at four fifths of their life: a time that has passed is a token that can't be had.",
            "dateTimeFromNow",
            (Query(f"1000 * min by (source) (connwatch_token_expires_timestamp_seconds{{{S}}})", "{{source}}"),),
            "stat",
            6,
            7,
        ),
        Panel(
            "Clock skew",
            "How far each provider's clock is ahead of ours. Beyond a minute, check our own.",
            "s",
            (Query(f"max by (source) (connwatch_clock_skew_seconds{{{S}}})", "{{source}}"),),
            "stat",
            6,
            7,
            decimals=1,
        ),
    ),
)

OPERATIONS = Dashboard(
    "connwatch-operations",
    "connwatch / Operations",
    "Our own health: sources, quota, coverage, requests, store, process.",
    (_NOW, _POLLING, _REQUESTS, _ODDITIES, PROCESS),
    (JOB, SOURCE),
)
