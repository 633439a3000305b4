"""What connections count for: the rows that they add to. Taken away with the same weights when they change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import Final, NamedTuple, TypeAlias

from connwatch.core.groups import Amounts, Labels, Row
from connwatch.core.model import Held, Moved, Verdict, Words
from connwatch.core.policy import Policy

Weight: TypeAlias = tuple[str, Labels, int]
"""(group, label values, amount). Sums of times are whole milliseconds, so that adding and taking away is exact."""

UNKNOWN_WORDS: Final = 20
OTHER: Final = "other"
_KEPT: Final = 65_536


class Vocabulary:
    """Which raw words become labels: the documented ones, and the first twenty others of a source; the rest is `other`."""

    def __init__(self, policy: Policy) -> None:
        self._known = {word for pair in policy.table for word in pair} | {
            word for pair in policy.account_rows for word in pair
        }
        self._known |= policy.stale_after.keys() | {"", OTHER}
        self._admitted: dict[str, str] = {}
        self._admitting = Lock()  # what is restored is weighed in another thread: see `Book.weigh`

    def word(self, raw: str) -> str:
        """The label for a raw word. What was admitted once stays so."""
        if raw in self._known:
            return raw
        with self._admitting:
            if raw not in self._admitted and len(self._admitted) < UNKNOWN_WORDS:
                self._admitted[raw] = raw
            return self._admitted.get(raw, OTHER)


class Load:
    """Weights that many connections have in common. Each is itself and equal to no other, so it is quickly told apart."""

    __slots__ = ("weights",)

    def __init__(self, weights: tuple[Weight, ...]) -> None:
        self.weights = weights


class Loads(NamedTuple):
    """What connections of the same words and the same verdict weigh, but for their times."""

    of_institution: Load
    of_kind: Load
    """Rows below (source, provider), both."""
    of_company: Load
    """Rows below (source, provider, company)."""


class Scales:
    """Knows what the connections of one source weigh. What is alike is looked up once."""

    def __init__(self, policy: Policy) -> None:
        self.vocabulary: Final = Vocabulary(policy)
        self.prefix: Final[Labels] = (policy.source, policy.provider)
        self.loads: Final = lru_cache(maxsize=_KEPT)(self._new_loads)
        """(words, verdict, whether it is missing) -> what such a connection weighs, but for its times."""
        self.accounts: Final = lru_cache(maxsize=_KEPT)(self._labels)
        """(status, tracking) of accounts -> their labels."""
        self._shared: dict[tuple[Weight, ...], Load] = {}

    def shift(self, company: str, moved: Sequence[Moved]) -> Amounts:
        """What rows change by when connections of a company do."""
        weighing = Weighing(self)
        weighing.add(company, (pair.before for pair in moved if pair.before is not None), -1)
        weighing.add(company, (pair.after for pair in moved if pair.after is not None))
        return weighing.rows()

    def _new_loads(self, said: Words, verdict: Verdict, missing: bool) -> Loads:  # noqa: FBT001 - by position for the cache's sake
        word = self.vocabulary.word
        return Loads(
            self._load(_of_institution(said, verdict)),
            self._load(_of_kind(verdict, word(said.kind), missing=missing)),
            self._load(_of_company(said, verdict, self.vocabulary)),
        )

    def _labels(self, row: tuple[str, str]) -> Labels:
        return tuple(map(self.vocabulary.word, row))

    def _load(self, weights: Iterable[Weight]) -> Load:
        found = tuple(weights)
        return self._shared.setdefault(found, Load(found))


class Pan:
    """The connections of one company on the scales, those that are alike together."""

    __slots__ = ("accounts", "ages", "alike", "ends")

    def __init__(self) -> None:
        self.alike: dict[tuple[Words, Verdict, bool], int] = {}
        self.ages: dict[str, int] = {}
        """By kind."""
        self.ends: dict[str | None, int] = {}
        """By how they are renewed."""
        self.accounts: dict[tuple[str, str], int] = {}
        """By status and tracking."""


class Weighing:
    """Connections that are weighed together, however many: what is alike is multiplied, or cancels out."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._pans: dict[str, Pan] = {}

    def add(self, company: str, connections: Iterable[Held], sign: int = 1) -> None:
        """Put connections of a company on, or take them off."""
        pan = self._pans.get(company)
        if pan is None:
            pan = self._pans[company] = Pan()
        alike, ages, ends, accounts = pan.alike, pan.ages, pan.ends, pan.accounts
        for one in connections:
            seen, verdict = one.seen, one.verdict
            said = seen.words
            key = said, verdict, one.missing_since is not None
            alike[key] = alike.get(key, 0) + sign
            if verdict.age is not None and seen.data_at is not None:
                ages[said.kind] = ages.get(said.kind, 0) + sign * round(seen.data_at * 1000)
            if verdict.consent and seen.expires_at is not None:
                ends[said.renewal] = ends.get(said.renewal, 0) + sign * round(seen.expires_at * 1000)
            for some in seen.accounts or ():
                row = some.status, some.tracking
                accounts[row] = accounts.get(row, 0) + sign * some.count

    def rows(self) -> Amounts:
        """All rows that these connections add to."""
        scales, rows = self._scales, Rows(dict)
        of_source: defaultdict[Load, int] = defaultdict(int)
        for company, pan in self._pans.items():
            prefix = (*scales.prefix, company)
            of_company: defaultdict[Load, int] = defaultdict(int)
            for key, count in pan.alike.items():
                if count:
                    of_institution, of_kind, load = scales.loads(*key)
                    of_source[of_institution] += count
                    of_source[of_kind] += count
                    of_company[load] += count
            rows.unpack(of_company, prefix)
            for kind, total in pan.ages.items():
                rows.add("age_sum", (*scales.prefix, scales.vocabulary.word(kind)), total)
            for renewal, total in pan.ends.items():
                rows.add("consent_sum", (*prefix, renewal or "unknown"), total)
            for row, total in pan.accounts.items():
                rows.add("accounts", prefix + scales.accounts(row), total)
        rows.unpack(of_source, scales.prefix)
        return rows


class Rows(defaultdict[str, dict[Labels, int]]):
    """Group -> label values -> amount, being added up."""

    def add(self, group: str, labels: Labels, amount: int) -> None:
        """Add to a row."""
        some = self[group]
        some[labels] = some.get(labels, 0) + amount

    def unpack(self, loads: Mapping[Load, int], prefix: Labels) -> None:
        """Add the rows that these loads come to, below these labels."""
        for load, count in loads.items():
            if count:
                for group, labels, amount in load.weights:
                    some, row = self[group], prefix + labels
                    some[row] = some.get(row, 0) + amount * count


def _of_institution(said: Words, verdict: Verdict) -> Iterator[Weight]:
    yield "institutions", (said.institution, verdict.condition), 1
    yield "institution_names", (said.institution, said.institution_name), 1


def _of_kind(verdict: Verdict, kind: str, *, missing: bool) -> Iterator[Weight]:
    if missing:
        yield "vanished", (), 1
    if verdict.age is not None:
        yield "age_bucket", (kind, str(verdict.age)), 1


def _of_company(said: Words, verdict: Verdict, vocabulary: Vocabulary) -> Iterator[Weight]:
    word = vocabulary.word
    status, kind, renewal = word(said.status), word(said.kind), said.renewal or "unknown"
    yield "connections", (status, word(said.reason or ""), verdict.condition), 1
    yield "kinds", (kind,), 1
    marks = (
        ("judged", verdict.judged, (kind,)),
        ("stale", verdict.stale, (kind,)),
        ("never_updated", verdict.never_updated, (kind,)),
        ("stuck", verdict.stuck, (status,)),
        ("paused", verdict.paused, ()),
    )
    for group, marked, labels in marks:
        if marked:
            yield group, labels, 1
    if verdict.consent is not None:
        yield "consent_bucket", (renewal, str(verdict.consent)), 1
        if verdict.consent:
            yield "consent_live", (renewal,), 1


def zeros(policy: Policy) -> list[Row]:
    """What is zero, not unknown, once a company was polled completely: its documented statuses, its start-up clocks.

    As (group, label values that follow the company).
    """
    rows: list[Row] = [("connections", (*said, condition)) for said, condition in policy.table.items()]
    rows += [("stuck", (status,)) for status in policy.stuck_after if status != "never_updated"]
    if policy.pause is not None:
        rows.append(("paused", ()))
    return rows


ZERO_BY_KIND: Final = ("judged", "stale", "never_updated")
"""Groups whose rows are zero, not unknown, while a company has a connection of that kind: the group `kinds` has the same labels."""
