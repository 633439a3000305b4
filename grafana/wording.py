"""What all dashboards say alike: choices, selectors, colours, links, and the panels that more than one of them shows.

Replicas: each series about connections is exported by one of them, so `sum` is right; what each of them says of a source
(limits, intervals, whether it is up) is taken once, by `max` or `min`.
"""

from __future__ import annotations

from grafana.panels import Panel, Query, Steps, Variable

JOB = Variable("job", "Job", "label_values(connwatch_build_info, job)", every="")
SOURCE = Variable("source", "Source", 'label_values(connwatch_quota_limit_per_minute{job=~"$job"}, source)')

J = 'job=~"$job"'
S = f'{J}, source=~"$source"'
SC = f'{S}, company=~"$company"'

RATE = "[$__rate_interval]"
"""What a rate is taken over: Grafana knows the scrape interval."""
COUNT = "locale"
"""Whole numbers, all digits."""
GREEN, AMBER, RED, BLUE, GREY = "green", "orange", "red", "blue", "#7b8087"
NEUTRAL: Steps = ((None, "text"),)
NONE_IS_GOOD: Steps = ((None, GREEN), (1.0, AMBER))
NONE_IS_NEEDED: Steps = ((None, GREEN), (1.0, RED))
MOST_IS_GOOD: Steps = ((None, RED), (0.8, AMBER), (0.95, GREEN))
ALL_IS_GOOD: Steps = ((None, RED), (0.9, AMBER), (0.99, GREEN))
ONE_IS_GOOD: Steps = ((None, RED), (1.0, GREEN))
CONDITIONS = {
    "healthy": GREEN,
    "pending": BLUE,
    "action_required": AMBER,
    "degraded": "yellow",
    "investigating": "purple",
    "expired": RED,
    "inactive": GREY,
    "muted": "#b8bcc2",
    "unknown": "super-light-red",
}

TIMES = "${__url_time_range}"
TO_COMPANY = (
    "/d/connwatch-company?var-source=${__data.fields.Source:percentencode}"
    f"&var-company=${{__data.fields.Company:percentencode}}&{TIMES}"
)
TO_INSTITUTION = (
    "/d/connwatch-institutions?var-source=${__data.fields.Source:percentencode}"
    f"&var-institution=${{__data.fields.Id:percentencode}}&{TIMES}"
)

NAMES = f"max by (source, institution, name) (connwatch_institution_info{{{S}}})"


def named(expr: str) -> str:
    """With the name of each institution; `expr` has the labels source and institution."""
    return f"{expr} * on (source, institution) group_left (name) {NAMES}"


def bucket(selector: str, bound: str, by: str = "") -> str:
    """How many consents end within so many seconds, those included that have ended."""
    return f'sum{by} (connwatch_consent_remaining_seconds_bucket{{{selector}, le="{bound}"}})'


def ending(selector: str, by: str = "") -> str:
    """How many consents end within 7 days, those left out that have ended."""
    return f"{bucket(selector, '604800.0', by)} - {bucket(selector, '0.0', by)}"


def overdue(selector: str, by: str = "") -> str:
    """How many connections bring no fresh data: theirs is too old, or never came."""
    return (
        f"sum{by} (connwatch_connections_stale{{{selector}}}) + "
        f"sum{by} (connwatch_connections_never_updated{{{selector}}})"
    )


def number(title: str, description: str, expr: str, *, width: int = 3, steps: Steps = NONE_IS_GOOD) -> Panel:
    """One number, large."""
    return Panel(title, description, COUNT, (Query(expr),), "stat", width, 4, steps=steps, decimals=0)


def connections(selector: str, *, width: int = 3) -> Panel:
    """How many there are."""
    return number(
        "Connections",
        "All connections that are watched.",
        f"sum(connwatch_connections{{{selector}}})",
        width=width,
        steps=NEUTRAL,
    )


def healthy(selector: str, *, width: int = 3) -> Panel:
    """What share works."""
    return Panel(
        "Healthy",
        "Share of connections that work. Inactive and muted ones are left out.",
        "percentunit",
        (
            Query(
                f'sum(connwatch_connections{{{selector}, condition="healthy"}}) / '
                f'sum(connwatch_connections{{{selector}, condition!~"inactive|muted"}})'
            ),
        ),
        "stat",
        width,
        4,
        steps=MOST_IS_GOOD,
        decimals=1,
    )


def consents_ending(selector: str, *, width: int = 3) -> Panel:
    """How many consents are to be renewed."""
    return number(
        "Consents end soon",
        "Consents that end within 7 days. Users who renew in time lose no data.",
        ending(selector),
        width=width,
    )


def without_fresh_data(selector: str, *, width: int = 3) -> Panel:
    """How many connections are silent."""
    return number(
        "Without fresh data",
        "Connections whose data is older than their kind allows, or never came, whatever their status says.",
        overdue(selector),
        width=width,
    )


def not_healthy(selector: str, *, width: int = 12, height: int = 8) -> Panel:
    """What is wrong, over time."""
    return Panel(
        "Not healthy, by condition",
        "What the raw statuses of connections that do not work come down to, and so who has to act: "
        "action_required and expired the end user, degraded the institution, investigating the aggregator, unknown us.",
        COUNT,
        (
            Query(
                f'sum by (condition) (connwatch_connections{{{selector}, condition!~"healthy|inactive|muted"}}) > 0',
                "{{condition}}",
            ),
        ),
        width=width,
        height=height,
        stacked=True,
        minimum=0.0,
        colours={name: colour for name, colour in CONDITIONS.items() if name not in {"healthy", "inactive", "muted"}},
    )
