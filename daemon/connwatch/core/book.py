"""One source in the fleet: its targets, and what each of them brings to what is counted over all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from connwatch.core.groups import Amounts, Labels, Row
from connwatch.core.lows import Marks
from connwatch.core.model import NEVER, Held, Moved, Step, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.sweep import Sweep
from connwatch.core.tally import Tally
from connwatch.core.weigh import Scales, Vocabulary, Weighing, zeros


class Extreme(NamedTuple):
    """A time of which the smallest is told."""

    of: Callable[[Iterable[Held]], Iterable[tuple[str, float | None]]]
    """(kind, time) of each of these connections that competes."""
    key: Callable[[Book, TargetState, str], Labels]
    """(source, target, kind of connection) -> the key among whose values it competes."""


DATA: Final = Extreme(
    of=lambda some: [(one.seen.words.kind, one.seen.data_at) for one in some if one.verdict.judged],
    key=lambda book, state, kind: (*book.prefix, state.target.company, book.vocabulary.word(kind)),
)
"""By company and kind: the data that is judged."""
CONSENT: Final = Extreme(
    of=lambda some: [(one.seen.words.kind, one.seen.expires_at) for one in some if one.verdict.consent],
    key=lambda book, state, _kind: (*book.prefix, state.target.company),
)
"""By company: the consents that have not ended."""


class Record(Struct, eq=False, gc=False):
    """One target in the fleet."""

    state: TargetState
    armed: float = NEVER
    """When its next deadline is due."""
    olds: Marks = ()
    """What it has to offer as the oldest data."""
    ends: Marks = ()
    """And as the next consent to end."""


class Share(Struct, frozen=True, gc=False):
    """What one target brings to the fleet, beside rows."""

    until: float
    """When the first of its connections changes by the passing of time."""
    olds: Mapping[Labels, float]
    ends: Mapping[Labels, float]
    """What `Record` has marks of."""


class Intake(Struct, frozen=True, gc=False):
    """Targets that the fleet doesn't know yet, with all that follows from having them. See `Book.weigh`."""

    steps: Sequence[Step]
    shares: Sequence[Share]
    rows: Amounts


class Book:
    """One source in the fleet."""

    def __init__(self, policy: Policy, facts: Facts, tally: Tally) -> None:
        self.policy = policy
        self.facts = facts
        self.prefix: Labels = (policy.source, policy.provider)
        self.records: dict[str, Record] = {}
        self.sweep = Sweep(policy.poll_interval)
        self.scales = Scales(policy)
        self.vocabulary: Vocabulary = self.scales.vocabulary
        self.tally = tally
        self.companies: dict[str, int] = {}
        """Targets with a complete poll by company: while there is one, the company's zero rows are true. See `Fleet.know_empty`."""
        self.zeros: Mapping[Row, None] = dict.fromkeys(zeros(policy))

    def zeros_of(self, company: str) -> Iterable[Row]:
        """The rows of a company that are true at zero."""
        return ((group, (*self.prefix, company, *labels)) for group, labels in self.zeros)

    def weigh(self, steps: Iterable[Step]) -> Intake:
        """Work out what follows from having targets that the fleet doesn't know yet, one by one: what was just made is still at hand.

        Nothing is changed by that, and no target looked at but these: it may be done in any thread.
        """
        taken, shares, weighing = [], [], Weighing(self.scales)
        for one in steps:
            state = one.state
            taken.append(one)
            shares.append(Share(earliest(state), self.lowest(DATA, state), self.lowest(CONSENT, state)))
            weighing.add(state.target.company, state.connections.values())
        return Intake(taken, shares, weighing.rows())

    def lowest(self, extreme: Extreme, state: TargetState) -> Mapping[Labels, float]:
        """The smallest values among all connections of a target."""
        by_kind: dict[str, float] = {}
        for kind, at in extreme.of(state.connections.values()):
            if at is not None and at < by_kind.get(kind, NEVER):
                by_kind[kind] = at
        lowest: dict[Labels, float] = {}
        for kind, at in by_kind.items():
            key = extreme.key(self, state, kind)
            lowest[key] = min(lowest.get(key, NEVER), at)
        return lowest

    def lower(
        self, extreme: Extreme, state: TargetState, moved: Iterable[Moved], marks: Marks
    ) -> Mapping[Labels, float]:
        """The same, told by what moved alone; unless a smallest one went away: then all have to be looked at."""
        lowest = {pile.key: mark.value for pile, mark in marks}
        for pair in moved:
            lost, won = (self._offer(extreme, state, one) for one in (pair.before, pair.after))
            if lost is not None and lost != won and lowest.get(lost[0]) == lost[1]:
                return self.lowest(extreme, state)
            if won is not None:
                lowest[won[0]] = min(lowest.get(won[0], NEVER), won[1])
        return lowest

    def _offer(self, extreme: Extreme, state: TargetState, one: Held | None) -> tuple[Labels, float] | None:
        for kind, at in extreme.of(() if one is None else (one,)):
            if at is not None:
                return extreme.key(self, state, kind), at
        return None


def earliest(state: TargetState) -> float:
    """When the first connection of a target changes by the passing of time."""
    return min((one.until for one in state.connections.values()), default=NEVER)
