from __future__ import annotations

import gc
from weakref import ref

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.fleet import Fleet
from connwatch.web.catalogue import START, Catalogue, Look
from connwatch.web.turns import SLICE
from tests.core.cast import POLICY, Item
from tests.fakes import FakeClock
from tests.web.scene import UTILITY, CountingClock, listed, opened

CLOSING = 9
"""The turn at which a source closes: when all of it is shelved, and half of it is walked."""
HOMES = st.dictionaries(
    st.integers(0, 40).map("c-{}".format), st.tuples(st.sampled_from(["bank", "utility"]), st.integers(0, 5))
)


def everything(_look: Look) -> bool:
    """No filter."""
    return True


def settled(fleet: Fleet, homes: dict[str, tuple[str, int]], at: float) -> None:
    """Each connection is where it belongs, and targets without any are gone."""
    for source, book in fleet.books.items():
        there = {f"user-{number}" for whose, number in homes.values() if whose == source}
        for target in tuple(book.records):
            fleet.remove(source, target)
        for target in sorted(there):
            items = [
                Item(id_) for id_, (whose, number) in homes.items() if (whose, f"user-{number}") == (source, target)
            ]
            listed(fleet, source, target, *items, at=at)


@settings(deadline=None, max_examples=25)
@given(HOMES, HOMES, st.integers(1, 7), st.integers(0, 5))
async def test_paging_neither_skips_nor_repeats(
    before: dict[str, tuple[str, int]], after: dict[str, tuple[str, int]], limit: int, turned: int
) -> None:
    """What exists throughout is listed exactly once, whatever comes and goes between two pages."""
    fleet, clock = opened(POLICY, UTILITY), FakeClock()
    settled(fleet, before, clock.now())
    catalogue = Catalogue(fleet, clock)
    listed_ids: list[tuple[str, str]] = []
    position, pages = START, 0
    while True:
        if pages == turned:
            settled(fleet, after, clock.now())
        page = await catalogue.page(everything, limit, position)
        assert len(page.looks) <= limit
        listed_ids += [(look.policy.source, look.held.seen.id) for look in page.looks]
        pages += 1
        assert pages <= len(before) + len(after) + 1, "paging comes to no end"
        if page.last is None:
            break
        position = page.last
    stayed = {(home[0], id_) for id_, home in before.items() if after.get(id_) == home}
    assert set(listed_ids) >= (stayed if pages > turned else {(home[0], id_) for id_, home in before.items()})
    assert all(listed_ids.count(one) == 1 for one in stayed)


async def test_paging_goes_from_source_to_source() -> None:
    """Each source is listed from its beginning, wherever the last one ended."""
    fleet = opened(POLICY, UTILITY)
    for number in range(20):
        for source in fleet.books:
            listed(fleet, source, f"user-{number}", Item(f"{source}-{number}"))
    catalogue, position, ids = Catalogue(fleet, FakeClock()), START, list[str]()
    for _ in range(10):
        page = await catalogue.page(everything, 4, position)
        ids += [look.held.seen.id for look in page.looks]
        position = page.last or position
    assert len(ids) == len(set(ids)) == 40
    assert page.last is None


async def test_the_last_page_is_known_to_be_the_last() -> None:
    """A limit that fits exactly leads to no empty page."""
    fleet = opened(POLICY)
    listed(fleet, "bank", "user-1", *(Item(f"c-{number}") for number in range(4)))
    page = await Catalogue(fleet, FakeClock()).page(everything, 4, START)
    assert (len(page.looks), page.last) == (4, None)


async def test_a_long_walk_is_made_in_turns() -> None:
    """Nobody waits for a search through a large fleet, be it in many targets or in one."""
    fleet, clock = opened(POLICY), CountingClock()
    listed(fleet, "bank", "large", *(Item(f"c-{number}") for number in range(2 * SLICE)))
    for number in range(SLICE):
        listed(fleet, "bank", f"user-{number}", Item(f"own-{number}"))
    catalogue = Catalogue(fleet, clock)
    page = await catalogue.page(lambda look: look.held.seen.id == "own-7", 1, START)
    assert [look.held.seen.id for look in page.looks] == ["own-7"]
    assert clock.turns >= 4
    before = clock.turns
    assert await catalogue.find("bank", "nobody") is None
    assert clock.turns > before


async def test_a_source_that_closes_meanwhile_is_no_fault() -> None:
    """A reload in the middle of a walk takes its source out of the list, and no more."""
    fleet = opened(POLICY, UTILITY)
    for number in range(6 * SLICE):
        listed(fleet, "bank", f"user-{number}")
    listed(fleet, "utility", "company", Item("other"))

    class Closing(CountingClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.turns == CLOSING:
                fleet.close("bank")

    page = await Catalogue(fleet, Closing()).page(everything, 1000, START)
    assert [look.held.seen.id for look in page.looks] == ["other"]
    assert "bank" not in fleet.books


async def test_a_closed_source_is_let_go_of() -> None:
    """What was remembered for paging goes with its source."""
    fleet = opened(POLICY)
    listed(fleet, "bank", "user-1", Item("c"))
    catalogue = Catalogue(fleet, FakeClock())
    await catalogue.page(everything, 1, START)
    book = ref(fleet.books["bank"])
    fleet.close("bank")
    gc.collect()
    assert book() is None
