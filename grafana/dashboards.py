"""The four dashboards, as data. `python grafana/dashboards.py` writes the JSON files beside this one; a test compares them."""

from __future__ import annotations

import json
from pathlib import Path

from panels import Dashboard, Panel, Query, Row, Variable

SOURCE = Variable("source", "Source", "label_values(connwatch_targets, source)")
COMPANY = Variable("company", "Company", 'label_values(connwatch_connections{source=~"$source"}, company)')
INSTITUTION = Variable(
    "institution", "Institution", 'label_values(connwatch_institution_connections{source=~"$source"}, institution)'
)
GREEN, AMBER, RED = "green", "orange", "red"
NONE_IS_GOOD = ((None, GREEN), (1.0, AMBER))
ALL_IS_GOOD = ((None, RED), (0.9, AMBER), (0.99, GREEN))
S = 'source=~"$source"'
SC = f'{S}, company=~"$company"'
SI = f'{S}, institution=~"$institution"'
USER = 'condition=~"action_required|expired"'
NAMED = f"* on (source, provider, institution) group_left (name) connwatch_institution_info{{{S}}}"


def count(
    title: str, description: str, expr: str, *, steps: tuple[tuple[float | None, str], ...] = NONE_IS_GOOD
) -> Panel:
    """One number of connections."""
    return Panel(title, description, "short", (Query(expr),), kind="stat", width=4, height=4, steps=steps, decimals=0)


FLEET = Dashboard(
    "connwatch-fleet",
    "connwatch / Fleet",
    "Is everything fine, who must act, and what changed today?",
    (
        Row(
            "Now",
            (
                count(
                    "Connections",
                    "All connections that are watched.",
                    f"sum(connwatch_connections{{{S}}})",
                    steps=((None, "text"),),
                ),
                Panel(
                    "Healthy",
                    "Share of connections that work. Inactive and muted ones count for none.",
                    "percentunit",
                    (
                        Query(
                            f'sum(connwatch_connections{{{S}, condition="healthy"}}) / '
                            f'sum(connwatch_connections{{{S}, condition!~"inactive|muted"}})'
                        ),
                    ),
                    kind="stat",
                    width=4,
                    height=4,
                    steps=((None, RED), (0.8, AMBER), (0.95, GREEN)),
                    decimals=1,
                ),
                count(
                    "End users must act",
                    "Connections that wait for a password, a code or a consent of their user.",
                    f"sum(connwatch_connections{{{S}, {USER}}}) or vector(0)",
                ),
                count(
                    "Institutions in trouble",
                    "Connections that wait for an institution; retried by the provider.",
                    f'sum(connwatch_connections{{{S}, condition="degraded"}}) or vector(0)',
                ),
                count(
                    "Without fresh data",
                    "Connections whose data is older than their kind allows, whatever their status says.",
                    f"sum(connwatch_connections_stale{{{S}}}) + sum(connwatch_connections_never_updated{{{S}}})",
                ),
                Panel(
                    "Coverage",
                    "Share of companies and users that were looked at in time: how far the other numbers can be trusted.",
                    "percentunit",
                    (Query(f"min(connwatch_sweep_coverage_ratio{{{S}}})"),),
                    kind="stat",
                    width=4,
                    height=4,
                    steps=ALL_IS_GOOD,
                    decimals=0,
                ),
            ),
        ),
        Row(
            "Who must act",
            (
                Panel(
                    "By company, end users",
                    "Companies with the most connections that wait for their user. Ask these users to sign in again.",
                    "short",
                    (Query(f"topk(15, sum by (source, company) (connwatch_connections{{{S}, {USER}}}))"),),
                    kind="table",
                    columns={"source": "Source", "company": "Company", "Value": "Connections"},
                ),
                Panel(
                    "By institution, not working",
                    "Institutions with the most connections that wait for them: an outage, if it is most of theirs.",
                    "short",
                    (
                        Query(
                            "topk(15, (sum by (source, provider, institution) "
                            f'(connwatch_institution_connections{{{S}, condition="degraded"}}) {NAMED}))'
                        ),
                    ),
                    kind="table",
                    columns={
                        "source": "Source",
                        "provider": "Provider",
                        "name": "Institution",
                        "institution": "Id",
                        "Value": "Connections",
                    },
                ),
            ),
        ),
        Row(
            "Over time",
            (
                Panel(
                    "Connections by condition",
                    "What the raw statuses come down to, and so who has to act.",
                    "short",
                    (Query(f"sum by (condition) (connwatch_connections{{{S}}})", "{{condition}}"),),
                    stacked=True,
                ),
                Panel(
                    "Changes in 24 hours",
                    "How often connections changed from one condition to another. Breaking and mending in balance is daily life.",
                    "short",
                    (
                        Query(
                            "topk(15, sum by (from, to) "
                            f"(increase(connwatch_connection_transitions_total{{{S}}}[24h]))) > 0"
                        ),
                    ),
                    kind="table",
                    columns={"from": "From", "to": "To", "Value": "Changes"},
                ),
                Panel(
                    "Consents that end within 7 days",
                    "By company. Users who renew in time lose no data.",
                    "short",
                    (
                        Query(
                            f'sum by (company) (connwatch_consent_remaining_seconds_bucket{{{S}, le=~"604800(.0)?"}}) - '
                            f'sum by (company) (connwatch_consent_remaining_seconds_bucket{{{S}, le=~"0(.0)?"}})',
                            "{{company}}",
                        ),
                    ),
                ),
                Panel(
                    "Stale by company",
                    "Connections whose data is older than their kind allows.",
                    "short",
                    (Query(f"sum by (company) (connwatch_connections_stale{{{S}}})", "{{company}}"),),
                ),
            ),
        ),
    ),
    (SOURCE,),
)

COMPANY_PAGE = Dashboard(
    "connwatch-company",
    "connwatch / Company",
    "One customer: how its connections do, and who has to act.",
    (
        Row(
            "Conditions",
            (
                Panel(
                    "Connections by condition",
                    "What the raw statuses come down to.",
                    "short",
                    (Query(f"sum by (condition) (connwatch_connections{{{SC}}})", "{{condition}}"),),
                    stacked=True,
                ),
                Panel(
                    "Raw statuses",
                    "What the provider itself says, with its error code.",
                    "short",
                    (Query(f"sum by (provider, status, reason, condition) (connwatch_connections{{{SC}}}) > 0"),),
                    kind="table",
                    columns={
                        "provider": "Provider",
                        "status": "Status",
                        "reason": "Reason",
                        "condition": "Condition",
                        "Value": "Connections",
                    },
                ),
            ),
        ),
        Row(
            "Data",
            (
                Panel(
                    "Without fresh data",
                    "Connections whose data is older than their kind allows, or that never brought any.",
                    "short",
                    (
                        Query(f"sum by (kind) (connwatch_connections_stale{{{SC}}})", "stale, {{kind}}"),
                        Query(
                            f"sum by (kind) (connwatch_connections_never_updated{{{SC}}})", "never updated, {{kind}}"
                        ),
                    ),
                ),
                Panel(
                    "Age of the oldest data",
                    "Against the limit of its kind, from which on it is stale.",
                    "s",
                    (
                        Query(
                            f"time() - min by (kind) (connwatch_connection_oldest_data_timestamp_seconds{{{SC}}})",
                            "oldest, {{kind}}",
                        ),
                        Query(f"max by (kind) (connwatch_staleness_limit_seconds{{{S}}})", "limit, {{kind}}"),
                    ),
                ),
                Panel(
                    "Start-up",
                    "New connections that are stuck in a start-up status, or paused by the provider for six minutes.",
                    "short",
                    (
                        Query(f"sum by (status) (connwatch_connections_stuck{{{SC}}})", "stuck in {{status}}"),
                        Query(f"sum(connwatch_connections_paused{{{SC}}})", "paused"),
                    ),
                ),
                Panel(
                    "Accounts",
                    "Nectar: accounts by their status and by whether they are tracked.",
                    "short",
                    (Query(f"sum by (status, tracking) (connwatch_accounts{{{SC}}}) > 0"),),
                    kind="table",
                    columns={"status": "Status", "tracking": "Tracking", "Value": "Accounts"},
                ),
            ),
        ),
        Row(
            "Consents",
            (
                Panel(
                    "Rest of the consents",
                    "How many consents end within that time; the first bar is those that have run out.",
                    "short",
                    (Query(f"sum by (le) (connwatch_consent_remaining_seconds_bucket{{{SC}}})", "within {{le}} s"),),
                    kind="bargauge",
                ),
                Panel(
                    "Next consent to end",
                    "By company.",
                    "dateTimeFromNow",
                    (
                        Query(
                            f"1000 * min by (company) (connwatch_consent_next_expiry_timestamp_seconds{{{SC}}})",
                            "{{company}}",
                        ),
                    ),
                    kind="stat",
                    height=8,
                ),
            ),
        ),
    ),
    (SOURCE, COMPANY),
)

INSTITUTIONS = Dashboard(
    "connwatch-institutions",
    "connwatch / Institutions",
    "An outage of an institution, or single failures? And how long do repairs take?",
    (
        Row(
            "Outages",
            (
                Panel(
                    "Share that does not work",
                    "Of an institution's connections, those that wait for it. More than half is an outage, not bad luck.",
                    "percentunit",
                    (
                        Query(
                            "topk(15, sum by (source, provider, institution) "
                            f'(connwatch_institution_connections{{{SI}, condition="degraded"}}) / on (source, provider, institution) '
                            f"sum by (source, provider, institution) (connwatch_institution_connections{{{SI}}}) {NAMED})"
                        ),
                    ),
                    kind="table",
                    columns={
                        "source": "Source",
                        "provider": "Provider",
                        "name": "Institution",
                        "institution": "Id",
                        "Value": "Share",
                    },
                ),
                Panel(
                    "What the providers say",
                    "Institutions that a provider itself reports as not all right, by what is affected.",
                    "short",
                    (
                        Query(
                            "sum by (source, provider, institution, kind, aspect, status) "
                            f"(connwatch_institution_status{{{SI}}}) {NAMED}"
                        ),
                    ),
                    kind="table",
                    columns={
                        "source": "Source",
                        "provider": "Provider",
                        "name": "Institution",
                        "institution": "Id",
                        "kind": "Kind",
                        "aspect": "Aspect",
                        "status": "Status",
                    },
                ),
                Panel(
                    "Connections by condition",
                    "Of the chosen institutions.",
                    "short",
                    (Query(f"sum by (condition) (connwatch_institution_connections{{{SI}}})", "{{condition}}"),),
                    stacked=True,
                ),
                Panel(
                    "Not working, by institution",
                    "An outage is a step in one line; single failures are noise in many.",
                    "short",
                    (
                        Query(
                            f'topk(10, sum by (institution) (connwatch_institution_connections{{{SI}, condition="degraded"}}))',
                            "{{institution}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Repairs",
            (
                Panel(
                    "How long repairs take",
                    "Half of the repairs of the last day took less than this, by the condition that was repaired.",
                    "s",
                    (
                        Query(
                            "histogram_quantile(0.5, sum by (condition, le) "
                            f"(increase(connwatch_connection_repair_seconds_bucket{{{S}}}[24h])))",
                            "{{condition}}",
                        ),
                    ),
                ),
                Panel(
                    "Repairs in 24 hours",
                    "Connections that left an unhealthy condition, by that condition.",
                    "short",
                    (
                        Query(
                            f"sum by (condition) (increase(connwatch_connection_repair_seconds_count{{{S}}}[24h]))",
                            "{{condition}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
    (SOURCE, INSTITUTION),
)

OPERATIONS = Dashboard(
    "connwatch-operations",
    "connwatch / Operations",
    "Our own health: sources, quota, coverage, requests, store, process.",
    (
        Row(
            "Sources",
            (
                Panel(
                    "Up",
                    "1 while a source answers and accepts our credential.",
                    "short",
                    (Query(f"min by (source) (connwatch_source_up{{{S}}})", "{{source}}"),),
                    kind="stat",
                    width=8,
                    height=5,
                    steps=((None, RED), (1.0, GREEN)),
                    decimals=0,
                ),
                Panel(
                    "Coverage",
                    "Share of targets whose last complete poll is younger than 1.5 intervals.",
                    "percentunit",
                    (Query(f"min by (source) (connwatch_sweep_coverage_ratio{{{S}}})", "{{source}}"),),
                    kind="stat",
                    width=8,
                    height=5,
                    steps=ALL_IS_GOOD,
                ),
                Panel(
                    "Since the last complete sweep",
                    "Since then every target was polled at least once.",
                    "s",
                    (
                        Query(
                            f"time() - min by (source) (connwatch_sweep_last_complete_timestamp_seconds{{{S}}})",
                            "{{source}}",
                        ),
                    ),
                    kind="stat",
                    width=8,
                    height=5,
                ),
                Panel(
                    "Targets by freshness",
                    "Fresh, late, lost, or new: companies and users by the age of their last complete poll.",
                    "short",
                    (Query(f"sum by (source, state) (connwatch_targets{{{S}}})", "{{source}} {{state}}"),),
                ),
                Panel(
                    "Poll lag",
                    "How late the most overdue target is, against its interval. Above one interval the quota is too small.",
                    "s",
                    (
                        Query(f"max by (source) (connwatch_poll_lag_seconds{{{S}}})", "lag {{source}}"),
                        Query(f"max by (source) (connwatch_poll_interval_seconds{{{S}}})", "interval {{source}}"),
                    ),
                ),
                Panel(
                    "Polls by outcome",
                    "A second. Everything but ok and not_found is a failure.",
                    "ops",
                    (
                        Query(
                            f"sum by (source, outcome) (rate(connwatch_polls_total{{{S}}}[$__rate_interval])) > 0",
                            "{{source}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    "Since the last discovery",
                    "Since companies, users and institutions were last read completely.",
                    "s",
                    (
                        Query(
                            f"time() - max by (source) (connwatch_discovery_last_complete_timestamp_seconds{{{S}}})",
                            "{{source}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Requests and quota",
            (
                Panel(
                    "Requests",
                    "A minute, by endpoint and status, against the configured limit.",
                    "short",
                    (
                        Query(
                            f"60 * sum by (source, endpoint, code) (rate(connwatch_requests_total{{{S}}}[$__rate_interval]))",
                            "{{source}} {{endpoint}} {{code}}",
                        ),
                        Query(f"max by (source) (connwatch_quota_limit_per_minute{{{S}}})", "limit {{source}}"),
                    ),
                ),
                Panel(
                    "Time of requests, 95 %",
                    "19 of 20 requests are answered within this.",
                    "s",
                    (
                        Query(
                            "histogram_quantile(0.95, sum by (source, endpoint, le) "
                            f"(rate(connwatch_request_duration_seconds_bucket{{{S}}}[$__rate_interval])))",
                            "{{source}} {{endpoint}}",
                        ),
                    ),
                ),
                Panel(
                    "Quota in force",
                    "1 is the whole quota; it is halved when a provider throttles, and comes back bit by bit.",
                    "percentunit",
                    (Query(f"min by (source) (connwatch_quota_factor{{{S}}})", "{{source}}"),),
                    minimum=0.0,
                    maximum=1.0,
                ),
                Panel(
                    "Waiting for the quota",
                    "Seconds that requests waited, a second.",
                    "s",
                    (
                        Query(
                            f"sum by (source) (rate(connwatch_quota_wait_seconds_total{{{S}}}[$__rate_interval]))",
                            "{{source}}",
                        ),
                    ),
                ),
                Panel(
                    "Tokens end",
                    "Renewed at four fifths of their life.",
                    "dateTimeFromNow",
                    (
                        Query(
                            f"1000 * min by (source) (connwatch_token_expires_timestamp_seconds{{{S}}})", "{{source}}"
                        ),
                    ),
                    kind="stat",
                    height=5,
                ),
                Panel(
                    "Clock skew",
                    "Provider's clock minus ours.",
                    "s",
                    (Query(f"max by (source) (connwatch_clock_skew_seconds{{{S}}})", "{{source}}"),),
                    kind="stat",
                    height=5,
                ),
            ),
        ),
        Row(
            "What we do not understand",
            (
                Panel(
                    "Undocumented values",
                    "In 24 hours, by field: values that the provider's documents don't list. Never a failure, always worth a look.",
                    "short",
                    (
                        Query(
                            f"sum by (source, field) (increase(connwatch_unknown_values_total{{{S}}}[24h]))",
                            "{{source}} {{field}}",
                        ),
                    ),
                ),
                Panel(
                    "Held as vanished",
                    "Connections that the last listing lacked; removed when the next one lacks them too.",
                    "short",
                    (Query(f"sum by (source) (connwatch_vanished_held{{{S}}})", "{{source}}"),),
                ),
            ),
        ),
        Row(
            "Store and process",
            (
                Panel(
                    "Store",
                    "1 while what is learned can be stored.",
                    "short",
                    (Query("min(connwatch_store_up)", "store"),),
                    kind="stat",
                    width=4,
                    height=6,
                    steps=((None, RED), (1.0, GREEN)),
                    decimals=0,
                ),
                Panel(
                    "Configuration",
                    "1 while the last reload was good.",
                    "short",
                    (Query("min(connwatch_config_last_reload_successful)", "reload"),),
                    kind="stat",
                    width=4,
                    height=6,
                    steps=((None, RED), (1.0, GREEN)),
                    decimals=0,
                ),
                Panel(
                    "Series folded",
                    "Series that the ceiling has folded into others; above 0 the picture is coarser than configured.",
                    "short",
                    (Query("sum(connwatch_series_folded)", "folded"),),
                    kind="stat",
                    width=4,
                    height=6,
                    steps=NONE_IS_GOOD,
                    decimals=0,
                ),
                Panel(
                    "Time of commits, 95 %",
                    "19 of 20 batches are stored within this.",
                    "s",
                    (
                        Query(
                            "histogram_quantile(0.95, sum by (le) (rate(connwatch_store_commit_duration_seconds_bucket[$__rate_interval])))",
                            "commit",
                        ),
                    ),
                    width=12,
                    height=6,
                ),
                Panel(
                    "Memory",
                    "Resident memory of the process.",
                    "bytes",
                    (
                        Query(
                            "process_resident_memory_bytes * on (instance, job) group_left (version) connwatch_build_info",
                            "{{instance}} {{version}}",
                        ),
                    ),
                ),
                Panel(
                    "CPU",
                    "Cores in use.",
                    "short",
                    (
                        Query(
                            "rate(process_cpu_seconds_total[$__rate_interval]) * on (instance, job) connwatch_build_info",
                            "{{instance}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
    (SOURCE,),
)

DASHBOARDS = (FLEET, COMPANY_PAGE, INSTITUTIONS, OPERATIONS)


def rendered() -> dict[str, str]:
    """File name -> its content."""
    return {
        f"{one.uid.removeprefix('connwatch-')}.json": json.dumps(one.json(DASHBOARDS), indent=2) + "\n"
        for one in DASHBOARDS
    }


if __name__ == "__main__":
    for name, text in rendered().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")
