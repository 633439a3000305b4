"""What can happen to the targets of a source, as values: whoever hears of it hands it to the settler."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from connwatch.core.discovery import Discovery
from connwatch.core.policy import Facts
from connwatch.core.poll import Event


class PollEnded(Struct, frozen=True, gc=False):
    """A target was asked."""

    target: str
    event: Event
    first_seen: float
    """Of the target when it was asked: one that went meanwhile and came back is another one."""


class TimePassed(Struct, frozen=True):
    """A deadline of these targets came."""

    targets: Sequence[str]


class Discovered(Struct, frozen=True):
    """A discovery was complete. `company` is the label of a source that has only one."""

    discovery: Discovery
    company: str


class FactsLearned(Struct, frozen=True):
    """The provider said how its institutions are."""

    facts: Facts


class Hinted(Struct, frozen=True):
    """An event feed named targets that should be looked at."""

    targets: Iterable[str]


class Inherited(Struct, frozen=True):
    """These targets were watched by a predecessor, under other options."""

    targets: Sequence[str]
    anew: bool = False
    """They were read otherwise than they would be now: whatever is listed next is to be read."""


class ErrandFailed(Struct, frozen=True):
    """An errand failed: of the targets that says nothing, but the source may have asked for a wait, which is to be stored."""


Work: TypeAlias = PollEnded | TimePassed | Discovered | FactsLearned | Hinted | Inherited | ErrandFailed
