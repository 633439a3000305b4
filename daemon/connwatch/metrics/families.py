"""Every metric family, once. Exposition, reference, golden tests and the checks of rules and dashboards follow from this table.

Names and meaning: metrics.md. Pure: how a row is written is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from connwatch.core.clocks import AGE_BOUNDS, CONSENT_BOUNDS
from connwatch.core.tally import REPAIR_BOUNDS
from connwatch.metrics import live
from connwatch.metrics.family import Computed, Counted, Family, Kind, Merge, PerConnection, Present, Row, View
from connwatch.metrics.workings import PROCESS, WATCHING

_SOURCE: Final = ("source", "provider")
_COMPANY: Final = (*_SOURCE, "company")
_ONE: Final = (*_SOURCE, "connection", "company", "institution", "kind")
_POLLED: Final = "Providers are polled on a timer, not at the scrape."
_DATA: Final = "For Nectar, which gives no data clock, the provider's last check stands in."
_PRESENT: Final = "A histogram of the present values, which fall as well as rise."


def _counted(name: str, group: str, labels: tuple[str, ...], help_: str) -> Family:
    return Family(name, "gauge", help_, labels, "fleet", Counted(group))


def _computed(
    name: str,
    labels: tuple[str, ...],
    help_: str,
    rows: Callable[[View], Iterable[Row]],
    merge: Merge = "sum",
    follows_from: Callable[[View], object] | None = None,
) -> Family:
    kind: Kind = "counter" if name.endswith("_total") else "gauge"
    return Family(name, kind, help_, labels, "fleet", Computed(rows, follows_from), merge)


def _connection(name: str, help_: str, labels: tuple[str, ...] = ()) -> Family:
    return Family(name, "gauge", help_, _ONE + labels, "fleet", PerConnection())


_COUNTS: Final = (
    _counted(
        "connwatch_connections",
        "connections",
        (*_COMPANY, "status", "reason", "condition"),
        f"Connections by the provider's status, its reason, and the condition that this comes down to. {_POLLED}",
    ),
    _counted(
        "connwatch_connections_stale",
        "stale",
        (*_COMPANY, "kind"),
        f"Connections that are judged for staleness and whose data is older than the limit of their kind. {_DATA}",
    ),
    _counted(
        "connwatch_connections_never_updated",
        "never_updated",
        (*_COMPANY, "kind"),
        "Connections that are judged for staleness, never brought any data, and are older than the grace.",
    ),
    _counted(
        "connwatch_connections_judged",
        "judged",
        (*_COMPANY, "kind"),
        "Connections that are judged for staleness: what stale and never updated ones are a share of.",
    ),
    _counted(
        "connwatch_connections_stuck",
        "stuck",
        (*_COMPANY, "status"),
        "Connections that are in a start-up status for longer than its grace.",
    ),
    _counted(
        "connwatch_connections_paused",
        "paused",
        _COMPANY,
        "New connections that the provider pauses for six minutes, as another one to the same institution exists.",
    ),
    _counted(
        "connwatch_institution_connections",
        "institutions",
        (*_SOURCE, "institution", "condition"),
        f"Connections by institution and condition. {_POLLED}",
    ),
    _counted(
        "connwatch_accounts",
        "accounts",
        (*_COMPANY, "status", "tracking"),
        "Accounts of connections by account status and tracking status.",
    ),
    _computed(
        "connwatch_vanished_held",
        _SOURCE,
        "Connections that the last complete listing lacked and that are held until another one confirms it.",
        live.vanished,
    ),
)

_CLOCKS: Final = (
    Family(
        "connwatch_consent_remaining_seconds",
        "gaugehistogram",
        f"Time left of consents that have an end. {_PRESENT} Expired ones are clamped at 0: they have no negative rest.",
        (*_COMPANY, "renewal"),
        "fleet",
        Present("consent", 1),
        bounds=CONSENT_BOUNDS,
    ),
    _computed(
        "connwatch_consent_next_expiry_timestamp_seconds",
        _COMPANY,
        "Unix time at which the next consent ends that has not ended yet.",
        live.next_expiry,
        "min",
    ),
    Family(
        "connwatch_connection_data_age_seconds",
        "gaugehistogram",
        f"Age of the data of connections that are judged for staleness. {_PRESENT} "
        f"Data from the future is clamped at 0: it has no negative age. {_DATA}",
        (*_SOURCE, "kind"),
        "fleet",
        Present("age", -1),
        bounds=AGE_BOUNDS,
    ),
    _computed(
        "connwatch_connection_oldest_data_timestamp_seconds",
        (*_COMPANY, "kind"),
        f"Unix time of the oldest data among connections that are judged for staleness. {_DATA}",
        live.oldest,
        "min",
    ),
    _computed(
        "connwatch_staleness_limit_seconds",
        (*_SOURCE, "kind"),
        "The configured age from which on data is stale; kinds that never are have none.",
        live.staleness_limits,
    ),
)

_HISTORY: Final = (
    _computed(
        "connwatch_connection_transitions_total",
        (*_SOURCE, "from", "to"),
        "Changes of a connection's condition; goes on over restarts.",
        live.transitions,
    ),
    Family(
        "connwatch_connection_repair_seconds",
        "histogram",
        "Time that connections spent in an unhealthy condition, observed when it ends; goes on over restarts.",
        (*_SOURCE, "condition"),
        "fleet",
        Computed(live.repairs),
        bounds=REPAIR_BOUNDS,
    ),
    _computed(
        "connwatch_unknown_values_total",
        (*_SOURCE, "field"),
        "Changes of a connection into a value that the provider's documents don't list.",
        live.unknown_values,
    ),
)

_NAMES: Final = (
    _computed(
        "connwatch_institution_info",
        (*_SOURCE, "institution", "name"),
        "Name of an institution that has a connection of ours; always 1.",
        live.institution_names,
        "one",
        live.institutions,
    ),
    _computed(
        "connwatch_institution_status",
        (*_SOURCE, "institution", "kind", "aspect", "status"),
        "What the provider says of an institution that has a connection of ours, unless all is well; always 1.",
        live.institution_statuses,
        "one",
        live.institutions,
    ),
    _computed(
        "connwatch_company_info",
        (*_COMPANY, "company_id"),
        "Id of a company; always 1.",
        live.companies,
        "one",
    ),
)

_CONNECTIONS: Final = (
    _connection(
        "connwatch_connection_status",
        "1 for what a connection is now, and 0 for a while for what it was before.",
        ("status", "reason", "condition"),
    ),
    _connection(
        "connwatch_connection_status_since_timestamp_seconds",
        "Unix time since which a connection has its status.",
    ),
    _connection(
        "connwatch_connection_checked_timestamp_seconds",
        "Unix time at which the provider last checked a connection; where it doesn't say, at which we last listed it.",
    ),
    _connection(
        "connwatch_connection_last_updated_timestamp_seconds",
        f"Unix time at which a connection last brought data. {_DATA}",
    ),
    _connection("connwatch_connection_expires_timestamp_seconds", "Unix time at which a connection's consent ends."),
)

FAMILIES: Final[tuple[Family, ...]] = (
    *_COUNTS,
    *_CLOCKS,
    *_HISTORY,
    *_NAMES,
    *_CONNECTIONS,
    *WATCHING,
    *PROCESS,
)
FAMILY: Final = {family.name: family for family in FAMILIES}
