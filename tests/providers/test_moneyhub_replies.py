"""How Moneyhub's refusals are read."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.model import Failure
from connwatch.core.wire import Reply, Request
from tests.providers.conversing import NOW, reply
from tests.providers.documents import ANY_JSON
from tests.providers.moneyhub_source import LIST, moneyhub, stored

CALL = Request("connections", LIST)
OPEN = Request("institutions", "/oidc/.well-known/all-connections", authenticated=False)
FIELDS = ("code", "error", "message", "correlationId", "retryAfterSecs")


def refused(answer: Reply, request: Request = CALL) -> Failure:
    """What a refusal comes down to."""
    return moneyhub().refusal(request, answer, NOW)


def test_what_is_kept_of_a_refusal() -> None:
    """The code and what Moneyhub's support asks for; no message (section 5.4)."""
    assert refused(stored("forbidden.json", 403)) == Failure(
        outcome="forbidden", detail="status 403", status=403, code="Forbidden", correlation_id="4f6d2b1a9c"
    )


def test_a_token_that_ran_out_is_renewed() -> None:
    """A 401 of a call may be cured by a new token; of a list that wants none it can't."""
    body = {"code": "Unauthorized", "message": "Invalid or expired token"}
    assert refused(reply(body, status=401)).renew
    assert not refused(reply(body, status=401), OPEN).renew
    assert not refused(reply(body, status=403)).renew


@pytest.mark.parametrize(
    ("body", "explained"),
    [({"code": "Forbidden"}, True), ({"code": "SomethingElse"}, False), ({}, False), (b"<html>blocked</html>", False)],
)
def test_a_403_without_a_documented_code_is_not_explained(body: Any, *, explained: bool) -> None:
    """It may come from a gateway that throttles (decisions.md 6)."""
    failure = refused(reply(body, status=403))
    assert (failure.outcome, failure.explained) == ("forbidden", explained)


@pytest.mark.parametrize(
    ("status", "header", "body", "wait"),
    [
        (429, None, {"retryAfterSecs": 42}, 42.0),
        (429, "17", {"retryAfterSecs": 42}, 42.0),
        (429, "60", {"retryAfterSecs": 42}, 60.0),
        (429, format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True), {"retryAfterSecs": 42}, 90.0),
        (429, "17", {}, 17.0),
        (429, "soon", {"retryAfterSecs": 1.5}, 1.5),
        (429, None, {}, None),
        (429, None, {"retryAfterSecs": None}, None),
        (429, None, {"retryAfterSecs": "42"}, None),
        (429, None, {"retryAfterSecs": -1}, None),
        (429, None, {"retryAfterSecs": 0}, 0.0),
        (503, None, {"retryAfterSecs": 42}, 42.0),
        (500, "17", {"retryAfterSecs": 42}, None),
        (403, "17", {"retryAfterSecs": 42}, None),
    ],
)
def test_the_longer_wait_holds(status: int, header: str | None, body: dict[str, Any], wait: float | None) -> None:
    """Header and body both tell it (section 5.2; decisions.md 7): neither is undercut."""
    headers = {} if header is None else {"retry-after": header}
    assert refused(reply(body, status=status, headers=headers)).retry_after == wait


def test_a_throttled_reply() -> None:
    """As Moneyhub writes it."""
    failure = refused(stored("throttled.json", 429))
    assert (failure.outcome, failure.code, failure.retry_after) == ("throttled", "TooManyRequests", 42.0)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("4f6d2b1a9c", "4f6d2b1a9c"),
        ("c0ffee00-5a5f-4d4a-9a43-6d2f0b9e7c11", "c0ffee00-5a5f-4d4a-9a43-6d2f0b9e7c11"),
        ("someone@example.test", ""),
        ("a b", ""),
        ("x" * 65, ""),
        ("", ""),
        (17, ""),
        (None, ""),
    ],
)
def test_correlation_ids(told: Any, kept: str) -> None:
    """They may begin with a digit; what doesn't look like one stays out of the log."""
    assert refused(reply({"correlationId": told}, status=500)).correlation_id == kept


def test_one_odd_field_does_not_hide_the_others() -> None:
    """Nothing in a refusal is relied on."""
    failure = refused(reply({"code": ["x"], "correlationId": "4f6d", "retryAfterSecs": {"secs": 3}}, status=429))
    assert (failure.outcome, failure.code, failure.correlation_id, failure.retry_after) == (
        "throttled",
        "",
        "4f6d",
        None,
    )


@settings(deadline=None, max_examples=50)
@given(
    status=st.integers(300, 599),
    body=st.binary() | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANY_JSON)),
    request=st.sampled_from([CALL, OPEN, Request("token", "/oidc/token", authenticated=False)]),
)
def test_any_refusal_can_be_read(status: int, body: Any, request: Request) -> None:
    """Whatever the body is, the status decides and nothing is raised."""
    failure = refused(reply(body, status=status), request)
    assert failure.status == status
    assert failure.outcome != "ok"
