from __future__ import annotations

from asyncio import TaskGroup

from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.book import Record
from connwatch.web.roster import Roster, tag_of
from connwatch.web.turns import SLICE, Turns
from tests.core.cast import target
from tests.web.scene import CountingClock

STEPS = st.lists(st.tuples(st.sampled_from(["come", "go", "read"]), st.integers(0, 12)), max_size=60)


@settings(deadline=None, max_examples=25)
@given(STEPS)
async def test_the_order_holds_whoever_comes_and_goes(steps: list[tuple[str, int]]) -> None:
    """At each look exactly those that are there are listed, once and in the one order; also who left and came again."""
    roster, turns = Roster(), Turns(CountingClock())
    records: dict[str, Record] = {}
    for what, number in [*steps, ("read", 0)]:
        id_ = f"user-{number}"
        if what == "come":
            records.setdefault(id_, Record(target(id_)))
        elif what == "go":
            records.pop(id_, None)
        else:
            expected = sorted((tag_of(one), one) for one in records)
            assert list(await roster.targets(records, 0, turns)) == expected
            middle = expected[len(expected) // 2][0] if expected else 0
            assert list(await roster.targets(records, middle, turns)) == [
                pair for pair in expected if pair[0] >= middle
            ]


async def test_a_million_arrivals_are_shelved_in_turns() -> None:
    """The first look at a large source lets others run; the next one has nothing left to do."""
    clock = CountingClock()
    turns = Turns(clock)
    records = {f"user-{number}": Record(target(f"user-{number}")) for number in range(5 * SLICE)}
    roster = Roster()
    await roster.targets(records, 0, turns)
    assert clock.turns == 5
    records["late"] = Record(target("late"))
    listed = dict(await roster.targets(records, 0, turns))
    assert clock.turns == 5
    assert len(listed) == len(records)


async def test_what_shares_a_shelf_is_told_apart() -> None:
    """Going on in the middle of a shelf repeats nothing that stands before."""
    records = {f"user-{number}": Record(target(f"user-{number}")) for number in range(4000)}
    roster, turns = Roster(), Turns(CountingClock())
    whole = list(await roster.targets(records, 0, turns))
    for place in range(0, len(whole), 97):
        assert list(await roster.targets(records, whole[place][0], turns)) == whole[place:]


async def test_two_first_looks_at_once_see_everything() -> None:
    """Each reader sees whatever is there, and sees it once, though both fill the shelves."""
    records = {f"user-{number}": Record(target(f"user-{number}")) for number in range(2 * SLICE)}
    roster, clock = Roster(), CountingClock()
    async with TaskGroup() as group:
        looks = [group.create_task(roster.targets(records, 0, Turns(clock))) for _ in range(2)]
    assert [len(list(look.result())) for look in looks] == [len(records)] * 2


def test_a_tag_tells_nothing_of_an_id() -> None:
    """Ids that differ little are far apart, and the tag is the same after every restart."""
    assert tag_of("user-1") == 0x9AAC5A8621EAE188
    assert abs(tag_of("user-1") - tag_of("user-2")) > 1 << 40
