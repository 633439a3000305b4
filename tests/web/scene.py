"""A small fleet made by the core itself, and the site that shows it on the loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import ClientSession
from msgspec.structs import replace

from connwatch.core.fleet import Fleet
from connwatch.core.policy import Facts, InstitutionStatus, Policy
from connwatch.core.ports import TargetMemory, Vitals
from connwatch.core.step import step
from connwatch.core.tally import Tally
from connwatch.stores.memory import MemoryStore
from connwatch.web import Ports, Site
from tests.core.cast import DAY, HOUR, INTERVAL, NOW, POLICY, Item, polled, target
from tests.fakes import FakeClock, FakeRecorder

UTILITY: Final = replace(POLICY, source="utility", provider="nectar", expiring_within=10 * DAY)
FACTS: Final = Facts(
    names={"bank-a": "Bank A plc"},
    statuses=(
        InstitutionStatus("bank-a", "web", "sync", "TEMPORARILY_UNAVAILABLE"),
        InstitutionStatus("elsewhere", "web", "sync", "TEMPORARILY_UNAVAILABLE"),
    ),
    complete_at=NOW,
)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class CountingClock(FakeClock):
    """Counts how often others were given their turn."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.turns = 0

    async def sleep(self, seconds: float) -> None:
        """Wait, and count."""
        self.turns += 1
        await super().sleep(seconds)


def opened(*policies: Policy, facts: Facts = FACTS) -> Fleet:
    """A fleet of sources that were never asked."""
    fleet = Fleet()
    for policy in policies:
        fleet.open(policy, facts, Tally(policy, {}))
    return fleet


def listed(fleet: Fleet, source: str, name: str, *items: Item, company: str = "acme", at: float = NOW) -> TargetMemory:
    """A target of a source was listed completely; what a store would remember of it."""
    book = fleet.books[source]
    record = book.records.get(name)
    before = record.state if record else target(name, company=company, at=at)
    made = step(before, polled(*items, at=at), book.policy, book.facts, at)
    fleet.apply(source, made)
    return TargetMemory(source=source, state=made.state, moved=made.moved, transitions=made.transitions, at=at)


def grown() -> Fleet:
    """Two sources in which everything is the matter that can be."""
    fleet = opened(POLICY, UTILITY)
    listed(
        fleet,
        "bank",
        "user-1",
        Item("fine"),
        Item("asks", status="bad", institution="bank-b"),
        Item("asks-too", status="bad", institution="bank-b"),
        Item("down", status="bad", reason="site", data_at=NOW - 40 * HOUR),
        Item("stale", data_at=NOW - 40 * HOUR),
    )
    listed(
        fleet,
        "bank",
        "user-2",
        Item("ends", expires_at=NOW + 3 * DAY, renewal="reconsent"),
        Item("ended", expires_at=NOW - DAY),
        Item("later", expires_at=NOW + 8 * DAY),
        Item("odd", status="novel"),
        company="beta",
    )
    listed(
        fleet,
        "utility",
        "company-1",
        Item("grid:1", status="looked_into", institution="grid"),
        Item("grid:2", status="over", expires_at=NOW + DAY, institution="grid"),
        Item("grid:3", expires_at=NOW + 9 * DAY, institution="grid"),
        company="Energy",
    )
    return fleet


def vitals(_now: float) -> Sequence[Vitals]:
    """How the two sources are doing."""
    return (
        Vitals("bank", "basiq", True, 12.5, 120.0, 0.5, INTERVAL, NOW - 30),
        Vitals("utility", "nectar", None, None, 300.0, 1.0, INTERVAL, None),
    )


def body(_accept: str, _now: float, _gzip: bool) -> tuple[str, Sequence[bytes]]:
    """A scrape of two chunks."""
    return CONTENT_TYPE, [b"a 1\n", b"b 2\n"]


async def no_problems() -> Sequence[str]:
    """A reload that succeeds."""
    return ()


def ports(fleet: Fleet | None = None, **others: Any) -> Ports:
    """What a site is given, with as much of it replaced as a test needs."""
    given: dict[str, Any] = {
        "fleet": fleet if fleet is not None else grown(),
        "store": MemoryStore(FakeRecorder()),
        "clock": FakeClock(NOW),
        "refresh": lambda _now, _gzip: False,
        "body": body,
        "vitals": vitals,
        "readiness": tuple,
        "reload": no_problems,
        "version": "1.2.3",
    }
    return Ports(**given | others)


@asynccontextmanager
async def served(given: Ports) -> AsyncIterator[ClientSession]:
    """The site on a port of the loopback, and somebody who reads it."""
    site = Site(given)
    [(host, port)] = await site.start([("127.0.0.1", 0)])
    try:
        async with ClientSession(f"http://{host}:{port}") as reader:
            yield reader
    finally:
        await site.stop()
