"""Reasons out of Basiq's jobs, and when they are looked for."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from connwatch.core.model import Held
from connwatch.providers.basiq_jobs import AGAIN, CONDITIONS, JOBS, REASONS, Job, due, reasons
from tests.providers.basiq_source import INVALID, decoded, held, item
from tests.providers.conversing import NOW, fixture

LISTED = {"c-1": "AU1", "c-2": "AU1", "c-3": "AU3"}


def jobs(*raw: Any) -> tuple[Job, ...]:
    """Jobs as they come."""
    return JOBS.decode(msgspec.json.encode({"type": "list", "size": len(raw), "data": raw})).data


def job(code: str | None, at: str = "2026-11-20T10:00:00Z", source: str | None = "c-1", **more: Any) -> dict[str, Any]:
    """A job whose second step failed with that code; None: which succeeded."""
    last = {"title": "retrieve-accounts", "status": "success", "result": {"type": "link", "url": "/users/u-1/accounts"}}
    if code is not None:
        last = {"title": "retrieve-accounts", "status": "failed", "result": {"code": code, "title": "t", "detail": "d"}}
    first = {"title": "verify-credentials", "status": "success", "result": None}
    links = {"self": "https://au-api.basiq.io/jobs/j"}
    if source is not None:
        links["source"] = f"https://au-api.basiq.io/users/u-1/connections/{source}"
    return {"id": f"j-{at}-{code}", "created": at, "steps": [first, last], "links": links, **more}


def test_the_newest_failure_is_the_reason() -> None:
    """Of several jobs the newest that failed counts, in whatever order they come."""
    for order in permutations(decoded("jobs.json")["data"]):
        assert reasons(jobs(*order), {INVALID: "AU04301"}) == {INVALID: "institution"}


def test_the_words_of_a_bank_are_never_decoded() -> None:
    """`title`, `detail` and `details` of a failure are free text of the bank: they don't leave the decoder."""
    kept = msgspec.json.encode(JOBS.decode(fixture("basiq", "jobs.json"))).decode()
    assert not [word for word in ("Gavin", "Cannot login", "locked", "closed") if word in kept]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("invalid-credentials", "user"),
        ("authorization-failed", "user"),
        ("account-not-accessible-requires-user-action", "user"),
        ("locked-account", "user"),
        ("service-unavailable", "institution"),
        ("maintenance", "institution"),
        ("institution-not-supported", "config"),
        ("connector-error", "basiq"),
        ("job-timed-out", "basiq"),
        ("too-many-requests", "rate_limit"),
        ("bank-statement-parsing-error", "statement"),
        ("a-code-of-some-bank", "other"),
        ("", "other"),
    ],
)
def test_codes_are_bucketed(code: str, reason: str) -> None:
    """Every code comes down to one of the documented reasons; what no document lists is `other`."""
    assert reasons(jobs(job(code)), LISTED) == {"c-1": reason}
    assert {*REASONS.values(), reason} <= CONDITIONS.keys()


@pytest.mark.parametrize("shape", ["object", "array", "null", "none", "codeless"])
def test_results_come_in_several_shapes(shape: str) -> None:
    """A failure is seen whatever its result looks like; without a code its reason is `other`."""
    raw = job("service-unavailable")
    step = raw["steps"][1]
    if shape == "array":
        step["result"] = [{"type": "link"}, step["result"]]
    elif shape == "null":
        step["result"] = None
    elif shape == "none":
        del step["result"]
    elif shape == "codeless":
        step["result"] = {"title": "odd", "details": "spelled so"}
    expected = "institution" if shape in {"object", "array"} else "other"
    assert reasons(jobs(raw), LISTED) == {"c-1": expected}


def test_a_job_that_did_not_fail_is_no_reason() -> None:
    """Succeeded, running and waiting jobs say nothing of why; nor does a newer success hide the failure."""
    running = job(None, at="2026-11-20T12:00:00Z")
    running["steps"][1] = {"title": "retrieve-accounts", "status": "in-progress", "result": None}
    assert reasons(jobs(job(None), running), LISTED) == {}
    assert reasons(jobs(running, job("locked-account")), LISTED) == {"c-1": "user"}


def test_a_job_finds_its_connection_by_what_the_login_made() -> None:
    """Without `links.source` the link of its first step names the connection."""
    raw = job("service-unavailable", source=None, institution={"id": "AU1"})
    raw["steps"][0]["result"] = {"type": "link", "url": "/users/u-1/connections/c-2"}
    assert reasons(jobs(raw), LISTED) == {"c-2": "institution"}


def test_else_by_its_institution_if_that_is_clear() -> None:
    """A job that names no connection is its institution's only one's. Among two of them nothing is guessed."""
    alone, shared, nobodys = ({"id": id_} for id_ in ("AU3", "AU1", "AU9"))
    assert reasons(jobs(job("locked-account", source=None, institution=alone)), LISTED) == {"c-3": "user"}
    assert reasons(jobs(job("locked-account", source=None, institution=shared)), LISTED) == {}
    assert reasons(jobs(job("locked-account", source=None, institution=nobodys)), LISTED) == {}
    assert reasons(jobs(job("locked-account", source=None)), LISTED) == {}


def test_jobs_of_statements_are_dated_too() -> None:
    """They have `createdDate` instead of `created`: their order among the others is right."""
    old = job("empty-file", at="2026-11-20T09:00:00Z")
    old["createdDate"] = old.pop("created")
    new = job("locked-account", at="2026-11-20T10:00:00Z")
    assert reasons(jobs(new, old), LISTED) == {"c-1": "user"}
    old["createdDate"] = "2026-11-20T11:00:00Z"
    assert reasons(jobs(new, old), LISTED) == {"c-1": "statement"}


def _remembered(status: str, reason: str, learned: float | None, since: float) -> Held:
    return held(item("c", status), reason=reason, learned_at=learned, status_since=since)


@pytest.mark.parametrize(
    ("status", "before", "expected"),
    [
        ("pending", None, True),
        ("active", None, False),
        ("pre-init", None, False),
        ("other", None, False),
        ("invalid", None, True),
        ("invalid", _remembered("active", "", NOW - 60, NOW - 90_000), True),
        ("invalid", _remembered("invalid", "", None, NOW - 90_000), True),
        ("invalid", _remembered("invalid", "user", NOW - 60, NOW - 60), False),
        ("invalid", _remembered("invalid", "", NOW - 60, NOW - 60), True),
        ("invalid", _remembered("invalid", "", NOW - 60, NOW - AGAIN), False),
        ("invalid", _remembered("invalid", "user", NOW - AGAIN + 1, NOW - 90_000), False),
        ("invalid", _remembered("invalid", "user", NOW - AGAIN, NOW - 90_000), True),
        ("invalid", _remembered("invalid", "", NOW - AGAIN, NOW - 90_000), True),
        ("active", _remembered("invalid", "user", None, NOW - 60), False),
    ],
)
def test_when_jobs_are_looked_at(status: str, before: Held | None, *, expected: bool) -> None:
    """When a connection turns invalid, while its reason is searched, then every six hours; pending ones each time."""
    assert due(status, before, NOW) is expected
