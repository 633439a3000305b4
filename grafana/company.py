"""One customer: how its connections do, and who has to act."""

from __future__ import annotations

from grafana.panels import Column, Dashboard, Panel, Query, Row, Variable
from grafana.wording import (
    COUNT,
    JOB,
    NEUTRAL,
    SC,
    SOURCE,
    TO_INSTITUTION,
    S,
    bucket,
    connections,
    consents_ending,
    ending,
    healthy,
    named,
    not_healthy,
    number,
    without_fresh_data,
)

COMPANY = Variable("company", "Company", f"label_values(connwatch_company_info{{{S}}}, company)", all=False)

_KIND = " by (source, kind)"
_CONSENTS = (
    ("0.0", "ran out"),
    ("86400.0", "0 to 1 days"),
    ("172800.0", "1 to 2 days"),
    ("604800.0", "2 to 7 days"),
    ("1.2096e+06", "7 to 14 days"),
    ("2.592e+06", "14 to 30 days"),
    ("7.776e+06", "30 to 90 days"),
    ("+Inf", "later"),
)
"""(bound in seconds as the buckets have it, what ends between the bound before and this one)."""

_NOW = Row(
    "Now",
    (
        connections(SC),
        healthy(SC),
        number(
            "Sign in again",
            "Connections that wait for a password or a code of their user.",
            f'sum(connwatch_connections{{{SC}, condition="action_required"}})',
        ),
        number(
            "Consent ran out",
            "Connections whose user has to consent again.",
            f'sum(connwatch_connections{{{SC}, condition="expired"}})',
        ),
        consents_ending(SC),
        Panel(
            "Next consent ends",
            "When the next consent ends that has not ended yet.",
            "dateTimeFromNow",
            (Query(f"1000 * min(connwatch_consent_next_expiry_timestamp_seconds{{{SC}}})"),),
            "stat",
            3,
            4,
            steps=NEUTRAL,
        ),
        without_fresh_data(SC),
        number(
            "Stuck",
            "New connections that have been in a start-up status for longer than they may.",
            f"sum(connwatch_connections_stuck{{{SC}}})",
        ),
    ),
)

_CONDITIONS = Row(
    "What is wrong",
    (
        not_healthy(SC),
        Panel(
            "Raw statuses",
            "What the provider itself says, with its error code, and what that comes down to.",
            COUNT,
            (Query(f"sum by (source, status, reason, condition) (connwatch_connections{{{SC}}}) > 0"),),
            "table",
            columns=(
                Column("source", "Source", 100),
                Column("status", "Status"),
                Column("reason", "Reason"),
                Column("condition", "Condition", 130),
                Column("Value", "Connections", 110),
            ),
        ),
        Panel(
            "Broken for longest",
            "The 100 connections that have been in their status for longest, with the ids that the provider knows. "
            "Only with `metrics.per_connection: unhealthy` or `all` in connwatch's configuration.",
            "s",
            (
                Query(
                    named(
                        "topk(100, max by (source, company, connection, institution, kind, status, reason, condition) "
                        f'(connwatch_connection_status{{{SC}, condition!~"healthy|pending|inactive|muted"}} == 1) '
                        "* on (source, connection) group_left () (time() - max by (source, connection) "
                        f"(connwatch_connection_status_since_timestamp_seconds{{{SC}}})))"
                    )
                ),
            ),
            "table",
            24,
            9,
            columns=(
                Column("Value", "For", 95),
                Column("condition", "Condition", 130),
                Column("status", "Status", 170),
                Column("reason", "Reason", 130),
                Column("name", "Institution", 220, link=TO_INSTITUTION),
                Column("kind", "Kind", 110),
                Column("connection", "Connection"),
                Column("company", "Company", 130),
                Column("source", "Source", 100),
                Column("institution", "Id", 120),
            ),
        ),
    ),
)

_DATA = Row(
    "Data",
    (
        Panel(
            "Without fresh data, by kind",
            "Connections whose data is older than their kind allows, or that never brought any.",
            COUNT,
            (
                Query(f"sum by (kind) (connwatch_connections_stale{{{SC}}}) > 0", "{{kind}}, stale"),
                Query(f"sum by (kind) (connwatch_connections_never_updated{{{SC}}}) > 0", "{{kind}}, never updated"),
            ),
            stacked=True,
            minimum=0.0,
        ),
        Panel(
            "Freshness by kind",
            "How many connections are judged, how many of them bring no data, and how old the oldest data is against the limit "
            "from which on it is stale.",
            COUNT,
            (
                Query(f"sum{_KIND} (connwatch_connections_judged{{{SC}}}) > 0"),
                Query(f"sum{_KIND} (connwatch_connections_stale{{{SC}}}) > 0"),
                Query(f"sum{_KIND} (connwatch_connections_never_updated{{{SC}}}) > 0"),
                Query(f"time() - min{_KIND} (connwatch_connection_oldest_data_timestamp_seconds{{{SC}}})"),
                Query(
                    f"max{_KIND} (connwatch_staleness_limit_seconds{{{S}}}) "
                    f"and on (source, kind) sum{_KIND} (connwatch_connections_judged{{{SC}}}) > 0"
                ),
            ),
            "table",
            columns=(
                Column("source", "Source", 100),
                Column("kind", "Kind"),
                Column("Value #A", "Judged", 80),
                Column("Value #B", "Stale", 70),
                Column("Value #C", "Never updated", 120),
                Column("Value #D", "Oldest data", 110, "s"),
                Column("Value #E", "Stale after", 105, "s"),
            ),
        ),
        Panel(
            "Starting",
            "New connections: outstanding, stuck in a start-up status, or paused by the provider for six minutes.",
            COUNT,
            (
                Query(f'sum(connwatch_connections{{{SC}, condition="pending"}})', "pending"),
                Query(f"sum by (status) (connwatch_connections_stuck{{{SC}}}) > 0", "stuck, {{status}}"),
                Query(f"sum(connwatch_connections_paused{{{SC}}})", "paused"),
            ),
            minimum=0.0,
        ),
        Panel(
            "Accounts",
            "Nectar's accounts by their status, and by whether they are tracked.",
            COUNT,
            (Query(f"sum by (status, tracking) (connwatch_accounts{{{SC}}}) > 0"),),
            "table",
            columns=(Column("status", "Status"), Column("tracking", "Tracking"), Column("Value", "Accounts", 100)),
        ),
    ),
)

_CONSENT = Row(
    "Consents",
    (
        Panel(
            "When consents end",
            "How many, by the time that is left. Nectar's connections and some others have none that ends.",
            COUNT,
            tuple(
                Query(
                    bucket(SC, bound) if before is None else f"{bucket(SC, bound)} - {bucket(SC, before)}",
                    name,
                )
                for before, (bound, name) in zip((None, *(bound for bound, _ in _CONSENTS)), _CONSENTS, strict=False)
            ),
            "bargauge",
            minimum=0.0,
        ),
        Panel(
            "Consents that end within 7 days, by what renews them",
            "reconsent: a new consent at the institution; reauth: to sign in there again; unknown: the provider doesn't say.",
            COUNT,
            (Query(ending(SC, " by (renewal)"), "{{renewal}}"),),
            stacked=True,
            minimum=0.0,
        ),
    ),
)

COMPANY_PAGE = Dashboard(
    "connwatch-company",
    "connwatch / Company",
    "One customer: how its connections do, and who has to act.",
    (_NOW, _CONDITIONS, _DATA, _CONSENT),
    (JOB, SOURCE, COMPANY),
)
