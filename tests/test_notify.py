"""What systemd is told, on a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from connwatch.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(1.0)
        yield listening


def test_each_state_is_told(systemd: socket.socket) -> None:
    """Ready, reloading, alive and stopping, in the words of sd_notify(3)."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.ready("watching 3 sources")
    notifier.reloading(12.5)
    notifier.alive()
    notifier.stopping()
    assert [systemd.recv(1024).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=watching 3 sources",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_an_abstract_socket_is_found() -> None:
    """An address that starts with @ has no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0connwatch-test-notify")
        listening.settimeout(1.0)
        Notifier({"NOTIFY_SOCKET": "@connwatch-test-notify"}).alive()
        assert listening.recv(64) == b"WATCHDOG=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_listening_is_no_fault(environ: dict[str, str]) -> None:
    """Without systemd, everything else works."""
    Notifier(environ).ready("alone")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "30000000"}, 15.0),
        ({"NOTIFY_SOCKET": "/s"}, None),
        ({"WATCHDOG_USEC": "30000000"}, None),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_barks(environ: dict[str, str], seconds: float | None) -> None:
    """Half of what systemd waits for; nothing, where it doesn't wait."""
    assert Notifier(environ).watchdog_seconds == seconds
