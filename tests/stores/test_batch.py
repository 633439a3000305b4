"""What waits to be written, merged."""

from __future__ import annotations

from msgspec.structs import replace

from connwatch.core.ports import SourceMemory, TargetMemory
from connwatch.stores.batch import HISTORY, Batch
from tests.stores.making import NOW, appeared, change, counted, held, state, vanished


def batch(*memories: TargetMemory | SourceMemory) -> Batch:
    """These memories, waiting."""
    made = Batch()
    for memory in memories:
        made.add(memory)
    return made


def test_of_two_states_the_newer_one_waits() -> None:
    """Whether they came into one batch or into two that are merged, each thing has one row: its last."""
    before = (
        appeared("t1", held("c1"), held("c2")),
        counted({("unknown", ("status",)): 1.0}),
        SourceMemory("bank", cursor="1"),
    )
    after = (
        vanished("t1", held("c1"), at=NOW + 60.0),
        counted({("unknown", ("status",)): 2.0}),
        SourceMemory("bank", cursor="2"),
    )
    merged = batch(*before)
    merged.update(batch(*after))
    at_once = batch(*before, *after)
    for one in (merged, at_once):
        assert [(row[2], row[-1]) for row in one.connection_rows()] == [("c1", NOW + 60.0), ("c2", None)]
        assert [row[-1] for row in one.tallies.values()] == [2.0]
        assert one.sources["bank"][2] == "2"
    assert vars(merged) == vars(at_once)


def test_history_is_kept_when_states_are_merged() -> None:
    """Every change of a connection waits to be written, oldest first."""
    merged = batch(appeared("t1", held("c1")))
    merged.update(batch(vanished("t1", held("c1"), at=NOW + 60.0)))
    assert [line.at for line in merged.changes("bank", "c1")] == [NOW, NOW + 60.0]


def test_a_long_failure_does_not_fill_the_memory() -> None:
    """A connection that changes for ever has one row, and as many lines of history as would be kept anyway."""
    waiting = Batch()
    for number in range(200):
        lines = (change("c1", NOW + number), change("c1", NOW + number + 0.5))
        waiting.update(batch(replace(appeared("t1", held("c1")), transitions=lines)))
    assert len(waiting.changes("bank", "c1")) == HISTORY
    assert waiting.changes("bank", "c1")[-1].at == NOW + 199.5
    assert len(waiting) == 3


def test_what_waits_is_found() -> None:
    """While the store is down, what it cannot tell yet is told by what waits."""
    waiting = batch(appeared("t1", held("c1"), held("c2")), appeared("t2", held("c1"), source="other"))
    assert sorted(waiting.find("c1")) == [("bank", "t1"), ("other", "t2")]
    assert waiting.find("c3") == {}
    assert [len(waiting.changes(source, "c1")) for source in ("bank", "other", "third")] == [1, 1, 0]
    assert waiting.changes("bank", "c3") == []


def test_what_is_forgotten_is_written_no_more() -> None:
    """A connection, or a target with all that it has, in one source or in all."""
    memories = [
        appeared(target, held("c1"), held("c2"), source=whose) for whose in ("a", "b") for target in ("t1", "t2")
    ]
    waiting = batch(*memories, TargetMemory("a", state("t3")))
    assert waiting.forget(id_="c1", target=None, source="a") == {("a", "t1", "c1"), ("a", "t2", "c1")}
    assert waiting.forget(id_=None, target="t1", source=None) == {
        ("a", "t1", "c2"),
        ("b", "t1", "c1"),
        ("b", "t1", "c2"),
    }
    left = [("a", "t2", "c2"), ("b", "t2", "c1"), ("b", "t2", "c2")]
    assert [row[:3] for row in waiting.connection_rows()] == list(waiting.history) == left
    assert list(waiting.targets) == [("a", "t2"), ("b", "t2"), ("a", "t3")]
