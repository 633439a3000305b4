"""Tells systemd how we are: ready, reloading, stopping, and still alive (sd_notify(3)). Silent where nobody listens."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

_MICRO: Final = 1_000_000


class Notifier:
    """The datagram socket that `NOTIFY_SOCKET` names; none, if it names none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        micros = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(micros) / _MICRO / 2 if micros.isdigit() and self._address else None
        """How often to say that we live: half of what systemd waits for; None if it doesn't."""

    def ready(self, status: str) -> None:
        """We serve."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self, monotonic: float) -> None:
        """The configuration is read again; `ready` says when that is over."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * _MICRO)}")

    def alive(self) -> None:
        """The event loop lives."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """We are on the way out."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.connect(self._address)
                out.sendall(message.encode())
            except OSError:
                # systemd went away: it will find out by itself, and there is nobody else to tell.
                return
