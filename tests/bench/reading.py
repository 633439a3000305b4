"""Lines 2 and 3: what it costs to read a page of 100 connections, and to tell what changed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from connwatch.core.diff import Bench, Difference, diff
from connwatch.providers.basiq_connections import ITEMS
from connwatch.providers.moneyhub_connections import PAGE as OF_A_USER
from connwatch.providers.nectar_replies import PAGE as OF_A_COMPANY
from tests.bench.alone import alone
from tests.bench.figures import Figure, Measured
from tests.bench.fleet import Grown, listing
from tests.bench.measure import rounds
from tests.bench.pages import NOW, Shelf
from tests.bench.scale import Scale

SIZE: Final = 100
"""Connections on a page."""
DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "nectar": OF_A_COMPANY,
    "moneyhub": OF_A_USER,
    "basiq": ITEMS,
}
"""The providers' own: a floor reads a page into the types that the providers read it into."""
TURNS: Final = ("floor", "first", "usual")
TARGETS: Final = 10
"""For line 3, so many times the pages of line 2: the connections that they are compared with are in no cache."""


def measure(folder: str, scale: Scale) -> Measured:
    """Each provider in a process of its own."""
    figures = [figure for provider in DECODERS for figure in alone(normalised, folder, scale, provider)]
    return Measured([*figures, alone(compared, folder, scale)])


def normalised(folder: str, scale: Scale, provider: str) -> Sequence[Figure]:
    """Line 2. Floor: the pages' bytes through the provider's own decoder. Subject: the provider's conversation, and its reading.

    Either lets go of a page before it reads the next, as the daemon does. What the line asks for is a page of which every
    item is read into a `Connection`: so it is when a page is seen for the first time. Beside it: a page as it usually comes,
    of which only the one item in a hundred is read that changed, as `diff` does it. No page is read twice, by whomever.
    """
    shelf = Shelf(folder, provider, SIZE, scale.pages * scale.rounds * len(TURNS))
    grown, decode = Grown(shelf, polled=False), DECODERS[provider].decode
    states = [grown.state(number) for number in range(len(shelf))]
    bodies = [shelf.body(number) for number in range(len(shelf))]
    unread = iter(range(len(shelf)))

    def floor(_number: int) -> None:
        for page in islice(unread, scale.pages):
            decode(bodies[page])

    def read(items: slice) -> None:
        for page in islice(unread, scale.pages):
            listed = listing(grown.provider, states[page], bodies[page])
            for item in listed.items[items]:
                listed.read(item, NOW)

    turns = (floor, lambda _number: read(slice(None)), lambda _number: read(slice(SIZE // 100)))
    seconds = rounds(dict(zip(TURNS, turns, strict=True)), scale.rounds)
    rates = {name: scale.pages / taken for name, taken in seconds.items()}
    shelf.close()
    return (
        Figure(2, rates["first"], rates["floor"], variant=f"{provider}, seen for the first time: all items read"),
        Figure(2, rates["usual"], rates["floor"], variant=f"{provider}, as it usually comes: 1 % read", extra=True),
    )


def compared(folder: str, scale: Scale) -> Figure:
    """Line 3. Floor: the pages' bytes through Nectar's own decoder. Subject: its conversation, and `diff` with what is held.

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
