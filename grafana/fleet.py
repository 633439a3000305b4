"""The first page: whether everything is fine, who must act, and what changed today."""

from __future__ import annotations

from grafana.panels import Column, Dashboard, Panel, Query, Row
from grafana.wording import (
    ALL_IS_GOOD,
    COUNT,
    JOB,
    SOURCE,
    TO_COMPANY,
    TO_INSTITUTION,
    S,
    connections,
    consents_ending,
    ending,
    healthy,
    named,
    not_healthy,
    number,
    overdue,
    without_fresh_data,
)

_COMPANY = " by (source, company)"
_DEGRADED = f'sum by (source, institution) (connwatch_institution_connections{{{S}, condition="degraded"}}) > 0'
_LIVE = f'sum by (source, institution) (connwatch_institution_connections{{{S}, condition!~"inactive|muted"}})'

_NOW = Row(
    "Now",
    (
        connections(S),
        healthy(S),
        number(
            "End users must act",
            "Connections that wait for a password, a code or a consent, which only their user can give.",
            f'sum(connwatch_connections{{{S}, condition=~"action_required|expired"}})',
            width=4,
        ),
        number(
            "Others must act",
            "Connections that wait for their institution or for the aggregator: retried by themselves, nobody has to sign in.",
            f'sum(connwatch_connections{{{S}, condition=~"degraded|investigating"}})',
            width=4,
        ),
        consents_ending(S, width=4),
        without_fresh_data(S),
        Panel(
            "Coverage",
            "Share of companies and users that were looked at in time, at the worst source: "
            "how far the other numbers can be trusted.",
            "percentunit",
            (Query(f"min(connwatch_sweep_coverage_ratio{{{S}}})"),),
            "stat",
            3,
            4,
            steps=ALL_IS_GOOD,
            decimals=0,
        ),
    ),
)

_WHO = Row(
    "Who must act",
    (
        Panel(
            "Companies",
            "What each company's users and support have to do. A click on a company leads to its page.",
            COUNT,
            (
                Query(f'sum{_COMPANY} (connwatch_connections{{{S}, condition="action_required"}}) > 0'),
                Query(f'sum{_COMPANY} (connwatch_connections{{{S}, condition="expired"}}) > 0'),
                Query(f"{ending(S, _COMPANY)} > 0"),
                Query(f"{overdue(S, _COMPANY)} > 0"),
                Query(f"sum{_COMPANY} (connwatch_connections_stuck{{{S}}}) > 0"),
            ),
            "table",
            14,
            9,
            columns=(
                Column("company", "Company", link=TO_COMPANY),
                Column("source", "Source", 100),
                Column("Value #A", "Sign in again", 115),
                Column("Value #B", "Consent ran out", 130),
                Column("Value #C", "Ends in 7 days", 120),
                Column("Value #D", "No fresh data", 115),
                Column("Value #E", "Stuck", 70),
            ),
        ),
        Panel(
            "Institutions",
            "Institutions whose site fails connections, and the share of theirs that it fails: "
            "most of them is an outage, a few are single failures.",
            COUNT,
            (Query(named(f"({_DEGRADED})")), Query(named(f"({_DEGRADED}) / {_LIVE}"))),
            "table",
            10,
            9,
            columns=(
                Column("name", "Institution", link=TO_INSTITUTION),
                Column("source", "Source", 100),
                Column("Value #A", "Not working", 105),
                Column("Value #B", "Share", 75, "percentunit"),
                Column("institution", "Id", 120),
            ),
        ),
    ),
)

_CHANGES = Row(
    "What changed",
    (
        not_healthy(S),
        Panel(
            "Changes of condition",
            "How many connections went from one condition to another within the time shown. "
            "Breaking and mending in balance is daily life.",
            COUNT,
            (
                Query(
                    f"round(sum by (from, to) (increase(connwatch_connection_transitions_total{{{S}}}[$__range]))) > 0"
                ),
            ),
            "table",
            columns=(Column("from", "From"), Column("to", "To"), Column("Value", "Changes", 100)),
            decimals=0,
        ),
        Panel(
            "Without fresh data, by source",
            "Connections whose data is older than their kind allows, or never came.",
            COUNT,
            (Query(overdue(S, " by (source)"), "{{source}}"),),
            width=8,
            minimum=0.0,
        ),
        Panel(
            "Age of the data, by kind",
            "Half of the connections have data that is older. A line that only rises is a provider whose syncing stands still, "
            "long before anything is stale.",
            "s",
            (
                Query(
                    "histogram_quantile(0.5, sum by (source, kind, le) "
                    f"(connwatch_connection_data_age_seconds_bucket{{{S}}})) >= 0",
                    "{{source}} {{kind}}",
                ),
            ),
            width=8,
            minimum=0.0,
            decimals=1,
        ),
        Panel(
            "Consents that end within 7 days, by source",
            "A hill that comes near is a campaign to be planned.",
            COUNT,
            (Query(ending(S, " by (source)"), "{{source}}"),),
            width=8,
            minimum=0.0,
        ),
    ),
)

FLEET = Dashboard(
    "connwatch-fleet",
    "connwatch / Fleet",
    "Is everything fine, who must act, and what changed today?",
    (_NOW, _WHO, _CHANGES),
    (JOB, SOURCE),
)
