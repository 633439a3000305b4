"""Who is there to be asked: a discovery against the targets that are known (decisions.md 2, 4 and 25)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from connwatch.core.model import Target, TargetState
from connwatch.core.policy import Policy
from connwatch.core.schedule import first_due, hinted_due

SHORT_ID: Final = 8


Own: TypeAlias = Callable[[str], str]
"""An id as it is held already, if it is: while tens of thousands are listed, for minutes, each is there once."""


class Found(Struct, frozen=True, gc=False):
    """A company or user that a discovery names. `vacant`: it has no connections, so there is nothing to ask."""

    id: str
    name: str = ""
    vacant: bool = False


class Discovery(Struct, frozen=True):
    """A complete discovery. `removed` are those that the provider or the configuration says are no more, by name."""

    found: tuple[Found, ...]
    removed: frozenset[str] = frozenset()


class Reconciled(Struct, frozen=True):
    """What a discovery changes: targets to keep with a new state (new ones too), and those that are gone for good."""

    changed: tuple[TargetState, ...]
    gone: tuple[str, ...] = ()


def reconcile(
    known: Mapping[str, TargetState], discovery: Discovery, policy: Policy, now: float, *, company: str = ""
) -> Reconciled:
    """The targets after a complete discovery. `company` is the label of a source that has only one; empty: by name.

    A target that is missing is asked once more at once; missing from the next complete discovery too, it is gone. One
    that is vacant, and of which nothing is held, is none.
    """
    vacant = {one.id for one in discovery.found if one.vacant and not (one.id in known and known[one.id].connections)}
    found = {one.id: one for one in discovery.found if one.id not in vacant}
    removed = discovery.removed | vacant
    labels = {} if company else company_labels(discovery.found, known)
    changed = []
    for one in found.values():
        target = Target(id=one.id, company=company or labels[one.id], name="" if company else one.name)
        state = known.get(one.id)
        after = _appeared(target, policy, now) if state is None else _confirmed(state, target, one, policy, now)
        if after is not state:
            changed.append(after)
    gone = [id_ for id_ in removed if id_ in known]
    for id_, state in known.items():
        if id_ in found or id_ in removed:
            continue
        if state.absent_since is not None:
            gone.append(id_)
        else:
            changed.append(replace(state, absent_since=now, due=_soon(state, policy, now)))
    return Reconciled(changed=tuple(changed), gone=tuple(gone))


def _appeared(target: Target, policy: Policy, now: float) -> TargetState:
    fresh = TargetState(target=target, first_seen=now, due=now)
    return replace(fresh, due=first_due(fresh, policy, now))


def _confirmed(state: TargetState, target: Target, found: Found, policy: Policy, now: float) -> TargetState:
    """A known target that is still there. One whose connections went is asked at once, so that the listing says so."""
    held_already = any(one.missing_since is not None for one in state.connections.values())
    due = _soon(state, policy, now) if found.vacant and not held_already else state.due
    if (state.target, state.absent_since, state.due) == (target, None, due):
        return state
    return replace(state, target=target, absent_since=None, due=due)


def _soon(state: TargetState, policy: Policy, now: float) -> float:
    """At once, but no earlier in a pause or a backoff than it is due anyway (decisions.md 3)."""
    return min(state.due, hinted_due(state, policy, now))


def company_labels(found: Iterable[Found], known: Mapping[str, TargetState]) -> Mapping[str, str]:
    """Company id -> the label `company`: its name, made unique with a short id for every twin but the one seen first.

    A label stays as long as the name does, so that it never flips (decisions.md 25).
    """
    labels: dict[str, str] = {}
    waiting = []
    companies = sorted(found, key=lambda company: company.id)
    ids = {one.id for one in companies}
    for one in companies:
        state = known.get(one.id)
        if state is not None and state.target.name == one.name and state.target.company:
            labels[one.id] = state.target.company
        else:
            waiting.append(one)
    # A company that this discovery lacks may come back: its label is still its own.
    taken = {state.target.company for id_, state in known.items() if id_ not in ids} | set(labels.values())
    for one in waiting:
        labels[one.id] = label = _free_label(one, taken)
        taken.add(label)
    return labels


def _free_label(company: Found, taken: set[str]) -> str:
    name = company.name or company.id
    candidates = (name, *(f"{name} ({company.id[:length]})" for length in range(SHORT_ID, len(company.id) + 1)))
    return next((label for label in candidates if label not in taken), f"{name} ({company.id})")
