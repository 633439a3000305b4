"""The providers in another process: replies that were made before, sent as fast as a socket takes them. `python -m tests.bench.loopback`.

A page stands still until it is polled: whoever polls gets it with one connection changed since the last poll, each time
another one. Under `/standing` it can be read without that.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Final

import msgspec
from msgspec import Struct

from connwatch.simulator.shapes import moneyhub
from connwatch.simulator.world.places import INSTITUTIONS
from tests.bench.alone import TOP
from tests.bench.deals import Deal
from tests.bench.pages import NOW, company

STANDING: Final = "/standing"
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LENGTH: Final = b"content-length:"


class Order(Struct, frozen=True):
    """What is to be answered. The first `kept` targets' pages are held in memory, and change; others come from the file."""

    folder: str
    deal: Deal
    targets: int
    kept: int


class Asked(Struct, frozen=True):
    """Requests so far: for connections, and for anything else."""

    polls: int
    others: int


class Pages:
    """What is answered to whom."""

    def __init__(self, order: Order) -> None:
        self._shelf = shelf = order.deal.shelf(order.folder, order.targets)
        self._lines = [shelf.lines(number) for number in range(order.kept)]
        self._turns = [0] * order.kept
        self._ready = [shelf.page(lines) for lines in self._lines]
        self._polls = self._rest = 0
        companies = range(order.targets if order.deal.provider == "nectar" else 0)
        places = [place for place in INSTITUTIONS if place.provider == "moneyhub"]
        token = {"access_token": "a-token", "expires_in": 86_400, "scope": "user:read connection:read"}
        self._others = {
            "/company": msgspec.json.encode([{"id": shelf.target(one), "name": company(one)} for one in companies]),
            "/oidc/token": msgspec.json.encode(token),
            "/oidc/.well-known/all-connections": msgspec.json.encode(moneyhub.well_known(places)),
        }

    def answer(self, path: str) -> bytes:
        """The body for a path. Raises ValueError for one that nobody knows."""
        if path == "/control":
            return msgspec.json.encode(Asked(self._polls, self._rest))
        if path in self._others:
            self._rest += 1
            return self._others[path]
        number = self._shelf.number(path.removesuffix("/connections").rpartition("/")[2])
        if path.startswith(STANDING):
            return self._ready[number]
        self._polls += 1
        if number >= len(self._ready):
            return self._shelf.body(number)
        asyncio.get_running_loop().call_soon(self._turn, number)
        return self._ready[number]

    def _turn(self, number: int) -> None:
        """Let one more connection of a page change."""
        lines, turn = self._lines[number], self._turns[number]
        spot = (number + turn) % len(lines)
        lines[spot] = self._shelf.changed(lines[spot], NOW)
        self._turns[number] += 1
        self._ready[number] = self._shelf.page(lines)


class Answering(asyncio.Protocol):
    """One connection, kept alive: a request, an answer, the next one."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._heard = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody comes."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer whatever has been heard to its end."""
        self._heard += data
        while (end := self._end()) and end <= len(self._heard):
            path = self._heard.split(b" ", 2)[1].partition(b"?")[0].decode()
            self._heard = self._heard[end:]
            body = self._pages.answer(path)
            self._transport.writelines((HEAD % len(body), body))

    def _end(self) -> int:
        """Where the request ends, with its body; 0 if its head is not complete."""
        head, ended, _ = self._heard.partition(b"\r\n\r\n")
        if not ended:
            return 0
        lengths = [line[len(LENGTH) :] for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)]
        return len(head) + len(ended) + sum(map(int, lengths))


class Providers:
    """How the process that measures reaches them."""

    def __init__(self, port: int) -> None:
        self.url: Final = f"http://127.0.0.1:{port}"
        self._port = port

    def asked(self) -> Asked:
        """What they were asked for so far."""
        line = HTTPConnection("127.0.0.1", self._port)
        try:
            line.request("GET", "/control")
            return msgspec.json.decode(line.getresponse().read(), type=Asked)
        finally:
            line.close()


@contextmanager
def answering(order: Order) -> Iterator[Providers]:
    """Providers that answer, until they are needed no more."""
    command = (sys.executable, "-m", "tests.bench.loopback", msgspec.json.encode(order).decode())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TOP) as process:  # noqa: S603 - ourselves
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Providers(int(process.stdout.readline()))
        finally:
            process.stdin.close()  # which ends it


async def _serve(order: Order) -> None:
    pages, loop, over = Pages(order), asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), over.set)
    server = await loop.create_server(lambda: Answering(pages), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await over.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(msgspec.json.decode(sys.argv[1], type=Order)))
