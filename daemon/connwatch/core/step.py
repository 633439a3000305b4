"""The one reducer: (state of a target, what happened, policy, facts, now) -> Step. All that follows from a poll is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from connwatch.core.clocks import pauses
from connwatch.core.diff import Bench, diff, hold, transition
from connwatch.core.model import Failure, Held, Kept, Moved, Note, Step, TargetState, Transition
from connwatch.core.policy import Facts, Policy
from connwatch.core.poll import Event, Failed, Listing, Polled
from connwatch.core.schedule import first_due, next_due

_NOTHING = Listing.of(())


def step(state: TargetState, event: Event, policy: Policy, facts: Facts, now: float, *, spare: bool = False) -> Step:
    """What a poll means. `spare`: the source's quota has room for urgency.

    A failure keeps everything that was known. A 404 is an answer: like an empty listing (contract.md, *Gone*).
    """
    bench = Bench(state.target, policy, facts, now)
    match event:
        case Polled(listing=listing, started_at=started_at):
            return _listed(state, listing, bench, started_at, spare=spare)
        case Failed(failure=failure, started_at=started_at) if failure.outcome == "not_found":
            if state.absent_since is not None:
                return drop(replace(state, gone=True, outcome="not_found"), now)
            return _gone(state, bench, started_at)
        case Failed(failure=failure):
            return _failed(state, failure, policy, now)


def _listed(state: TargetState, listing: Listing, bench: Bench, started_at: float, *, spare: bool) -> Step:
    after = replace(state, polled_at=started_at, failures=0, outcome="ok", gone=False)
    notes = _heard_again(state)
    return _moved(after, listing, bench, started_at, notes, spare=spare)


def _gone(state: TargetState, bench: Bench, started_at: float) -> Step:
    after = replace(state, polled_at=started_at, failures=0, outcome="not_found", gone=True)
    notes = () if state.gone else (Note("target_gone", "info", {"connections": len(state.connections)}),)
    return _moved(after, _NOTHING, bench, started_at, notes, spare=False)


def _moved(
    state: TargetState, listing: Listing, bench: Bench, started_at: float, notes: tuple[Note, ...], *, spare: bool
) -> Step:
    difference = diff(state.connections, listing, bench, started_at)
    after = replace(state, connections=difference.connections, imprints=listing.imprints)
    step_ = _told(after, difference.moved, bench.now, notes)
    return replace(step_, state=_rescheduled(step_.state, bench.policy, bench.now, spare=spare))


def _rescheduled(state: TargetState, policy: Policy, now: float, *, spare: bool) -> TargetState:
    return replace(state, due=next_due(state, policy, now, spare=spare))


def _failed(state: TargetState, failure: Failure, policy: Policy, now: float) -> Step:
    after = replace(state, failures=state.failures + 1, outcome=failure.outcome)
    facts = {
        "outcome": failure.outcome,
        "status": failure.status,
        "code": failure.code,
        "correlation_id": failure.correlation_id,
        "detail": failure.detail,
        "failures": after.failures,
    }
    changed = state.outcome != failure.outcome
    note = Note("poll_failed", "warning" if changed else "debug", facts)
    return Step(_rescheduled(after, policy, now, spare=False), notes=(note,))


def _heard_again(state: TargetState) -> tuple[Note, ...]:
    if state.gone:
        return (Note("target_returned", "info", {}),)
    return (Note("poll_recovered", "info", {"failures": state.failures}),) if state.failures else ()


def pass_time(state: TargetState, policy: Policy, facts: Facts, now: float) -> Step:
    """Judge again what the passing of time has changed by now. Polls are scheduled as before."""
    due = [id_ for id_, one in state.connections.items() if one.until <= now]
    return rejudge(state, policy, facts, now, due) if due else Step(state)


def rejudge(state: TargetState, policy: Policy, facts: Facts, now: float, ids: Iterable[str] | None = None) -> Step:
    """Judge these connections again (all, if None is given): after a restart, a reload, or when the facts changed."""
    bench = Bench(state.target, policy, facts, now)
    after = dict(state.connections)
    ends = pauses((one.seen for one in after.values()), policy.pause)
    moved = []
    for id_ in tuple(after if ids is None else ids):
        before = after[id_]
        one = hold(before.seen, before, bench, paused_until=ends.get(id_, 0.0), fingerprint=None, learned=False)
        one = replace(one, missing_since=before.missing_since)
        if one != before:
            after[id_] = one
            moved.append(Moved(before, one))
    return _told(replace(state, connections=after) if moved else state, tuple(moved), now)


def awaken(state: TargetState, connections: Sequence[Kept], policy: Policy, facts: Facts, now: float) -> TargetState:
    """A target with its connections as they were remembered, judged as of now.

    A connection whose condition is another one by now is left as it was, for the next `pass_time` to tell the change.
    """
    judged = Bench(state.target, policy, facts, now).judged
    ends = pauses((one[0] for one in connections), policy.pause)
    held = {}
    for seen, before, since, status_since, first_seen, missing_since, learned_at in connections:
        end = ends.get(seen.id, 0.0)
        verdict, until = judged(seen, end)
        if verdict.condition != before.condition:
            verdict, until = before, now
        held[seen.id] = Held(seen, verdict, until, since, status_since, first_seen, 0, missing_since, end, learned_at)
    return replace(state, connections=held)


def restored(state: TargetState, connections: Sequence[Kept], policy: Policy, facts: Facts, now: float) -> Step:
    """What becomes of a target that a store remembered: judged as of now, due when it would have been."""
    return resumed(pass_time(awaken(state, connections, policy, facts, now), policy, facts, now), policy, now)


def resumed(step_: Step, policy: Policy, now: float) -> Step:
    """The step of a target that was watched by another process, or under other options: when it is due is found out anew."""
    return replace(step_, state=replace(step_.state, due=first_due(step_.state, policy, now)))


def unread(state: TargetState) -> TargetState:
    """The state without any fingerprint: whatever is listed next is read, however little it changed."""
    if not any(one.fingerprint for one in state.connections.values()):
        return state
    connections = {id_: replace(one, fingerprint=0) for id_, one in state.connections.items()}
    return replace(state, connections=connections, imprints=())


def drop(state: TargetState, now: float) -> Step:
    """The target is gone for good, and its connections with it."""
    moved = tuple(Moved(one, None) for one in state.connections.values())
    note = Note("target_dropped", "info", {"connections": len(moved)})
    return _told(replace(state, connections={}, imprints=(), gone=True), moved, now, (note,))


def _told(state: TargetState, moved: tuple[Moved, ...], now: float, notes: tuple[Note, ...] = ()) -> Step:
    """The step with its history and its notes: each change is said once."""
    transitions = tuple(one for one in (transition(pair, now) for pair in moved) if one is not None)
    if any(one.before is not None for one in transitions):
        state = replace(state, changed_at=now)
    return Step(
        state=state,
        moved=moved,
        transitions=transitions,
        unknown=tuple(value for pair in moved for value in _newly_unknown(pair)),
        notes=notes + tuple(_note(one) for one in transitions if one.before is not None),
    )


def _newly_unknown(moved: Moved) -> tuple[tuple[str, str], ...]:
    """Changes into undocumented values: counted once, not at each sight."""
    told = () if moved.after is None else moved.after.seen.words.unknown
    if not told:
        return ()
    known = () if moved.before is None else moved.before.seen.words.unknown
    return tuple(value for value in told if value not in known)


def _note(change: Transition) -> Note:
    event = "connection_removed" if change.after is None else "connection_changed"
    facts = {
        "connection": change.connection,
        "before": change.before,
        "after": change.after,
        "status": change.status,
        "reason": change.reason,
    }
    return Note(event, "info", facts)
