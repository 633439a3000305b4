"""Whether an institution is out or only single connections fail, and how long repairs take."""

from __future__ import annotations

from grafana.panels import Column, Dashboard, Panel, Query, Row, Variable
from grafana.wording import (
    CONDITIONS,
    COUNT,
    JOB,
    NEUTRAL,
    NONE_IS_NEEDED,
    SOURCE,
    TO_INSTITUTION,
    S,
    named,
    number,
)

INSTITUTION = Variable(
    "institution",
    "Institution",
    f"query_result(connwatch_institution_info{{{S}}})",
    regex='/institution="(?<value>[^"]+)".*[{,]name="(?<text>[^"]+)"/',
)
_SI = f'{S}, institution=~"$institution"'
_EACH = "sum by (source, institution)"
_DEGRADED = f'{_EACH} (connwatch_institution_connections{{{_SI}, condition="degraded"}})'
_LIVE = f'{_EACH} (connwatch_institution_connections{{{_SI}, condition!~"inactive|muted"}})'
_SAID = f"max by (source, institution, kind, aspect, status) (connwatch_institution_status{{{_SI}}})"
_WATCHED = f"count({_EACH} (connwatch_institution_connections{{{_SI}}}))"
_IN_TIME = f"increase(connwatch_connection_repair_seconds_bucket{{{S}}}[$__range])"
_REPAIRS = f"sum by (condition) (increase(connwatch_connection_repair_seconds_count{{{S}}}[$__range])) > 0"

_NOW = Row(
    "Now",
    (
        number("Institutions", "All that have a connection of ours.", _WATCHED, width=6, steps=NEUTRAL),
        number(
            "Out",
            "Institutions that fail more than half of their connections, and at least 5. It is what the alert InstitutionOutage is about.",
            f"sum(({_DEGRADED} >= bool 5) * ({_DEGRADED} > bool 0.5 * {_LIVE})) or 0 * {_WATCHED}",
            width=6,
            steps=NONE_IS_NEEDED,
        ),
        number(
            "With failures",
            "Institutions that fail at least one connection, those that are out included.",
            f"sum({_DEGRADED} > bool 0) or 0 * {_WATCHED}",
            width=6,
        ),
        number(
            "Reported by the provider",
            "Institutions that a provider itself reports as not all right.",
            f"count(group by (source, institution) (connwatch_institution_status{{{_SI}}})) or 0 * {_WATCHED}",
            width=6,
        ),
    ),
)

_OUTAGES = Row(
    "Outage or single failures",
    (
        Panel(
            "Not working",
            "Connections that wait for their institution, and the share of the institution's connections that they are: "
            "more than half is an outage, not bad luck. A click on a name shows this institution alone.",
            COUNT,
            (
                Query(named(f"({_DEGRADED} > 0)")),
                Query(named(f"({_DEGRADED} > 0) / {_LIVE}")),
            ),
            "table",
            10,
            columns=(
                Column("name", "Institution", link=TO_INSTITUTION),
                Column("Value #B", "Share", 80, "percentunit"),
                Column("Value #A", "Not working", 110),
                Column("source", "Source", 100),
                Column("institution", "Id", 120),
            ),
        ),
        Panel(
            "What the providers say",
            "What a provider itself reports of an institution that is not all right, and how many connections of ours it has.",
            COUNT,
            (Query(named(f"{_SAID} * on (source, institution) group_left () {_LIVE}")),),
            "table",
            14,
            columns=(
                Column("name", "Institution", link=TO_INSTITUTION),
                Column("status", "Status", 210),
                Column("aspect", "Aspect", 90),
                Column("kind", "Kind", 105),
                Column("Value", "Connections", 105),
                Column("source", "Source", 95),
                Column("institution", "Id", 90),
            ),
        ),
        Panel(
            "Not working, by institution",
            "An outage is a step in one line; single failures are noise in many. The 10 highest at each instant.",
            COUNT,
            (Query(f"topk(10, {named(f'({_DEGRADED} > 0)')})", "{{name}}"),),
            minimum=0.0,
        ),
        Panel(
            "Connections by condition",
            "Of the institutions that are chosen above.",
            COUNT,
            (
                Query(
                    f"sum by (condition) (connwatch_institution_connections{{{_SI}}}) > 0",
                    "{{condition}}",
                ),
            ),
            stacked=True,
            minimum=0.0,
            colours=CONDITIONS,
        ),
    ),
)

_REPAIR = Row(
    "Repairs, at all institutions",
    (
        Panel(
            "How long repairs took",
            "Repairs within the time shown, by the condition that ended: how many, and within what time "
            "half and nine in ten of them came.",
            "s",
            (
                Query(_REPAIRS),
                Query(f"histogram_quantile(0.5, sum by (condition, le) ({_IN_TIME})) >= 0"),
                Query(f"histogram_quantile(0.9, sum by (condition, le) ({_IN_TIME})) >= 0"),
            ),
            "table",
            columns=(
                Column("condition", "Condition"),
                Column("Value #A", "Repairs", unit=COUNT),
                Column("Value #B", "Half within"),
                Column("Value #C", "9 in 10 within"),
            ),
            decimals=0,
        ),
        Panel(
            "Repairs an hour",
            "Connections that left an unhealthy condition, by that condition.",
            COUNT,
            (
                Query(
                    f"sum by (condition) (increase(connwatch_connection_repair_seconds_count{{{S}}}[1h])) > 0",
                    "{{condition}}",
                ),
            ),
            stacked=True,
            minimum=0.0,
            decimals=0,
            colours=CONDITIONS,
        ),
    ),
)

INSTITUTIONS = Dashboard(
    "connwatch-institutions",
    "connwatch / Institutions",
    "An outage of an institution, or single failures? And how long do repairs take?",
    (_NOW, _OUTAGES, _REPAIR),
    (JOB, SOURCE, INSTITUTION),
)
