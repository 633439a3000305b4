"""Counts by group over all connections, kept by deltas: nothing walks a million connections at a poll or a scrape."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from connwatch.core.book import CONSENT, DATA, Book, Intake, Record, earliest
from connwatch.core.groups import Amounts, Groups, Row
from connwatch.core.lows import Lows
from connwatch.core.model import NEVER, Moved, Step, TargetState
from connwatch.core.policy import Facts, Policy
from connwatch.core.tally import Tally
from connwatch.core.weigh import ZERO_BY_KIND


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

    def take_in(self, source: str, intake: Intake) -> None:
        """Count targets that are not counted yet, all at once."""
        book = self.books[source]
        self._add(intake.rows)
        for step, share in zip(intake.steps, intake.shares, strict=True):
            state = step.state
            book.tally.count(step)
            record = book.records[state.target.id] = Record(state)
            record.olds = self.oldest.move((), share.olds)
            record.ends = self.expiring.move((), share.ends)
            self._count_company(book, None, state)
            self._arm(source, record, share.until)
            self._settle(book, state)

    def apply(self, source: str, step: Step) -> None:
        """Count what a step changed."""
        book, after = self.books[source], step.state
        record = book.records.get(after.target.id)
        if record is None:
            self.take_in(source, book.weigh((step,)))
        elif record.state.target.company != after.target.company:
            self.remove(source, after.target.id)
            self.take_in(source, book.weigh((step,)))
        else:
            before, record.state = record.state, after
            self._add(book.scales.shift(after.target.company, step.moved))
            record.olds = self.oldest.move(record.olds, book.lower(DATA, after, step.moved, record.olds))
            record.ends = self.expiring.move(record.ends, book.lower(CONSENT, after, step.moved, record.ends))
            self._count_company(book, before, after)
            self._arm(source, record, _sooner(record, step.moved))
            self._settle(book, after)
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
        gone = [Moved(one, None) for one in record.state.connections.values()]
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
            until = earliest(record.state)
            if until <= now:
                found.append((source, id_))
            else:
                self._arm(source, record, until)
        for book in self.books.values():
            book.sweep.advance(now)
        return found

    def next_deadline(self) -> float:
        """When the next connection changes by the passing of time, or earlier."""
        return self._deadlines[0][0] if self._deadlines else NEVER

    def _record(self, source: str, target: str) -> Record | None:
        book = self.books.get(source)
        return book.records.get(target) if book else None

    def _settle(self, book: Book, state: TargetState) -> None:
        """What follows from a target's new state: its freshness, its lines."""
        id_ = state.target.id
        book.sweep.place(id_, first_seen=state.first_seen, polled_at=state.polled_at, gone=state.gone)
        self.touched.add((book.policy.source, id_))

    def _arm(self, source: str, record: Record, at: float) -> None:
        """One deadline per target is in the heap: an earlier one replaces it, a later one waits until it is reached."""
        if at < record.armed:
            record.armed = at
            heappush(self._deadlines, (at, source, record.state.target.id))

    def _add(self, rows: Amounts) -> None:
        for group, labels in self.groups.add(rows):
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


def _sooner(record: Record, moved: Iterable[Moved]) -> float:
    """When the first connection changes by the passing of time, as far as that isn't told by the deadline that there is."""
    if record.armed == NEVER:
        return earliest(record.state)
    return min((pair.after.until for pair in moved if pair.after is not None), default=NEVER)
