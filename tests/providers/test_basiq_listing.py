"""Listings of a Basiq user: one request, and jobs where they are needed."""

from __future__ import annotations

from typing import Any

import pytest

from connwatch.core.model import Failure, TargetState
from connwatch.core.policy import Facts
from connwatch.core.poll import Learned, Polled
from connwatch.core.step import step
from connwatch.core.wire import Reply
from connwatch.providers.basiq import Basiq
from tests.providers.basiq_source import INVALID, basiq, held, item, listing, poll, stored, user
from tests.providers.conversing import NOW, Script, paths, reply, run

HOUR = 3600.0
CONNECTIONS, JOBS = "/users/u-1/connections", "/users/u-1/jobs"


def failed(code: str, connection: str = "c", at: str = "2026-11-21T10:00:00Z") -> Reply:
    """A reply with one job of that connection, which failed."""
    steps = [{"title": "verify-credentials", "status": "failed", "result": {"code": code}}]
    source = f"https://au-api.basiq.io/users/u-1/connections/{connection}"
    return reply({"data": [{"id": "j", "created": at, "steps": steps, "links": {"source": source}}]})


def polled(source: Basiq, state: TargetState, *answers: Reply | Failure) -> TargetState:
    """The state after a poll that got these answers."""
    event = Polled(poll(source, Script(*answers), state), started_at=NOW)
    return step(state, event, source.policy("basiq", ()), Facts(), NOW).state


def test_a_listing_of_healthy_connections_is_one_request() -> None:
    """Jobs are asked for where something is invalid or pending only."""
    script = Script(listing(item("a"), item("b", "pre-init"), item("c", "deleted")))
    made = poll(basiq(), script)
    assert list(made.told) == ["a", "b", "c"]
    assert made.learned == {}
    assert paths(script.requests) == [CONNECTIONS]


def test_a_user_without_connections() -> None:
    """An empty listing is complete."""
    assert poll(basiq(), Script(stored("connections-empty.json"))).told == {}


def test_a_connection_that_is_listed_twice_is_one() -> None:
    """Should pages ever overlap, the later statement holds."""
    made = poll(basiq(), Script(listing(item("a", "pending", method="csv"), item("a"))))
    assert [(one.id, one.status) for one in made.told.values()] == [("a", "active")]


def test_a_user_who_is_unknown_is_not_found() -> None:
    """It is Basiq's answer about that user (contract.md, *Gone*), not a fault of the source."""
    script = Script(reply(stored("unknown-user.json").body, status=404))
    source = basiq()
    failure = run(source.list(user(), NOW), script, refusal=source.refusal)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.correlation_id) == ("not_found", "5c1e0f2e-0000-4000-8000-00000000abcd")


def test_jobs_tell_the_reason_of_an_invalid_connection() -> None:
    """The reason of each invalid one is learned, and of no other."""
    script = Script(stored("connections.json"), stored("jobs.json"))
    assert poll(basiq(), script).learned == {INVALID: Learned(reason="institution")}
    assert paths(script.requests) == [CONNECTIONS, JOBS]


def test_a_pending_connection_is_asked_about_at_each_poll() -> None:
    """Its jobs are looked at, but tell no reason: a reason belongs to an invalid one."""
    script = Script(listing(item("c", "pending", createdDate="2026-11-21T11:59:00Z")), failed("locked-account"))
    assert poll(basiq(), script).learned == {}
    assert paths(script.requests) == [CONNECTIONS, JOBS]


def test_without_jobs_none_are_asked_for() -> None:
    """`jobs: false`: one request, and an invalid connection is one whose reason isn't known."""
    script = Script(listing(item("c", "invalid"), item("d", "pending")))
    made = poll(basiq(jobs=False), script)
    assert paths(script.requests) == [CONNECTIONS]
    assert made.told["c"].reason == ""


PAUSED = item("new", "pending", createdDate="2026-11-21T11:58:00Z")
"""Created two minutes ago, at the same bank as `old`."""


@pytest.mark.parametrize(
    ("items", "asked"),
    [
        ([item("old"), PAUSED], False),
        ([item("old", "invalid"), PAUSED], False),
        ([item("old", "deleted"), PAUSED], True),
        ([PAUSED], True),
        ([item("old"), PAUSED | {"createdDate": "2026-11-21T11:54:00Z"}], True),
        ([item("old"), PAUSED | {"createdDate": "2026-11-21T11:54:01Z"}], False),
        ([item("old"), PAUSED | {"institution": {"id": "AU00001"}}], True),
        ([item("old", method="openbanking"), PAUSED], True),
        ([item("old"), PAUSED, item("other", "pending", institution={"id": "AU9"})], False),
    ],
)
def test_in_the_six_minute_pause_no_jobs_are_asked_for(items: list[Any], *, asked: bool) -> None:
    """While a connection of the user is paused, nothing but its listing is asked (decisions.md 3)."""
    script = Script(listing(*items), reply({"data": []}))
    poll(basiq(), script)
    assert paths(script.requests) == ([CONNECTIONS, JOBS] if asked else [CONNECTIONS])


@pytest.mark.parametrize(
    "answer", [Failure(outcome="timeout"), reply({}, status=429), reply({}, status=404), reply(b"<html>"), reply({})]
)
def test_jobs_that_fail_do_not_fail_the_listing(answer: Any) -> None:
    """The poll is ok, and what was known of the reason stays (decisions.md 5)."""
    raw = item("c", "invalid")
    state = user({"c": held(raw, reason="user", learned_at=NOW - 7 * HOUR, status_since=NOW - 9 * HOUR)})
    after = polled(basiq(), state, listing(raw), answer).connections["c"]
    assert (after.seen.status, after.seen.reason, after.verdict.condition) == ("invalid", "user", "action_required")
    assert after.learned_at == NOW - 7 * HOUR


def test_a_reason_outlives_its_job() -> None:
    """Jobs vanish after seven days; the last known reason stays while the status does, and is not searched anew."""
    raw = item("c", "invalid")
    state = user({"c": held(raw, reason="institution", learned_at=NOW - 7 * HOUR, status_since=NOW - 9 * HOUR)})
    after = polled(basiq(), state, listing(raw), reply({"data": []}))
    assert (after.connections["c"].seen.reason, after.connections["c"].learned_at) == ("institution", NOW)
    script = Script(listing(raw))
    assert poll(basiq(), script, after).learned == {}
    assert len(script.requests) == 1


def test_a_newer_job_changes_the_reason() -> None:
    """What was the bank's trouble may become the user's: the condition follows."""
    raw = item("c", "invalid")
    state = polled(basiq(), user(), listing(raw), failed("service-unavailable"))
    assert (state.connections["c"].seen.reason, state.connections["c"].verdict.condition) == ("institution", "degraded")
    old = held(raw, reason="institution", learned_at=NOW - 7 * HOUR, status_since=NOW - 9 * HOUR)
    after = polled(basiq(), user({"c": old}), listing(raw), failed("locked-account")).connections["c"]
    assert (after.seen.reason, after.verdict.condition) == ("user", "action_required")


def test_a_reason_ends_with_its_status() -> None:
    """An active connection has none, and one that turns invalid again starts without."""
    raw = item("c", "invalid")
    state = polled(basiq(), user(), listing(raw), failed("service-unavailable"))
    state = polled(basiq(), state, listing(item("c", "active")))
    assert state.connections["c"].seen.reason == ""
    state = polled(basiq(), state, listing(raw), Failure(outcome="timeout"))
    assert (state.connections["c"].seen.reason, state.connections["c"].verdict.condition) == ("", "action_required")
