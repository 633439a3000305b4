"""What providers answer: the connections of the simulator's worlds in each provider's own JSON, a line each, dealt to targets.

Every connection is one of its own, with its own id, times and words: nothing is shared that a provider wouldn't share.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Final, NamedTuple

import msgspec

from connwatch.simulator.shapes import basiq, moneyhub, nectar, stamps
from connwatch.simulator.world.chance import Dice
from connwatch.simulator.world.founding import found
from connwatch.simulator.world.model import Connection
from connwatch.simulator.world.places import COMPANIES
from connwatch.simulator.world.world import World
from tests.bench.alone import processes

NOW: Final = 1_790_000_000.0
"""The instant at which the pages were made, and at which the daemon's clock begins."""
WORLD: Final = 2500
"""Connections of one world: large enough to have all documented states, and small enough to be made quickly."""
PARTS: Final = 2
UUID: Final = 36
"""Characters of one."""
Item = dict[str, Any]


class Kind(NamedTuple):
    """One provider's way to tell of connections."""

    item: Callable[[World, Connection], Item]
    flip: Callable[[Item, str, str], None]
    """Change what is told of a connection: it broke, or it works again. The times are those of this change, in two spellings."""
    before: bytes
    """What stands before the items in a reply; `%d` is their number."""
    after: bytes
    digits: int
    """Length of a target's id."""


def _nectar(world: World, each: Connection) -> Item:
    return nectar.connection(each, world.owner(each.owner), world.institutions[each.institution], world.now)


def _moneyhub(world: World, each: Connection) -> Item:
    return moneyhub.connection(each, world.institutions[each.institution], world.now)


def _basiq(world: World, each: Connection) -> Item:
    return basiq.connection(each, world.now)


def _flip_nectar(item: Item, seconds: str, _millis: str) -> None:
    item["status"] = "WEBSITE_DOWN" if item["status"] == "CONNECTED" else "CONNECTED"
    item["statusFirstSeenTime"] = item["updated"] = seconds


def _flip_moneyhub(item: Item, _seconds: str, millis: str) -> None:
    fine = item["status"] == "ok"
    item |= {"status": "error", "error": "sync_error"} if fine else {"status": "ok", "error": None}
    item["lastUpdated"] = millis


def _flip_basiq(item: Item, seconds: str, _millis: str) -> None:
    item |= {"status": "invalid" if item.get("status") == "active" else "active", "lastUsed": seconds}


KINDS: Final[Mapping[str, Kind]] = {
    "nectar": Kind(
        _nectar,
        _flip_nectar,
        b'{"totalConnections":%d,"perPage":500,"totalPages":1,"currentPage":1,"hasNext":false,"hasPrevious":false,'
        b'"connections":[',
        b"]}",
        UUID,
    ),
    "moneyhub": Kind(_moneyhub, _flip_moneyhub, b'{"data":[', b'],"meta":{}}', 24),
    "basiq": Kind(
        _basiq, _flip_basiq, b'{"type":"list","data":[', b'],"links":{"self":"https://au-api.basiq.io"}}', UUID
    ),
}


def identity(number: int, digits: int) -> str:
    """The id of a target, as its provider writes them. It begins with its number."""
    tail = Dice("target", number).hex(32)[8:]
    if digits < UUID:
        return f"{number:08x}{tail}"[:digits]
    return f"{number:08x}-{tail[:4]}-4{tail[5:8]}-a{tail[9:12]}-{tail[12:]}"


def company(number: int) -> str:
    """The name of a target that is a company."""
    return f"{COMPANIES[number % len(COMPANIES)][0]} {number:05d}"


class Shelf:
    """The connections of one provider, `each` of them to a target, read from the file (see `written`) whenever they are asked for."""

    def __init__(self, folder: str, provider: str, each: int, targets: int) -> None:
        self.provider: Final = provider
        self.each: Final = each
        self.kind: Final = KINDS[provider]
        self._starts = array("Q", [0])
        path = _file(folder, provider)
        with path.open("rb") as file:
            at = 0
            for number, line in enumerate(islice(file, each * targets), 1):
                at += len(line)
                if number % each == 0:
                    self._starts.append(at)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def close(self) -> None:
        """Put it away."""
        os.close(self._file)

    def lines(self, number: int) -> list[bytes]:
        """The connections of a target, each as JSON."""
        start, end = self._starts[number : number + 2]
        return os.pread(self._file, end - start, start).splitlines()

    def page(self, lines: Sequence[bytes]) -> bytes:
        """A reply with these connections."""
        before = self.kind.before
        return b"%b%b%b" % (before % len(lines) if b"%d" in before else before, b",".join(lines), self.kind.after)

    def body(self, number: int) -> bytes:
        """The reply for a target."""
        return self.page(self.lines(number))

    def changed(self, line: bytes, at: float) -> bytes:
        """The same connection after it broke, or works again."""
        item = msgspec.json.decode(line)
        self.kind.flip(item, stamps.seconds(at), stamps.millis(at))
        return msgspec.json.encode(item)

    def target(self, number: int) -> str:
        """The id of a target."""
        return identity(number, self.kind.digits)

    def number(self, target: str) -> int:
        """Whose id it is."""
        return int(target[:8], 16)


class Renamed(Shelf):
    """Nectar's connections at so many utilities, as those of a whole continent would be."""

    def __init__(self, folder: str, each: int, targets: int, institutions: int) -> None:
        super().__init__(folder, "nectar", each, targets)
        self._institutions = institutions

    def lines(self, number: int) -> list[bytes]:
        """The connections of a target, each as JSON."""
        return [self._renamed(line, place) for place, line in enumerate(super().lines(number), number * self.each)]

    def _renamed(self, line: bytes, place: int) -> bytes:
        item = msgspec.json.decode(line)
        item["datasource"]["name"] = f"Utility {Dice('utility', place).word() % self._institutions} of Elmridge"
        return msgspec.json.encode(item)


def written(folder: str, count: int) -> None:
    """Have the files with so many connections of Nectar and of Moneyhub, or more, and half as many of Basiq."""
    told = Path(folder) / "connections.count"
    if told.exists() and int(told.read_text(encoding="ascii")) >= count:
        return
    with processes(PARTS) as pool:
        list(pool.map(partial(write, folder, -(-count // PARTS)), range(PARTS)))
    for provider in KINDS:
        with _file(folder, provider).open("wb") as whole:
            for part in (_file(folder, provider, part) for part in range(PARTS)):
                with part.open("rb") as piece:
                    copyfileobj(piece, whole, 1 << 20)
                part.unlink()
    told.write_text(str(count), encoding="ascii")


def write(folder: str, count: int, part: int) -> None:
    """Write the connections of worlds that no other part has."""
    encode = msgspec.json.Encoder().encode
    with ExitStack() as open_:
        files = {name: open_.enter_context(_file(folder, name, part).open("wb")) for name in KINDS}
        for number in range(-(-count // (WORLD * 2 // 5))):
            world = found(part + number * PARTS, WORLD, NOW)
            for each in world.connections.values():
                files[each.provider].write(encode(KINDS[each.provider].item(world, each)) + b"\n")


def _file(folder: str, provider: str, part: int | None = None) -> Path:
    return Path(folder) / f"{provider}{'' if part is None else f'.{part}'}.jsonl"
