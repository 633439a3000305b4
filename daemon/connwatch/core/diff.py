"""An old and a new listing: what appeared, changed, vanished. What a complete listing lacks is held once (decisions.md 2)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.clocks import judge, pauses
from connwatch.core.condition import REPAIRABLE
from connwatch.core.model import Connection, Held, Moved, Target, Transition, Verdict, reworded
from connwatch.core.policy import Facts, Policy
from connwatch.core.poll import Learned, Listing

Unknown: TypeAlias = tuple[tuple[str, str], ...]
"""(field, raw value) of what no document tells."""
_LEEWAY: Final = 1.0
"""Seconds that a provider's clock may be ahead of ours without a word."""


class Bench(Struct, frozen=True, gc=False):
    """What every judgement of one target needs: whose it is, by which policy and facts, and when."""

    target: Target
    policy: Policy
    facts: Facts
    now: float

    def judged(self, seen: Connection, paused_until: float) -> tuple[Verdict, float]:
        """What a connection is now, and until when: see `clocks.judge`."""
        policy, muted_until = self.policy, None
        if policy.mutes:
            mute = policy.mute_for(
                company=self.target.company,
                target=self.target.id,
                institution=seen.words.institution,
                connection=seen.id,
                now=self.now,
            )
            muted_until = None if mute is None else mute.until
        return judge(seen, policy, self.facts, self.now, muted_until=muted_until, paused_until=paused_until)


class Difference(Struct, frozen=True, gc=False):
    """The connections after a listing, and how each one that is not as before got there."""

    connections: Mapping[str, Held]
    moved: tuple[Moved, ...]


def diff(held: Mapping[str, Held], listing: Listing, bench: Bench, started_at: float) -> Difference:
    """Apply a complete listing. `started_at` is when its poll began: absences are told apart by it.

    Raises ValueError if it passes over a connection that isn't known: it was compared with what is no longer so.
    """
    absent = held.keys() - listing.listed
    if len(held) - len(absent) + len(listing.told.keys() - held.keys()) != len(listing.listed):
        raise ValueError("a listing without all that is new in it")
    seen = _changed(held, listing, bench.now)
    missing, removed = _lacking(held, absent, started_at, bench.policy.poll_interval)
    same = listing.marks.keys() - listing.told.keys()
    if not seen and not missing and not removed and not same:
        return Difference(held, ())

    after = {id_: one for id_, one in held.items() if id_ not in removed} if removed else dict(held)
    # One that is held counts as before, in a pair too.
    current = {id_: one.seen for id_, one in after.items()} | seen if bench.policy.pause is not None else seen
    for id_ in same:
        after[id_] = replace(after[id_], fingerprint=listing.marks[id_])
    ends = pauses(current.values(), bench.policy.pause)
    moved = []
    for id_, connection in current.items():
        before, end = after.get(id_), ends.get(id_, 0.0)
        if id_ in seen or (before is not None and before.paused_until != end):
            mark, learned = listing.marks.get(id_), id_ in listing.learned
            one = hold(connection, before, bench, paused_until=end, fingerprint=mark, learned=learned)
            if before is not None and id_ not in listing.listed:
                one = replace(one, missing_since=missing.pop(id_, before.missing_since))
            after[id_] = one
            moved.append(Moved(before, one))
    for id_, since in missing.items():
        after[id_] = replace(after[id_], missing_since=since)
        moved.append(Moved(held[id_], after[id_]))
    moved += [Moved(held[id_], None) for id_ in removed]
    return Difference(after, tuple(moved))


def _changed(held: Mapping[str, Held], listing: Listing, now: float) -> dict[str, Connection]:
    """What is new or not as it was, and of what more was learned."""
    seen = {}
    marks, learned = listing.marks, listing.learned
    for id_, told in listing.told.items():
        before = held.get(id_)
        if before is None or before.fingerprint != marks[id_] or before.missing_since is not None:
            seen[id_] = completed(punctual(told, now), before, learned.get(id_))
    for id_ in learned.keys() - seen.keys():
        before = held.get(id_)
        if before is not None:
            seen[id_] = completed(before.seen, before, learned[id_])
    return seen


def punctual(told: Connection, now: float) -> Connection:
    """What has happened has not happened later than now. A time of the future is taken as now, and noted (decisions.md 14)."""
    latest = max(told.created_at or now, told.status_since or now, told.checked_at or now, told.data_at or now)
    if latest <= now:
        return told
    said = told.words
    if latest > now + _LEEWAY:
        said = reworded(said, unknown=_united(said.unknown, (("future_time", "other"),)))
    return replace(
        told,
        words=said,
        created_at=_past(told.created_at, now),
        status_since=_past(told.status_since, now),
        checked_at=_past(told.checked_at, now),
        data_at=_past(told.data_at, now),
    )


def _past(at: float | None, now: float) -> float | None:
    return at if at is None else min(at, now)


def _united(unknown: Unknown, more: Unknown) -> Unknown:
    """Each of them once."""
    return tuple(dict.fromkeys((*unknown, *more)))


def completed(connection: Connection, before: Held | None, learned: Learned | None = None) -> Connection:
    """Fill in what a listing alone doesn't tell: from what was learned beside it, else as it was last known."""
    said, reason, accounts = connection.words, connection.words.reason, connection.accounts
    unknown = said.unknown
    if learned is not None:
        unknown = _united(unknown, learned.unknown)
        reason = learned.reason if learned.reason is not None else reason
        accounts = learned.accounts if learned.accounts is not None else accounts
    known = None if before is None else before.seen
    if reason is None:
        reason = known.words.reason if known is not None and known.words.status == said.status else ""
    if accounts is None and known is not None:
        accounts = known.accounts
    if reason == said.reason and accounts is connection.accounts and unknown == said.unknown:
        return connection
    return replace(connection, words=reworded(said, reason=reason or "", unknown=unknown), accounts=accounts)


def _lacking(
    held: Mapping[str, Held], absent: AbstractSet[str], started_at: float, interval: float
) -> tuple[dict[str, float], set[str]]:
    """What a complete listing lacks: (newly missing, with since when; missing for the second time, an interval apart)."""
    missing: dict[str, float] = {}
    removed: set[str] = set()
    for id_ in absent:
        since = held[id_].missing_since
        if since is None:
            missing[id_] = started_at
        elif started_at - since >= interval:
            removed.add(id_)
    return missing, removed


def hold(
    seen: Connection, before: Held | None, bench: Bench, *, paused_until: float, fingerprint: int | None, learned: bool
) -> Held:
    """Remember a connection as it was seen now, judged. `fingerprint` None: it was not read anew."""
    now = bench.now
    if before is not None:
        # Its id is there once, and so is all of it if nothing is new: not as it was known, and again as it was read.
        if seen == before.seen:
            seen = before.seen
        elif seen.id is not before.seen.id:
            seen = replace(seen, id=before.seen.id)
    verdict, until = bench.judged(seen, paused_until)
    if before is None:
        same_status = same_condition = False
    else:
        same_status = _status(before.seen) == _status(seen)
        same_condition = before.verdict.condition == verdict.condition
    began = seen.status_since if seen.status_since is not None else now
    if before is not None and same_condition:
        since = before.since
    elif verdict.condition == "expired" and seen.expires_at is not None:
        since = min(now, seen.expires_at)
    else:
        since = now if same_status else min(now, began)
    if seen.status_since is not None:
        status_since = seen.status_since
    else:
        status_since = before.status_since if before is not None and same_status else now
    if since == status_since:
        since = status_since  # one instead of two that are equal
    return Held(
        seen=seen,
        verdict=verdict,
        until=until,
        since=since,
        status_since=status_since,
        first_seen=now if before is None else before.first_seen,
        fingerprint=fingerprint if fingerprint is not None else (before.fingerprint if before is not None else 0),
        paused_until=paused_until,
        learned_at=now if learned else (before.learned_at if before is not None else None),
    )


def _status(seen: Connection) -> tuple[str, str | None]:
    return seen.words.status, seen.words.reason


def transition(moved: Moved, now: float) -> Transition | None:
    """The entry in a connection's history, if its status, reason or condition changed."""
    before, after = moved.before, moved.after
    one = after or before
    if one is None:
        return None
    was = before.verdict.condition if before is not None else None
    is_ = after.verdict.condition if after is not None else None
    if before is not None and after is not None and was == is_ and _status(before.seen) == _status(after.seen):
        return None
    ended = before is not None and after is not None and was != is_ and was in REPAIRABLE
    return Transition(
        connection=one.seen.id,
        at=now,
        before=was,
        after=is_,
        status=one.seen.words.status,
        reason=one.seen.words.reason or "",
        lasted=max(0.0, now - before.since) if ended and before is not None else None,
    )
