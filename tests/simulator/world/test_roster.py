"""Values by id, of which one can be drawn."""

from __future__ import annotations

from connwatch.simulator.world.chance import Dice
from connwatch.simulator.world.roster import Roster


def test_what_was_dropped_is_never_drawn() -> None:
    """Dropping from the middle leaves the others, each drawn alike, in the order in which they came."""
    roster: Roster[int] = Roster()
    for number in range(10):
        roster.put(str(number), number)
    for gone in ("3", "9", "0"):
        roster.drop(gone)

    dice = Dice("roster")
    drawn = {roster.draw(dice) for _ in range(300)}

    assert drawn == {1, 2, 4, 5, 6, 7, 8}
    assert list(roster.values()) == [1, 2, 4, 5, 6, 7, 8]


def test_a_replaced_value_keeps_its_place() -> None:
    """A change of a value neither moves nor doubles it."""
    roster: Roster[int] = Roster()
    roster.put("a", 1)
    roster.put("b", 2)
    roster.put("a", 3)

    assert list(roster.values()) == [3, 2]
    assert len(roster) == 2
