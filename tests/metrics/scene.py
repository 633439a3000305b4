"""A small fleet of two sources that have lived for a while, made by the core itself, and its exposition."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from connwatch.core.fleet import Fleet
from connwatch.core.model import Accounts, Connection, Failure, Target, TargetState
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.poll import Failed, Listing, Polled
from connwatch.core.ports import Vitals
from connwatch.core.step import pass_time, step
from connwatch.core.tally import Tally
from connwatch.metrics import Exposition, ProcessRecorder
from connwatch.metrics.connections import Mode
from connwatch.metrics.exposition import TURN
from tests.core.cast import DAY, HOUR, INTERVAL, NOW, POLICY, Item, polled, read, target

LATER = NOW + HOUR
COMPANIES = replace(POLICY, source="utility", provider="nectar", pause=None)
FACTS = Facts(
    names={"bank-a": "Bank A plc"},
    statuses=(
        InstitutionStatus("bank-a", "web", "sync", "TEMPORARILY_UNAVAILABLE"),
        InstitutionStatus("elsewhere", "web", "sync", "TEMPORARILY_UNAVAILABLE"),
    ),
)
NASTY = 'back\\slash "quote"\nnew line, ünïcode 🔌'
TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def with_accounts(item: Item) -> Connection:
    """Read as the cast does, with accounts."""
    one = read(item)
    return replace(one, accounts=(Accounts("ONBOARDED", "ENABLED", 3),))


def listed(fleet: Fleet, source: str, name: str, *items: Item, at: float = NOW, company: str = "acme") -> None:
    """A target of a source was listed completely."""
    book = fleet.books[source]
    record = book.records.get(name)
    before = record.state if record else target(name, company=company, at=at)
    fleet.apply(source, step(before, polled(*items, at=at), book.policy, book.facts, at))


def pass_until(fleet: Fleet, now: float) -> None:
    """Let time pass."""
    for source, name in fleet.due(now):
        book = fleet.books[source]
        fleet.apply(source, pass_time(book.records[name].state, book.policy, book.facts, now))


def two_sources() -> Fleet:
    """Banks of end users and utilities of companies, an hour after they were first asked."""
    fleet = Fleet()
    fleet.open(POLICY, FACTS, Tally(POLICY, {}))
    fleet.open(COMPANIES, Facts(), Tally(COMPANIES, {}))
    listed(
        fleet,
        "bank",
        "user-1",
        Item("a", expires_at=NOW + 3 * DAY, renewal="reauth"),
        Item("b", status="bad", institution="bank-b"),
        Item("c", data_at=NOW - 37 * HOUR),
        Item("d", expires_at=NOW - DAY),
    )
    listed(fleet, "bank", "user-2", Item("e", status="odd"), Item("f", data_at=None, institution="bank-b"))
    listed(
        fleet,
        "bank",
        "user-1",
        Item("a", expires_at=NOW + 3 * DAY, renewal="reauth"),
        Item("b"),
        Item("c"),
        at=NOW + 60,
    )
    company = TargetState(Target("id-1", f"Energy {NASTY}", f"Energy {NASTY}"), first_seen=NOW, due=NOW)
    event = Polled(Listing.of(map(with_accounts, (Item("n1"), Item("n2", status="wait", data_at=None)))), NOW)
    fleet.apply("utility", step(company, event, COMPANIES, Facts(), NOW))
    nameless = TargetState(Target("id-2", "id-2"), first_seen=NOW, due=NOW)
    fleet.apply("utility", step(nameless, Failed(Failure("timeout"), NOW), COMPANIES, Facts(), NOW))
    pass_until(fleet, LATER)
    return fleet


def vitals(_now: float) -> Sequence[Vitals]:
    """How the two sources are doing."""
    return (
        Vitals("bank", "basiq", True, 12.5, 120.0, 0.5, INTERVAL, NOW - 30),
        Vitals("utility", "nectar", None, None, 300.0, 1.0, INTERVAL, None),
    )


def recorder() -> ProcessRecorder:
    """A process that has done one of each."""
    made = ProcessRecorder(version="1.2.3")
    made.watch("bank", "basiq")
    made.polled("bank", "basiq", "ok")
    made.requested("bank", "basiq", "connections", "200", 0.2)
    made.waited("bank", "basiq", 1.5)
    made.token("bank", "basiq", NOW + HOUR)
    made.skewed("bank", "basiq", -2.0)
    made.committed(0.004)
    made.store_up(True)
    made.store_failed()
    made.reloaded(True, NOW, "5f72")
    return made


def exposed(
    fleet: Fleet,
    per_connection: Mode = "none",
    *,
    institutions: bool = True,
    max_series: int = 100_000,
    process: CollectorRegistry | None = None,
    turn: int = TURN,
) -> Exposition:
    """An exposition of a fleet."""
    return Exposition(
        fleet,
        per_connection=per_connection,
        institutions=institutions,
        max_series=max_series,
        vitals=vitals,
        process=process or CollectorRegistry(),
        turn=turn,
    )


def text(exposition: Exposition, now: float = LATER, accept: str = TEXT) -> str:
    """The whole body."""
    return b"".join(exposition.body(accept, now, gzip=False)[1]).decode()
