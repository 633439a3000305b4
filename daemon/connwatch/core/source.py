"""What a source's answers say about the source itself: is it up, is our credential accepted, does it want us to slow down.

Pure: each answered request is heeded, and yields the next state and notes (decisions.md 6 to 9).
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core import quota as budget
from connwatch.core.model import Failure, Note
from connwatch.core.policy import Policy
from connwatch.core.schedule import backoff

LONGEST_WAIT: Final = 86_400.0
"""A longer Retry-After is taken as a day."""
DEFAULT_WAIT: Final = 60.0
"""Throttled without a Retry-After: the window of a limit per minute (providers/moneyhub.md section 5.2)."""
STRIKES: Final = 3
UNEXPLAINED_WINDOW: Final = 60.0
RECENT_SUCCESS: Final = 15 * 60.0

_KNOWS_US: Final = frozenset({"throttled", "not_found"})
_STRIKES: Final = frozenset({"dns", "connect", "tls", "timeout", "server", "auth", "forbidden", "truncated"})


class Answer(Struct, frozen=True, gc=False):
    """How one authenticated request, or the token that it wanted, ended. `target` is empty where no single target was asked for."""

    failure: Failure | None
    target: str = ""


class SourceState(Struct, frozen=True, gc=False):
    """What is known of a source as a whole."""

    quota: budget.Quota
    not_before: float = 0.0
    """Nothing is asked before: a Retry-After, kept over restarts."""
    strikes: tuple[str, ...] = ()
    """Failures in a row that speak against the source; a 403 is named by its target, so that one user's alone counts once."""
    up: bool | None = None
    """None until the first authenticated answer."""
    rejections: int = 0
    """Rejections of our credential in a row."""
    probe_at: float = 0.0
    """While the credential is rejected: when one request may try it again."""
    ok_at: float | None = None
    doubted: str = ""
    """The target of a rejection that may be that user's alone: nobody else was rejected since the last success."""
    refused: tuple[tuple[float, str], ...] = ()
    """(when, target) of unexplained 403s within the last minute."""

    @property
    def rejected(self) -> bool:
        """Whether our credential was rejected by the last authenticated answers."""
        return self.rejections > 0

    def open_at(self) -> float:
        """When the source may be asked again."""
        return max(self.not_before, self.probe_at if self.rejected else 0.0)


class Heeded(Struct, frozen=True, gc=False):
    """The next state, what to log, and how the failure is to be counted: a burst of unexplained 403 is `throttled`."""

    state: SourceState
    failure: Failure | None = None
    notes: tuple[Note, ...] = ()


def heed(state: SourceState, answer: Answer, rule: budget.Rule, policy: Policy, targets: int, now: float) -> Heeded:
    """Take in how one request ended. `targets` is how many targets the source has."""
    failure = answer.failure
    if failure is None:
        return _answered(state, now)
    state, failure = _unmask(state, failure, answer.target, now)
    notes: list[Note] = []
    if failure.outcome in {"throttled", "server"}:
        state, notes = _slow_down(state, failure, rule, policy, now)
    if failure.outcome == "auth":
        state, more = _rejected(state, failure, answer.target, policy, targets, now)
        notes += more
    if failure.outcome in _KNOWS_US:
        return Heeded(replace(state, strikes=(), up=True), failure, tuple(notes))
    if failure.outcome in _STRIKES:
        state, more = _strike(state, failure, answer.target, targets)
        notes += more
    return Heeded(state, failure, tuple(notes))


def slowed(state: SourceState, failure: Failure, rule: budget.Rule, policy: Policy, now: float) -> Heeded:
    """Take in a wait that was asked of a request without our credential: of our credential it says nothing (decisions.md 9)."""
    state, notes = _slow_down(state, failure, rule, policy, now)
    return Heeded(state, failure, tuple(notes))


def credential_changed(state: SourceState) -> SourceState:
    """A new credential deserves a try at once."""
    return replace(state, rejections=0, probe_at=0.0, doubted="")


def _rejected(
    state: SourceState, failure: Failure, target: str, policy: Policy, targets: int, now: float
) -> tuple[SourceState, list[Note]]:
    """Close the source until one request may try the credential again.

    One user's rejection amid successes closes nothing: it takes a second user, since a token may be wrong for one of them
    alone (providers/basiq.md section 5.2). Stragglers that were in flight with the same credential say nothing new.
    """
    others = target and targets > 1 and state.ok_at is not None and state.doubted in {"", target}
    if others and not state.rejected:
        return replace(state, doubted=target), []
    if now < state.probe_at:
        return state, []
    news = Note("credential_rejected", "warning", {"status": failure.status, "code": failure.code})
    wait = backoff(state.rejections + 1, policy.poll_interval)
    after = replace(state, rejections=state.rejections + 1, probe_at=now + wait)
    return after, [] if state.rejected else [news]


def _answered(state: SourceState, now: float) -> Heeded:
    notes = []
    if state.up is False:
        notes.append(Note("source_recovered", "info", {}))
    if state.rejected:
        notes.append(Note("credential_accepted", "info", {}))
    return Heeded(
        replace(state, strikes=(), up=True, rejections=0, probe_at=0.0, doubted="", ok_at=now), notes=tuple(notes)
    )


def _unmask(state: SourceState, failure: Failure, target: str, now: float) -> tuple[SourceState, Failure]:
    """Three unexplained 403 over different users within a minute, after recent successes, are throttling (decisions.md 6)."""
    if failure.outcome != "forbidden" or failure.explained:
        return state, failure
    recent = tuple(pair for pair in state.refused if now - pair[0] <= UNEXPLAINED_WINDOW)
    refused = (*recent, (now, target))
    burst = len({who for _, who in refused if who}) >= STRIKES
    succeeded = state.ok_at is not None and now - state.ok_at <= RECENT_SUCCESS
    if burst and succeeded:
        return replace(state, refused=()), Failure(outcome="throttled", status=403, detail="a burst of unexplained 403")
    return replace(state, refused=refused[-16:]), failure


def _strike(state: SourceState, failure: Failure, target: str, targets: int) -> tuple[SourceState, list[Note]]:
    """Down after three in a row, or as many as there are targets, if fewer (decisions.md 9)."""
    who = target if failure.outcome == "forbidden" else ""
    if who and who in state.strikes:
        return state, []
    strikes = (*state.strikes, who)[-STRIKES:]
    down = len(strikes) >= min(STRIKES, max(1, targets))
    fell = down and state.up is not False
    notes = [Note("source_down", "warning", {"outcome": failure.outcome, "status": failure.status})] if fell else []
    return replace(state, strikes=strikes, up=False if down else state.up), notes


def _slow_down(
    state: SourceState, failure: Failure, rule: budget.Rule, policy: Policy, now: float
) -> tuple[SourceState, list[Note]]:
    """Wait as long as was asked for, at half the rate if we were too fast.

    Once for all requests that were in flight: what is heard while the source is closed was asked before.
    """
    notes: list[Note] = []
    wait = failure.retry_after
    if failure.outcome == "throttled":
        if now >= state.not_before:
            notes.append(Note("source_throttled", "warning", {"status": failure.status, "retry_after": wait}))
            state = replace(state, quota=budget.throttled(state.quota, rule, now))
        if wait is None:
            wait = min(DEFAULT_WAIT, max(1.0, policy.poll_interval))
    if wait is None:
        return state, notes
    if wait > LONGEST_WAIT:
        notes.append(Note("retry_after_capped", "warning", {"retry_after": wait, "taken_as": LONGEST_WAIT}))
        wait = LONGEST_WAIT
    return replace(state, not_before=max(state.not_before, now + wait)), notes
