"""Counts by group over all connections, kept by deltas: nothing walks a million connections at a poll or a scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Final

from connwatch.core.model import NEVER, Held, Moved, Step, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.sweep import Sweep
from connwatch.core.tally import Tally
from connwatch.core.weigh import Labels, Vocabulary, Weight, pins_of_company, pins_of_kind, weigh

_SMALL: Final = 64
"""A heap that is not worth tidying up."""


class Groups:
    """Rows of counts: group -> label values -> count. A row that falls to zero goes, unless it is pinned: then zero is the truth."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Labels, int]] = {}
        self.dirty: set[tuple[str, Labels]] = set()
        self._pins: dict[tuple[str, Labels], int] = {}

    def add(self, group: str, labels: Labels, amount: int) -> tuple[int, int]:
        """Add to a row; (before, after)."""
        rows = self.rows.setdefault(group, {})
        before = rows.get(labels, 0)
        after = before + amount
        if after or (group, labels) in self._pins:
            rows[labels] = after
        else:
            rows.pop(labels, None)
        self.dirty.add((group, labels))
        return before, after

    def pin(self, rows: Iterable[tuple[str, Labels]]) -> None:
        """Show these rows even at zero."""
        for group, labels in rows:
            self._pins[group, labels] = self._pins.get((group, labels), 0) + 1
            self.add(group, labels, 0)

    def unpin(self, rows: Iterable[tuple[str, Labels]]) -> None:
        """Take one pin back from each of these rows."""
        for group, labels in rows:
            left = self._pins.pop((group, labels)) - 1
            if left:
                self._pins[group, labels] = left
            self.add(group, labels, 0)

    def get(self, group: str) -> Mapping[Labels, int]:
        """The rows of one group."""
        return self.rows.get(group, {})


class Lows:
    """The smallest of many values by key, where each target brings at most one value per key: a heap of targets, not of connections."""

    def __init__(self) -> None:
        self._live: dict[Labels, dict[str, float]] = {}
        self._heaps: dict[Labels, list[tuple[float, str]]] = {}

    def put(self, target: str, before: Mapping[Labels, float], after: Mapping[Labels, float]) -> None:
        """Replace what a target brings."""
        for key in before.keys() - after.keys():
            self._live[key].pop(target, None)
        for key, value in after.items():
            if before.get(key) == value:
                continue
            live = self._live.setdefault(key, {})
            live[target] = value
            heap = self._heaps.setdefault(key, [])
            heappush(heap, (value, target))
            if len(heap) > _SMALL + 4 * len(live):
                heap[:] = [(low, who) for who, low in live.items()]
                heapify(heap)

    def items(self) -> Iterator[tuple[Labels, float]]:
        """Each key with its smallest value."""
        for key in tuple(self._heaps):
            heap, live = self._heaps[key], self._live[key]
            while heap and live.get(heap[0][1]) != heap[0][0]:
                heappop(heap)
            if heap:
                yield key, heap[0][0]
            else:
                del self._heaps[key], self._live[key]


class Record:
    """One target in the fleet: its state, and when its next deadline is armed."""

    __slots__ = ("armed", "ends", "olds", "state")

    def __init__(self, state: TargetState) -> None:
        self.state = state
        self.armed = NEVER
        self.olds: Mapping[Labels, float] = {}
        self.ends: Mapping[Labels, float] = {}


class Book:
    """One source in the fleet."""

    def __init__(self, policy: Policy, facts: Facts, tally: Tally) -> None:
        self.policy = policy
        self.facts = facts
        self.prefix: Labels = (policy.source, policy.provider)
        self.records: dict[str, Record] = {}
        self.sweep = Sweep(policy.poll_interval)
        self.vocabulary = Vocabulary(policy)
        self.tally = tally
        self.companies: dict[str, int] = {}
        """Targets with a complete poll by company: while there is one, the company's zero rows are true. See `know_empty`."""


class Fleet:
    """All sources, their targets and connections, and what is counted over them."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.groups = Groups()
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
        """Remove a source with all that it counts."""
        for target in tuple(self.books[source].records):
            self.remove(source, target)
        book = self.books.pop(source)
        for company in book.companies:
            self.groups.unpin(pins_of_company(book.policy, company))

    def apply(self, source: str, step: Step) -> None:
        """Count what a step changed."""
        book = self.books[source]
        after = step.state
        id_ = after.target.id
        record = book.records.get(id_)
        if record is None:
            record = book.records[id_] = Record(after)
            self._shift(book, after, (Moved(None, one) for one in after.connections.values()))
            self._count_company(book, None, after)
        else:
            before, record.state = record.state, after
            if before.target.company != after.target.company:
                self._shift(book, before, (Moved(one, None) for one in before.connections.values()))
                self._shift(book, after, (Moved(None, one) for one in after.connections.values()))
            else:
                self._shift(book, after, step.moved)
            self._count_company(book, before, after)
        book.sweep.place(id_, first_seen=after.first_seen, polled_at=after.polled_at, gone=after.gone)
        book.tally.count(step)
        self._settle(book, record)

    def know_empty(self, source: str, company: str) -> None:
        """There is nobody to ask: the zero rows of the company are true, for as long as the source is there (decisions.md 4)."""
        book = self.books[source]
        if company not in book.companies:
            book.companies[company] = 1
            self.groups.pin(pins_of_company(book.policy, company))

    def remove(self, source: str, target: str) -> None:
        """Take a target out, with its connections."""
        book = self.books[source]
        record = book.records.pop(target)
        self._shift(book, record.state, (Moved(one, None) for one in record.state.connections.values()))
        self._count_company(book, record.state, None)
        self.oldest.put(f"{source}/{target}", record.olds, {})
        self.expiring.put(f"{source}/{target}", record.ends, {})
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
                self._arm(source, record)
        for book in self.books.values():
            book.sweep.advance(now)
        return found

    def next_deadline(self) -> float:
        """When the next connection changes by the passing of time, or earlier."""
        return self._deadlines[0][0] if self._deadlines else NEVER

    def _record(self, source: str, target: str) -> Record | None:
        book = self.books.get(source)
        return book.records.get(target) if book else None

    def _settle(self, book: Book, record: Record) -> None:
        """What follows from a target's new state: its extremes, its next deadline, its lines."""
        state, source = record.state, book.policy.source
        olds, ends = _lows(state, book)
        who = f"{source}/{state.target.id}"
        self.oldest.put(who, record.olds, olds)
        self.expiring.put(who, record.ends, ends)
        record.olds, record.ends = olds, ends
        self._arm(source, record)
        self.touched.add((source, state.target.id))

    def _arm(self, source: str, record: Record) -> None:
        """One deadline per target is in the heap: an earlier one replaces it, a later one waits until it is reached."""
        at = _earliest(record.state)
        if at < record.armed:
            record.armed = at
            heappush(self._deadlines, (at, source, record.state.target.id))

    def _shift(self, book: Book, state: TargetState, moved: Iterable[Moved]) -> None:
        company = state.target.company
        for pair in moved:
            before = _weights(book, company, pair.before)
            after = _weights(book, company, pair.after)
            if before == after:
                continue
            for group, labels, amount in before:
                self._add(group, labels, -amount)
            for group, labels, amount in after:
                self._add(group, labels, amount)

    def _add(self, group: str, labels: Labels, amount: int) -> None:
        before, after = self.groups.add(group, labels, amount)
        if group == "kinds" and (before == 0) != (after == 0):
            (self.groups.pin if after else self.groups.unpin)(pins_of_kind(labels))

    def _count_company(self, book: Book, before: TargetState | None, after: TargetState | None) -> None:
        """A company's zero rows are there from its first complete poll until its last target goes."""
        for state, amount in ((after, 1), (before, -1)):
            if state is None or state.polled_at is None:
                continue
            company = state.target.company
            count = book.companies.get(company, 0) + amount
            book.companies[company] = count
            pins = pins_of_company(book.policy, company)
            if count == 1 and amount == 1:
                self.groups.pin(pins)
            elif count == 0:
                del book.companies[company]
                self.groups.unpin(pins)


def _weights(book: Book, company: str, held: Held | None) -> tuple[Weight, ...]:
    return () if held is None else weigh(held, company, book.prefix, book.vocabulary)


def _earliest(state: TargetState) -> float:
    return min((one.until for one in state.connections.values()), default=NEVER)


def _lows(state: TargetState, book: Book) -> tuple[dict[Labels, float], dict[Labels, float]]:
    """By (company, kind) the oldest data that is judged, and by company the next consent to end."""
    company = (*book.prefix, state.target.company)
    olds: dict[Labels, float] = {}
    ends: dict[Labels, float] = {}
    for one in state.connections.values():
        data_at, end = one.seen.data_at, one.seen.expires_at
        if one.verdict.judged and data_at is not None:
            key = (*company, book.vocabulary.word(one.seen.kind))
            olds[key] = min(olds.get(key, NEVER), data_at)
        if one.verdict.consent and end is not None:
            ends[company] = min(ends.get(company, NEVER), end)
    return olds, ends
