"""The lines of single connections: only what changed is written."""

from __future__ import annotations

import pytest

from connwatch.core.fleet import Fleet
from connwatch.core.model import Held
from connwatch.core.tally import Tally
from connwatch.metrics.pages import Entry, Pages
from connwatch.metrics.singles import NAMES
from tests.core.cast import INTERVAL, NO_FACTS, NOW, POLICY, Item
from tests.metrics.scene import listed


class Scene:
    """One target with very many connections, and who of them was written."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        self.entry = Entry()
        self.asked: list[str] = []
        self.pages = Pages(self.fleet, self.wanted, 1)

    def wanted(self, one: Held) -> bool:
        """Everybody. Who is written is asked for."""
        self.asked.append(one.seen.id)
        return True

    def written(self, *items: Item, at: float = NOW) -> list[str]:
        """The target was listed; who was written then."""
        listed(self.fleet, "bank", "u", *items, at=at)
        self.entry.counted = self.fleet.books["bank"].records["u"].state
        self.asked.clear()
        self.pages.follow("bank", (self.entry,))
        while self.pages.work(at, gzip=False):
            continue
        return self.asked

    def lines(self, family: int) -> bytes:
        """All lines of a family."""
        return b"".join(self.pages.written(NAMES[family], gzip=False))


@pytest.fixture
def scene() -> Scene:
    """Nobody was written yet."""
    return Scene()


def many(**changed: str) -> list[Item]:
    """Three hundred connections, of which some have another status."""
    return [Item(f"c{number}", status=changed.get(f"c{number}", "ok")) for number in range(300)]


def test_a_change_writes_its_connection_alone(scene: Scene) -> None:
    """The others of the same target, however many, keep their lines."""
    assert len(scene.written(*many())) == 300
    assert scene.written(*many(c150="bad")) == ["c150"]
    assert scene.written(*many(c150="bad")) == []
    assert scene.lines(0).count(b"\n") == 301


def test_who_comes_and_who_goes_moves_nobody(scene: Scene) -> None:
    """A new connection is written, a removed one is struck out, and its place is the next one's."""
    scene.written(*many())
    assert scene.written(Item("new"), *many()[1:]) == ["c0", "new"]
    assert scene.written(Item("new"), *many()[1:], at=NOW + INTERVAL) == []
    assert scene.lines(0).count(b"\n") == 300
    assert b'"c0"' not in scene.lines(0)
    assert scene.written(Item("newer"), Item("new"), *many()[1:], at=NOW + INTERVAL) == ["newer"]
    assert scene.lines(0).index(b'"newer"') < scene.lines(0).index(b'"c1"')


def test_where_only_our_look_is_known_it_alone_is_written(scene: Scene) -> None:
    """Each poll moves when a connection was checked, and leaves the chunks of the other families as they are."""
    items = [Item(f"c{number}", data_at=None) for number in range(300)]
    scene.written(*items)
    before = [list(scene.pages.written(name, gzip=False)) for name in NAMES]
    scene.written(*items, at=NOW + 60)
    after = [list(scene.pages.written(name, gzip=False)) for name in NAMES]
    same = [all(one is two for one, two in zip(was, is_, strict=True)) for was, is_ in zip(before, after, strict=True)]
    assert same == [name != "connwatch_connection_checked_timestamp_seconds" for name in NAMES]
