"""An old and a new listing: what appeared, changed, vanished. What a complete listing lacks is held once (decisions.md 2)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.clocks import judge, pauses
from connwatch.core.condition import REPAIRABLE
from connwatch.core.model import Connection, Held, Learned, Listing, Moved, Target, Transition
from connwatch.core.policy import Facts, Policy


class Bench(Struct, frozen=True):
    """What every judgement of one target needs: whose it is, by which policy and facts, and when."""

    target: Target
    policy: Policy
    facts: Facts
    now: float


class Difference(Struct, frozen=True):
    """The connections after a listing, and how each one that is not as before got there."""

    connections: Mapping[str, Held]
    moved: tuple[Moved, ...]


def diff(held: Mapping[str, Held], listing: Listing, bench: Bench, started_at: float) -> Difference:
    """Apply a complete listing. `started_at` is when its poll began: absences are told apart by it."""
    seen, marks = _changed(held, listing, bench.now)
    listed = {item.id for item in listing.items}
    missing, removed = _absent(held, listed, started_at, bench.policy.poll_interval)
    if not seen and not missing and not removed:
        return Difference(held, ())

    stay = {id_: one for id_, one in held.items() if id_ not in removed}
    current = {id_: one.seen for id_, one in stay.items() if id_ in listed} | seen
    # One that is held counts as before, in a pair too.
    ends = pauses(({id_: one.seen for id_, one in stay.items()} | current).values(), bench.policy.pause)
    after = dict(stay)
    for id_, connection in current.items():
        before = held.get(id_)
        end = ends.get(id_, 0.0)
        if id_ in seen or (before is not None and before.paused_until != end):
            after[id_] = hold(
                connection, before, bench, paused_until=end, fingerprint=marks.get(id_), learned=id_ in listing.learned
            )
    for id_, since in missing.items():
        after[id_] = replace(stay[id_], missing_since=since)
    moved = [Moved(held.get(id_), one) for id_, one in after.items() if one is not held.get(id_)]
    moved += [Moved(held[id_], None) for id_ in removed]
    return Difference(after, tuple(moved))


def _changed(held: Mapping[str, Held], listing: Listing, now: float) -> tuple[dict[str, Connection], dict[str, int]]:
    """What is new or not as it was, read; with the fingerprints. The rest is passed over unread: most of a listing is the same."""
    seen: dict[str, Connection] = {}
    marks: dict[str, int] = {}
    for item in listing.items:
        id_, mark = item.id, hash(item)
        before = held.get(id_)
        if (
            before is not None
            and before.fingerprint == mark
            and before.missing_since is None
            and id_ not in listing.learned
        ):
            continue
        seen[id_] = _completed(listing.read(item, now), before, listing.learned.get(id_))
        marks[id_] = mark
    return seen, marks


def _completed(connection: Connection, before: Held | None, learned: Learned | None) -> Connection:
    """Fill in what a listing alone doesn't tell: from what was learned beside it, else as it was last known."""
    reason, accounts = connection.reason, connection.accounts
    if learned is not None:
        reason = learned.reason if learned.reason is not None else reason
        accounts = learned.accounts if learned.accounts is not None else accounts
    if reason is None:
        same = before is not None and before.seen.status == connection.status
        reason = before.seen.reason if before is not None and same else ""
    if accounts is None and before is not None:
        accounts = before.seen.accounts
    if reason == connection.reason and accounts is connection.accounts:
        return connection
    return replace(connection, reason=reason or "", accounts=accounts)


def _absent(
    held: Mapping[str, Held], listed: set[str], started_at: float, interval: float
) -> tuple[dict[str, float], set[str]]:
    """What a complete listing lacks: (newly missing, with since when; missing for the second time, an interval apart)."""
    missing: dict[str, float] = {}
    removed: set[str] = set()
    for id_ in held.keys() - listed:
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
    now, target = bench.now, bench.target
    mute = bench.policy.mute_for(
        company=target.company, target=target.id, institution=seen.institution, connection=seen.id, now=now
    )
    verdict, until = judge(
        seen,
        bench.policy,
        bench.facts,
        now,
        muted_until=None if mute is None else mute.until,
        paused_until=paused_until,
    )
    if before is None:
        same_status = same_condition = False
    else:
        same_status = (before.seen.status, before.seen.reason) == (seen.status, seen.reason)
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


def transition(moved: Moved, now: float) -> Transition | None:
    """The entry in a connection's history, if its status, reason or condition changed."""
    before, after = moved.before, moved.after
    one = after or before
    if one is None:
        return None
    was = before.verdict.condition if before is not None else None
    is_ = after.verdict.condition if after is not None else None
    if before is not None and after is not None:
        same = (before.seen.status, before.seen.reason) == (after.seen.status, after.seen.reason)
        if was == is_ and same:
            return None
    ended = before is not None and after is not None and was != is_ and was in REPAIRABLE
    return Transition(
        connection=one.seen.id,
        at=now,
        before=was,
        after=is_,
        status=one.seen.status,
        reason=one.seen.reason or "",
        lasted=max(0.0, now - before.since) if ended and before is not None else None,
    )
