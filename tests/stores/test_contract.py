"""What every store promises."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from connwatch.core.model import Accounts, Connection, Held, Moved, Target, TargetState, Verdict, Words
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.ports import Asleep, SourceMemory, TargetMemory
from connwatch.stores.batch import HISTORY
from tests.stores.conftest import LONG_ENOUGH, Shelf
from tests.stores.making import (
    NOW,
    Recalled,
    appeared,
    change,
    counted,
    dropped,
    held,
    ids,
    state,
    surviving,
    vanished,
)

RICH = Held(
    seen=Connection(
        id="b7:4e",
        words=Words(
            institution="bank-7",
            kind="openbanking",
            status="error",
            reason="mfa_required",
            institution_name="Bänk “Sieben”",
            renewal="reconsent",
            traits=("single_sync", "stopped"),
            unknown=(("status", "odd"),),
        ),
        created_at=NOW - 9000.5,
        status_since=NOW - 800.25,
        checked_at=NOW - 70.0,
        data_at=NOW - 60.0,
        expires_at=NOW + 5000.0,
        accounts=(Accounts("ACTIVE", "ON", 3), Accounts("CLOSED", "unset", 1)),
    ),
    verdict=Verdict("action_required", "stopped", judged=True, stale=True, age=4),
    until=NOW + 10.0,
    since=NOW - 700.0,
    status_since=NOW - 800.25,
    first_seen=NOW - 9001.0,
    fingerprint=-12345,
    missing_since=NOW - 5.0,
    paused_until=NOW + 360.0,
    learned_at=NOW - 50.0,
)
BARE = Held(
    seen=Connection("b8", Words("bank-8", "api", "never", reason=None), accounts=()),
    verdict=Verdict("inactive", "inactive"),
    until=NOW,
    since=NOW - 1.0,
    status_since=NOW - 2.0,
    first_seen=NOW - 3.0,
)
FULL = TargetState(
    target=Target(id="t-full", company="Acme (1a2b3c4d)", name="Acme"),
    first_seen=NOW - 10_000.0,
    due=NOW + 900.5,
    connections={RICH.seen.id: RICH, BARE.seen.id: BARE},
    polled_at=NOW - 4.0,
    changed_at=NOW - 6.0,
    failures=3,
    outcome="throttled",
    absent_since=NOW - 8.0,
    gone=True,
)
NEW = TargetState(target=Target(id="t-new", company="acme"), first_seen=NOW, due=NOW)


async def test_an_empty_store_remembers_nothing(shelf: Shelf) -> None:
    """Nothing is invented."""
    assert await shelf.restart() == Recalled()
    assert await shelf.store.find("c1") == []
    assert await shelf.store.history("bank", "c1") == []


async def test_what_was_committed_is_loaded(shelf: Shelf) -> None:
    """Every field of targets and connections comes back as it was, but for what the core finds out again."""
    await shelf.commit(
        TargetMemory("bank", FULL, moved=(Moved(None, RICH), Moved(BARE, BARE)), at=NOW),
        TargetMemory("bank", NEW, at=NOW),
        appeared("t-full", held("elsewhere"), source="other"),
    )
    remembered = await shelf.restart()
    assert remembered.targets == {
        "bank": {"t-full": replace(FULL, connections=surviving(FULL.connections)), "t-new": NEW},
        "other": {"t-full": state("t-full", *surviving({"elsewhere": held("elsewhere")}).values())},
    }


async def test_every_target_has_its_own_connections(shelf: Shelf) -> None:
    """Whatever the order of their ids, whether they have any or none, and whoever went from between them."""
    ids = ["9", "10", "Z", "a", "ab", "é", "\U0001f50c", "~", "b"]
    some = {id_: (held(f"c-{id_}"),) if number % 3 else () for number, id_ in enumerate(ids)}
    await shelf.commit(*(appeared(id_, *connections) for id_, connections in some.items()))
    await shelf.commit(replace(appeared("ab"), dropped=True, at=NOW + 1.0))
    remembered = await shelf.restart()
    found = {id_: tuple(state.connections) for id_, state in remembered.targets["bank"].items()}
    assert found == {id_: tuple(one.seen.id for one in of) for id_, of in some.items() if id_ != "ab"}


async def test_the_last_state_wins(shelf: Shelf) -> None:
    """Of each target and connection the last state is kept; a connection that did not move stays as it was."""
    sick = held("c1", condition="degraded", status="error")
    await shelf.commit(appeared("t1", held("c1"), held("c2")))
    later = replace(state("t1", sick, held("c2")), polled_at=NOW + 900.0)
    await shelf.commit(TargetMemory("bank", later, moved=(Moved(held("c1"), sick),), at=NOW + 900.0))
    remembered = await shelf.restart()
    assert remembered.targets["bank"]["t1"] == replace(later, connections=surviving(later.connections))


async def test_targets_are_woken_as_they_are_read(shelf: Shelf) -> None:
    """Each of the source once, and complete: what they become is what is given."""
    await shelf.commit(appeared("t1", held("c2"), held("c1")), TargetMemory("bank", NEW, at=NOW))
    await shelf.commit(appeared("t1", held("c1"), source="other"))
    await shelf.restart()

    def wake(asleep: Iterable[Asleep]) -> list[tuple[str, list[str]]]:
        return [(one.target.id, sorted(kept[0].id for kept in connections)) for one, connections in asleep]

    given = [one async for some in shelf.store.targets("bank", wake) for one in some]
    assert given == [("t-new", []), ("t1", ["c1", "c2"])]


async def test_commits_at_the_same_time_are_all_kept(shelf: Shelf) -> None:
    """Whoever returns from `commit` finds its own memory in the store."""
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(shelf.store.commit([appeared(f"t{number}", held(f"c{number}"))]))
        await shelf.clock.advance(LONG_ENOUGH)
    remembered = await shelf.restart()
    assert {target: list(one.connections) for target, one in remembered.targets["bank"].items()} == {
        f"t{number}": [f"c{number}"] for number in range(40)
    }


async def test_sources_are_remembered(shelf: Shelf) -> None:
    """What was promised to a provider survives; its word on institutions is asked for anew, but names and who must attend stay."""
    kept = Facts(names={"bank-1": "Erste"}, attended=frozenset({("bank-1", "web"), ("bank-2", "web")}))
    facts = replace(kept, statuses=(InstitutionStatus("bank-1", "web", "sync", "major-outage"),), complete_at=NOW - 5.0)
    bank = SourceMemory("bank", NOW + 77.0, "cursor/7", NOW - 9.0, facts, frozenset({"u1", "u2"}))
    await shelf.commit(bank, SourceMemory("other"))
    await shelf.commit(SourceMemory("other", not_before=NOW))
    assert (await shelf.restart()).sources == {
        "bank": replace(bank, facts=kept),
        "other": SourceMemory("other", not_before=NOW),
    }


async def test_tallies_are_totals(shelf: Shelf) -> None:
    """The last total of each counter is kept, by source; committing one twice counts it once."""
    repair = ("repair", ("degraded", "sum"))
    moved = ("transitions", ("healthy", "degraded"))
    await shelf.commit(counted({repair: 12.5, moved: 1.0}), counted({moved: 7.0}, source="other"))
    await shelf.commit(counted({moved: 2.0}))
    await shelf.commit(counted({moved: 2.0}))
    assert (await shelf.restart()).tallies == {"bank": {repair: 12.5, moved: 2.0}, "other": {moved: 7.0}}


async def test_a_removed_connection_is_not_loaded_and_can_be_explained(shelf: Shelf) -> None:
    """What is gone is gone from the fleet, and stays with its history until it expires."""
    await shelf.commit(appeared("t1", held("c1"), held("c2")))
    await shelf.commit(vanished("t1", held("c1"), at=NOW + 60.0))
    remembered = await shelf.restart()
    assert list(remembered.targets["bank"]["t1"].connections) == ["c2"]
    assert ids(await shelf.store.find("c1")) == [("bank", "t1", ["c1"])]
    assert await shelf.store.history("bank", "c1") == [
        change("c1", NOW, after="healthy"),
        change("c1", NOW + 60.0, before="healthy"),
    ]


async def test_a_dropped_target_is_not_loaded_until_it_comes_back(shelf: Shelf) -> None:
    """A target that comes back is there as the core says, and its connection goes on with its history."""
    await shelf.commit(appeared("t1", held("c1")))
    await shelf.commit(dropped("t1", held("c1"), at=NOW + 60.0))
    assert (await shelf.restart()).targets == {}
    assert ids(await shelf.store.find("c1")) == [("bank", "t1", ["c1"])]
    again = replace(held("c1"), first_seen=NOW + 90.0)
    await shelf.commit(appeared("t1", again, at=NOW + 90.0))
    remembered = await shelf.restart()
    assert remembered.targets["bank"]["t1"].connections == surviving({"c1": again})
    assert [line.at for line in await shelf.store.history("bank", "c1")] == [NOW, NOW + 60.0, NOW + 90.0]


async def test_a_connection_is_found_in_each_source(shelf: Shelf) -> None:
    """The target comes with that connection only, as a restart would leave it."""
    await shelf.commit(
        appeared("t1", held("c1"), held("c2")),
        appeared("t9", held("c1"), source="other"),
    )
    assert ids(await shelf.store.find("c1")) == [("bank", "t1", ["c1"]), ("other", "t9", ["c1"])]
    assert await shelf.store.find("c2", "bank") == [("bank", state("t1", *surviving({"c2": held("c2")}).values()))]
    assert await shelf.store.find("c1", "nowhere") == []


async def test_of_a_connection_that_moved_the_present_one_is_found(shelf: Shelf) -> None:
    """Two targets had it: the one that has it now counts, else the one that had it last."""
    await shelf.commit(appeared("t1", held("c1")))
    await shelf.commit(appeared("t2", held("c1")))
    await shelf.commit(vanished("t1", held("c1"), at=NOW + 60.0))
    assert ids(await shelf.store.find("c1")) == [("bank", "t2", ["c1"])]
    assert list((await shelf.restart()).targets["bank"]["t2"].connections) == ["c1"]
    await shelf.commit(vanished("t2", held("c1"), at=NOW + 30.0))
    assert ids(await shelf.store.find("c1")) == [("bank", "t1", ["c1"])]


async def test_what_is_gone_expires(shelf: Shelf) -> None:
    """Connections and targets that are gone since before that instant are erased with their history, and nothing else is."""
    await shelf.commit(appeared("t1", held("c1"), held("c2"), held("c3")), appeared("t2", held("d1")))
    await shelf.commit(vanished("t1", held("c1"), at=NOW + 60.0), vanished("t1", held("c2"), at=NOW + 61.0))
    await shelf.commit(dropped("t2", held("d1"), at=NOW + 60.0))
    assert await shelf.store.expire(NOW + 60.0) == 0
    assert await shelf.store.expire(NOW + 61.0) == 2
    assert await shelf.store.expire(NOW + 61.0) == 0
    assert list((await shelf.restart()).targets["bank"]["t1"].connections) == ["c3"]
    assert [len(await shelf.store.find(id_)) for id_ in ("c1", "c2", "c3", "d1")] == [0, 1, 1, 0]
    assert [len(await shelf.store.history("bank", id_)) for id_ in ("c1", "c2", "c3", "d1")] == [0, 2, 1, 0]


async def test_an_empty_id_stands_for_nobody_else(shelf: Shelf) -> None:
    """A connection whose provider gave it no id expires alone, and does not take its target along."""
    await shelf.commit(appeared("t1", held(""), held("c1")))
    await shelf.commit(vanished("t1", held("")))
    assert await shelf.store.expire(NOW + 1.0) == 1
    assert list((await shelf.restart()).targets["bank"]["t1"].connections) == ["c1"]


async def test_many_expire_at_once(shelf: Shelf) -> None:
    """More than one slice of them is erased, and all are counted."""
    crowd = [held(f"c{number}") for number in range(1_500)]
    await shelf.commit(appeared("t1", *crowd, held("stays")))
    await shelf.commit(vanished("t1", *crowd))
    assert await shelf.store.expire(NOW + 1.0) == 1_500
    assert list((await shelf.restart()).targets["bank"]["t1"].connections) == ["stays"]


async def test_history_is_bounded(shelf: Shelf) -> None:
    """Of each connection the newest lines are kept, once it was tidied up; others lose nothing."""
    await shelf.commit(appeared("t1", held("calm")))
    for start in range(0, HISTORY + 20, 35):
        lines = tuple(change("wild", NOW + at, after="degraded") for at in range(start, start + 35))
        await shelf.commit(TargetMemory("bank", state("t1"), transitions=lines, at=NOW))
    await shelf.store.expire(NOW)
    assert [line.at - NOW for line in await shelf.store.history("bank", "wild")] == list(range(20, HISTORY + 20))
    assert len(await shelf.store.history("bank", "calm")) == 1


async def test_a_connection_is_forgotten_on_request(shelf: Shelf) -> None:
    """It is erased at once with its history, there and gone ones alike, in one source or in all; and nothing else is."""
    for source in ("bank", "other"):
        await shelf.commit(appeared("t1", held("c1"), held("c2"), source=source))
    await shelf.commit(vanished("t1", held("c1"), source="other"))
    assert await shelf.store.forget(connection="c1", source="bank") == 1
    assert ids(await shelf.store.find("c1")) == [("other", "t1", ["c1"])]
    assert await shelf.store.forget(connection="c1") == 1
    assert await shelf.store.forget(connection="c1") == 0
    remembered = await shelf.restart()
    assert {source: list(one["t1"].connections) for source, one in remembered.targets.items()} == {
        "bank": ["c2"],
        "other": ["c2"],
    }
    assert await shelf.store.find("c1") == []
    assert await shelf.store.history("other", "c1") == []
    assert len(await shelf.store.history("bank", "c2")) == 1


async def test_a_user_is_forgotten_on_request(shelf: Shelf) -> None:
    """An end user is erased with all connections, and from those that an event feed told of."""
    await shelf.commit(appeared("u1", held("c1"), held("c2")), appeared("u2", held("d1")))
    await shelf.commit(vanished("u1", held("c2")))
    await shelf.commit(SourceMemory("bank", announced=frozenset({"u1", "u2"})), SourceMemory("other", cursor="x"))
    assert await shelf.store.forget(target="u1") == 2
    remembered = await shelf.restart()
    assert list(remembered.targets["bank"]) == ["u2"]
    assert remembered.sources == {
        "bank": SourceMemory("bank", announced=frozenset({"u2"})),
        "other": SourceMemory("other", cursor="x"),
    }
    assert [await shelf.store.find(id_) for id_ in ("c1", "c2")] == [[], []]
    assert await shelf.store.history("bank", "c1") == []
    assert len(await shelf.store.history("bank", "d1")) == 1


async def test_forgetting_everything_is_no_request(shelf: Shelf) -> None:
    """Without saying whom, nothing is erased."""
    await shelf.commit(appeared("t1", held("c1")))
    with pytest.raises(ValueError, match="neither"):
        await shelf.store.forget(source="bank")
    assert len(await shelf.store.find("c1")) == 1


async def test_a_store_says_from_the_start_that_it_is_up(shelf: Shelf) -> None:
    """`connwatch_store_up` is there before the first commit."""
    assert shelf.recorder.store_states == [True]
