"""Counts by group over all connections, kept by deltas: nothing walks a million connections at a poll or a scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from msgspec import Struct

from connwatch.core.groups import Groups, Labels, Row
from connwatch.core.lows import Lows, Marks
from connwatch.core.model import NEVER, Held, Moved, Step, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.sweep import Sweep
from connwatch.core.tally import Tally
from connwatch.core.weigh import ZERO_BY_KIND, Scales, Vocabulary, zeros


class Extreme(NamedTuple):
    """A time of which the smallest is told."""

    of: Callable[[Iterable[Held]], Iterable[tuple[str, float | None]]]
    """(kind, time) of each of these connections that competes."""
    key: Callable[[Book, TargetState, str], Labels]
    """(source, target, kind of connection) -> the key among whose values it competes."""


_DATA: Final = Extreme(
    of=lambda some: [(one.seen.words.kind, one.seen.data_at) for one in some if one.verdict.judged],
    key=lambda book, state, kind: (*book.prefix, state.target.company, book.vocabulary.word(kind)),
)
"""By company and kind: the data that is judged."""
_CONSENT: Final = Extreme(
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
        """Targets with a complete poll by company: while there is one, the company's zero rows are true. See `know_empty`."""
        self.zeros: Mapping[Row, None] = dict.fromkeys(zeros(policy))

    def zeros_of(self, company: str) -> Iterable[Row]:
        """The rows of a company that are true at zero."""
        return ((group, (*self.prefix, company, *labels)) for group, labels in self.zeros)


class Fleet:
    """All sources, their targets and connections, and what is counted over them."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.groups = Groups(self._true_at_zero)
        self.oldest = Lows()
        self.expiring = Lows()
        self.touched: set[tuple[str, str]] = set()
        """(source, target) whose connections changed since someone last took this set away."""
        self._deadlines: list[tuple[float, str, str]] = []

    def open(self, policy: Policy, facts: Facts, tally: Tally) -> Book:
        """Add a source."""
        book = self.books[policy.source] = Book(policy, facts, tally)
        return book

    def close(self, source: str) -> None:
        """Remove a source with all that it counts: row by row, not connection by connection."""
        book = self.books.pop(source)
        self.groups.drop(source)
        self.oldest.drop(source)
        self.expiring.drop(source)
        self._deadlines = [one for one in self._deadlines if one[1] != source]
        heapify(self._deadlines)
        self.touched.update((source, target) for target in book.records)

    def take_in(self, source: str, steps: Sequence[Step]) -> None:
        """Count targets that are not counted yet, all at once."""
        book = self.books[source]
        self._add(book.scales.weigh(one.state for one in steps))
        for one in steps:
            state = one.state
            book.tally.count(one)
            record = book.records[state.target.id] = Record(state)
            record.olds = self.oldest.move((), _lowest(_DATA, book, state))
            record.ends = self.expiring.move((), _lowest(_CONSENT, book, state))
            self._count_company(book, None, state)
            self._settle(book, record, ())

    def apply(self, source: str, step: Step) -> None:
        """Count what a step changed."""
        book, after = self.books[source], step.state
        record = book.records.get(after.target.id)
        if record is None:
            self.take_in(source, (step,))
        elif record.state.target.company != after.target.company:
            self.remove(source, after.target.id)
            self.take_in(source, (step,))
        else:
            before, record.state = record.state, after
            self._add(book.scales.shift(after.target.company, step.moved))
            record.olds = self.oldest.move(record.olds, _lower(_DATA, book, after, step.moved, record.olds))
            record.ends = self.expiring.move(record.ends, _lower(_CONSENT, book, after, step.moved, record.ends))
            self._count_company(book, before, after)
            self._settle(book, record, step.moved)
            book.tally.count(step)

    def know_empty(self, source: str, company: str) -> None:
        """There is nobody to ask: the zero rows of the company are true, for as long as the source is there (decisions.md 4)."""
        book = self.books[source]
        if company not in book.companies:
            book.companies[company] = 1
            self.groups.review(book.zeros_of(company))

    def remove(self, source: str, target: str) -> None:
        """Take a target out, with its connections."""
        book = self.books[source]
        record = book.records.pop(target)
        gone = (Moved(one, None) for one in record.state.connections.values())
        self._add(book.scales.shift(record.state.target.company, gone))
        self._count_company(book, record.state, None)
        self.oldest.move(record.olds, {})
        self.expiring.move(record.ends, {})
        book.sweep.remove(target)
        self.touched.add((source, target))

    def due(self, now: float) -> list[tuple[str, str]]:
        """The targets in which some connection changes by the passing of time by now. Each is armed again when it is applied."""
        found = []
        while self._deadlines and self._deadlines[0][0] <= now:
            at, source, id_ = heappop(self._deadlines)
            record = self._record(source, id_)
            if record is None or record.armed != at:
                continue
            record.armed = NEVER
            if _earliest(record.state) <= now:
                found.append((source, id_))
            else:
                self._arm(source, record, ())
        for book in self.books.values():
            book.sweep.advance(now)
        return found

    def next_deadline(self) -> float:
        """When the next connection changes by the passing of time, or earlier."""
        return self._deadlines[0][0] if self._deadlines else NEVER

    def _record(self, source: str, target: str) -> Record | None:
        book = self.books.get(source)
        return book.records.get(target) if book else None

    def _settle(self, book: Book, record: Record, moved: Iterable[Moved]) -> None:
        """What follows from a target's new state: its next deadline, its freshness, its lines."""
        state, source = record.state, book.policy.source
        self._arm(source, record, moved)
        book.sweep.place(state.target.id, first_seen=state.first_seen, polled_at=state.polled_at, gone=state.gone)
        self.touched.add((source, state.target.id))

    def _arm(self, source: str, record: Record, moved: Iterable[Moved]) -> None:
        """One deadline per target is in the heap: an earlier one replaces it, a later one waits until it is reached."""
        if record.armed == NEVER:
            at = _earliest(record.state)
        else:
            at = min((pair.after.until for pair in moved if pair.after is not None), default=NEVER)
        if at < record.armed:
            record.armed = at
            heappush(self._deadlines, (at, source, record.state.target.id))

    def _add(self, rows: Mapping[Row, int]) -> None:
        for group, labels in self.groups.add(change for change in rows.items() if change[1]):
            if group == "kinds":
                self.groups.review((other, labels) for other in ZERO_BY_KIND)

    def _true_at_zero(self, row: Row) -> bool:
        """Whether a row says something at zero: its company was polled completely, or has connections of that kind."""
        group, labels = row
        if group in ZERO_BY_KIND:
            return labels in self.groups.get("kinds")
        book = self.books.get(labels[0])
        return book is not None and (group, labels[3:]) in book.zeros and labels[2] in book.companies

    def _count_company(self, book: Book, before: TargetState | None, after: TargetState | None) -> None:
        """A company's zero rows are there from its first complete poll until its last target goes."""
        for state, amount in ((after, 1), (before, -1)):
            if state is None or state.polled_at is None:
                continue
            company = state.target.company
            count = book.companies.get(company, 0) + amount
            book.companies[company] = count
            if count == 1 and amount == 1:
                self.groups.review(book.zeros_of(company))
            elif count == 0:
                del book.companies[company]
                self.groups.review(book.zeros_of(company))


def _earliest(state: TargetState) -> float:
    return min((one.until for one in state.connections.values()), default=NEVER)


def _lowest(extreme: Extreme, book: Book, state: TargetState) -> Mapping[Labels, float]:
    """The smallest values among all connections of a target."""
    by_kind: dict[str, float] = {}
    for kind, at in extreme.of(state.connections.values()):
        if at is not None and at < by_kind.get(kind, NEVER):
            by_kind[kind] = at
    lowest: dict[Labels, float] = {}
    for kind, at in by_kind.items():
        key = extreme.key(book, state, kind)
        lowest[key] = min(lowest.get(key, NEVER), at)
    return lowest


def _lower(
    extreme: Extreme, book: Book, state: TargetState, moved: Iterable[Moved], marks: Marks
) -> Mapping[Labels, float]:
    """The same, told by what moved alone; unless a smallest one went away: then all have to be looked at."""
    lowest = {pile.key: mark.value for pile, mark in marks}
    for pair in moved:
        lost, won = (_offer(extreme, book, state, one) for one in (pair.before, pair.after))
        if lost is not None and lost != won and lowest.get(lost[0]) == lost[1]:
            return _lowest(extreme, book, state)
        if won is not None:
            lowest[won[0]] = min(lowest.get(won[0], NEVER), won[1])
    return lowest


def _offer(extreme: Extreme, book: Book, state: TargetState, one: Held | None) -> tuple[Labels, float] | None:
    for kind, at in extreme.of(() if one is None else (one,)):
        if at is not None:
            return extreme.key(book, state, kind), at
    return None
