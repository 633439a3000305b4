"""A dictionary that can also draw one of its values at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, ValuesView

    from connwatch.simulator.world.chance import Dice

T = TypeVar("T")


class Roster(Generic[T]):
    """Values by id, in the order in which they came."""

    def __init__(self) -> None:
        self._values: dict[str, T] = {}
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._values

    def __getitem__(self, id_: str) -> T:
        return self._values[id_]

    def get(self, id_: str) -> T | None:
        """Give the value of this id, or None."""
        return self._values.get(id_)

    def values(self) -> ValuesView[T]:
        """Give all values, oldest first."""
        return self._values.values()

    def put(self, id_: str, value: T) -> None:
        """Take in a value, or replace it in its place."""
        if id_ not in self._places:
            self._places[id_] = len(self._ids)
            self._ids.append(id_)
        self._values[id_] = value

    def drop(self, id_: str) -> T:
        """Give up a value. Raises KeyError if it isn't there."""
        value = self._values.pop(id_)
        place, last = self._places.pop(id_), self._ids.pop()
        if last != id_:
            self._ids[place] = last
            self._places[last] = place
        return value

    def draw(self, dice: Dice) -> T:
        """Draw one of the values, all alike. The roster must not be empty."""
        return self._values[dice.pick(self._ids)]
