"""What is told for a week."""

from __future__ import annotations

from connwatch.simulator.world.journal import LONGEST, MEMORY, Journal


def test_a_week_is_remembered() -> None:
    """What is seven days old is told no more, newest or oldest first as one likes."""
    journal = Journal()
    for at in (0.0, 1.0, 2.0):
        journal.tell(at, "user", "created", f"user {at}")
    journal.forget(MEMORY + 1)

    assert [each.at for each in journal] == [2.0]
    journal.tell(3.0, "user", "deleted", "user")
    assert [each.at for each in reversed(journal)] == [3.0, 2.0]


def test_the_list_does_not_grow_without_end() -> None:
    """However much happens, only the newest are told."""
    journal = Journal()
    for number in range(LONGEST + 10):
        journal.tell(float(number), "user", "created", "user")

    assert next(each.at for each in journal) == 10
