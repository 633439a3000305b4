"""Asks a provider, so that no fault of ours in one reading stops anything else."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Final, Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from connwatch.core.model import Failure
from connwatch.core.ports import Clock, Fetch, StoppingError
from connwatch.core.wire import Conversation

T = TypeVar("T")
_INNERMOST: Final = 4


class Timed(Generic[T]):
    """A conversation, and when its first request was answered: before, it may have waited for long to be made."""

    def __init__(self, conversation: Conversation[T], clock: Clock) -> None:
        self.began_at = clock.now()
        self._conversation = conversation
        self._clock = clock

    def carried(self) -> Conversation[T]:
        """The same conversation."""
        try:
            answer = yield next(self._conversation)
            self.began_at = self._clock.now()
            while True:
                answer = yield self._conversation.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            self._conversation.close()


async def ask(
    fetch: Fetch, conversation: Conversation[T], log: FilteringBoundLogger, *, target: str = ""
) -> T | Failure:
    """What the conversation ends in. A fault of ours becomes a failure too. Raises StoppingError."""
    try:
        return await fetch.converse(conversation, target=target)
    except StoppingError:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, the other targets and errands go on
        return broken(fault, log)


def broken(fault: Exception, log: FilteringBoundLogger) -> Failure:
    """Tell of a fault of ours by its kind and its place: its message could quote a body."""
    log.error("reading_broke", fault=type(fault).__name__, at=_place(fault))
    return Failure(outcome="schema", detail=f"a fault of connwatch: {type(fault).__name__}")


def _place(fault: BaseException) -> str:
    """The innermost places, the last one first: `step.py:42 in step`."""
    frames = traceback.extract_tb(fault.__traceback__)[-_INNERMOST:]
    return ", ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
