"""Logs: structlog, on stderr, one line an event; and nothing secret at any level.

Events are named in the past tense. Values under a key that names a secret are blotted out, whoever logs them, and so is any
value that is a secret in force.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
BLOT: Final = "[redacted]"
_SECRET_KEY: Final = re.compile(
    r"api_?key|secret|token|password|assertion|authorization|cookie|body|email|username", re.IGNORECASE
)
_SHORTEST_SECRET: Final = 6
"""A shorter value would blot out ordinary words."""


@lru_cache
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


class Redaction:
    """Blots out secrets: by the key that they are logged under, and by value wherever they turn up."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def know(self, secrets: Iterable[str]) -> None:
        """The secrets in force from now on."""
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)

    def __call__(
        self, _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """A processor of structlog: the event without secrets."""
        for key, value in event.items():
            if isinstance(value, str):
                event[key] = BLOT if _names_a_secret(key) else self.blot(value)
        return event

    def blot(self, text: str) -> str:
        """The text without any secret in force."""
        for secret in self._secrets:
            text = text.replace(secret, BLOT)
        return text


class Volume:
    """What is loud enough to be written. Can be turned while the daemon runs."""

    def __init__(self, level: str) -> None:
        self.level = level

    def __call__(
        self, _logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """A processor of structlog: drops what is below the level."""
        if LEVELS.get(method, logging.ERROR) < LEVELS[self.level]:
            raise structlog.DropEvent
        return event


def set_up(volume: Volume, style: str, redaction: Redaction, *, stream: TextIO | None = None) -> FilteringBoundLogger:
    """A logger for the process. `style` is `json` or `console`; lines go to stderr."""
    out = sys.stderr if stream is None else stream
    renderer: Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[
            volume,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            redaction,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
