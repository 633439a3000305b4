"""Lines 2 and 3: what it costs to read a page of 100 connections, and to tell what changed in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from msgspec.structs import replace

from connwatch.core.diff import Bench, Difference, diff
from connwatch.core.model import TargetState
from tests.bench.alone import alone
from tests.bench.decoding import DECODERS
from tests.bench.figures import Figure, Measured
from tests.bench.fleet import Grown, listing
from tests.bench.measure import rounds
from tests.bench.pages import NOW, Shelf
from tests.bench.scale import Scale

SIZE: Final = 100
"""Connections on a page."""
TURNS: Final = ("floor", "usual", "first")
Take: TypeAlias = Callable[[TargetState, bytes], object]
TARGETS: Final = 10
"""For line 3, so many times the pages of line 2: the connections that they are compared with are in no cache."""


def measure(folder: str, scale: Scale) -> Measured:
    """Each provider in a process of its own."""
    figures = [figure for provider in DECODERS for figure in alone(normalised, folder, scale, provider)]
    return Measured([*figures, alone(compared, folder, scale)])


def normalised(folder: str, scale: Scale, provider: str) -> Sequence[Figure]:
    """Line 2. Floor: the pages' bytes, decoded as a whole. Subject: the provider's conversation, which reads what is news.

    Either lets go of a page before it takes the next, as the daemon does; and no page is taken twice, by whomever. Pages come
    as they usually do, to one who knows them, with one item of a hundred changed; or for the first time, and all is read.
    """
    shelf = Shelf(folder, provider, SIZE, scale.pages * scale.rounds * len(TURNS))
    grown, decode = Grown(shelf, polled=False), DECODERS[provider].decode

    read = partial(listing, grown.provider)
    takers: dict[str, Take] = {"floor": lambda _state, body: decode(body), "usual": read, "first": read}
    heaps = {name: _pages(grown, range(spot, len(shelf), len(TURNS)), name) for spot, name in enumerate(TURNS)}

    def turn(name: str) -> Callable[[int], None]:
        take, left = takers[name], iter(list(heaps[name]))

        def some(_number: int) -> None:
            for state, body in islice(left, scale.pages):
                take(state, body)

        return some

    seconds = rounds({name: turn(name) for name in TURNS}, scale.rounds)
    rates = {name: scale.pages / taken for name, taken in seconds.items()}
    shelf.close()
    return (
        Figure(2, rates["usual"], rates["floor"], variant=f"{provider}, as it usually comes: 1 % changed"),
        Figure(2, rates["first"], rates["floor"], variant=f"{provider}, for the first time: all is read", extra=True),
    )


def _pages(grown: Grown, numbers: Sequence[int], turn: str) -> Iterator[tuple[TargetState, bytes]]:
    """Targets, as they are known before a turn, and what they list."""
    for number in numbers:
        lines = grown.shelf.lines(number)
        if turn == "usual":
            grown.poll(number, lines)
            lines[number % SIZE] = grown.shelf.changed(lines[number % SIZE], NOW)
        yield grown.state(number), grown.shelf.page(lines)


def compared(folder: str, scale: Scale) -> Figure:
    """Line 3. Floor: the pages' bytes, decoded as a whole. Subject: its conversation, and `diff` with what is held.

    In each round one connection on each page has changed, each time another one. Pages and what they are compared with
    are so many that neither is in a cache when its turn comes.
    """
    shelf = Shelf(folder, "nectar", SIZE, scale.pages * TARGETS)
    grown, decode = Grown(shelf), DECODERS["nectar"].decode
    states = [grown.state(number) for number in range(len(shelf))]
    lines = [shelf.lines(number) for number in range(len(shelf))]
    bodies: list[bytes] = []
    found: list[Difference] = []

    def prepare(number: int) -> None:
        for page, difference in enumerate(found):
            states[page] = replace(states[page], connections=difference.connections)
        for page, items in enumerate(lines):
            spot = (page + number) % len(items)
            items[spot] = shelf.changed(items[spot], NOW)
        bodies[:] = [shelf.page(items) for items in lines]

    def floor(_number: int) -> None:
        for body in bodies:
            decode(body)

    def subject(number: int) -> None:
        now = NOW + number + 1.0
        found.clear()
        for state, body in zip(states, bodies, strict=True):
            listed = listing(grown.provider, state, body, now)
            bench = Bench(state.target, grown.policy, grown.book.facts, now)
            found.append(diff(state.connections, listed, bench, now))

    seconds = rounds({"floor": floor, "subject": subject}, scale.rounds, prepare=prepare)
    if any(len(difference.moved) != 1 for difference in found):
        raise AssertionError("not one connection changed on each page")
    micros = {name: taken / len(shelf) * 1e6 for name, taken in seconds.items()}
    shelf.close()
    return Figure(3, micros["subject"], micros["floor"])
