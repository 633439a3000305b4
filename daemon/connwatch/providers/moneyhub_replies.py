"""How Moneyhub refuses: its error bodies, which may be missing (providers/moneyhub.md sections 2.5, 5.2 and 5.4)."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connwatch.core import wire
from connwatch.core.model import Failure
from connwatch.core.wire import Reply, Request, word

FORBIDDEN: Final = "Forbidden"
"""The code of a 403 which means what it says. Any other may come from a gateway before Moneyhub."""
_CREDENTIAL: Final = frozenset({400, 401, 403, 404})
"""Refusals of a token: the client isn't known, doesn't prove itself, or may not have the scopes."""
_WAITS: Final = frozenset({429, 503})
_CORRELATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
"""Unlike a word, it may begin with a digit."""


class Fault(Struct, frozen=True, rename="camel"):
    """A refusal: of a call by `code`, of a token by `error`. Messages are skipped, and nothing is relied on."""

    code: object = None
    error: object = None
    correlation_id: object = None
    retry_after_secs: object = None


_FAULT: Final = msgspec.json.Decoder(Fault)


def refusal(request: Request, reply: Reply, now: float) -> Failure:
    """What a reply other than 2xx means: by its status. The wait is the longer one of header and body."""
    failure = wire.refusal(reply, now)
    fault = _fault(reply.body)
    code = word(fault.code) or word(fault.error)
    waits = (failure.retry_after, _seconds(fault.retry_after_secs) if reply.status in _WAITS else None)
    return replace(
        failure,
        outcome="auth" if request.endpoint == "token" and reply.status in _CREDENTIAL else failure.outcome,
        code=code,
        correlation_id=_correlation(fault.correlation_id),
        retry_after=max((wait for wait in waits if wait is not None), default=None),
        renew=failure.outcome == "auth" and request.authenticated,
        explained=failure.outcome != "forbidden" or code == FORBIDDEN,
    )


def _fault(body: bytes) -> Fault:
    try:
        return _FAULT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault()


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def _correlation(value: object) -> str:
    return value if isinstance(value, str) and _CORRELATION.fullmatch(value) else ""
