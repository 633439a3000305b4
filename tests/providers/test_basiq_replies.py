"""Basiq's lists and refusals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connwatch.core.model import Failure
from connwatch.core.wire import MAX_PAGES, Reply, Request
from connwatch.providers.basiq_replies import Page, collect, refusal
from tests.providers.basiq_source import stored
from tests.providers.conversing import NOW, Script, fixture, paths, reply, run

BASE = "https://au-api.basiq.io"
NUMBERS = msgspec.json.Decoder(Page[int])
CALL = Request("connections", "/users/u-1/connections")
TOKEN = Request("token", "/token", method="POST", authenticated=False)


def page(number: int, following: str | None) -> Reply:
    """A page with that number in it, and where the next one is."""
    return reply({"data": [number], "links": {"self": "x", "next": following}})


def refused(code: str, detail: str = "") -> dict[str, Any]:
    """The body of a refusal."""
    return {"correlationId": "7c-9", "data": [{"type": "error", "code": code, "detail": detail, "title": ""}]}


@pytest.mark.parametrize("host", ["", BASE])
def test_a_list_is_followed_to_its_end(host: str) -> None:
    """Should a list ever have pages, they are read to the last one, with the query that Basiq gives."""
    script = Script(page(1, f"{host}/users/u-1/connections?next=a%3Db&limit=500"), page(2, None))
    assert run(collect(CALL, NUMBERS, BASE), script) == [1, 2]
    assert paths(script.requests) == ["/users/u-1/connections", "/users/u-1/connections?next=a=b&limit=500"]


def test_a_base_url_with_a_path_is_taken_off() -> None:
    """Behind a proxy with a path of its own, the next page is still found."""
    script = Script(page(1, "https://proxy/basiq/users/u-1/connections?p=2"), page(2, None))
    assert run(collect(CALL, NUMBERS, "https://proxy/basiq"), script) == [1, 2]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/users/u-1/connections?p=2",
        "http://au-api.basiq.io/users/u-1/connections?p=2",
        "//evil.example/users/u-1/connections",
        "https://au-api.basiq.io/users/u-2/connections?p=2",
        "https://au-api.basiq.io/users/u-1?p=2",
        "https://[",
        "users/u-1/connections",
    ],
)
def test_a_link_to_elsewhere_is_not_followed(link: str) -> None:
    """The token is never carried to another host, nor does a listing go on in another user's."""
    script = Script(page(1, link))
    failure = run(collect(CALL, NUMBERS, BASE), script)
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"
    assert "evil" not in failure.detail


def test_a_page_that_repeats_is_a_loop() -> None:
    """A list whose pages lead back ends as `loop`, after each was read once."""
    script = Script(page(1, "/users/u-1/connections?p=2"), page(2, "/users/u-1/connections?p=2"))
    failure = run(collect(CALL, NUMBERS, BASE), script)
    assert isinstance(failure, Failure)
    assert failure.outcome == "loop"
    assert len(script.requests) == 2


def test_a_list_without_an_end_is_a_loop() -> None:
    """No list has more pages than contract.md allows."""
    asked: list[Request] = []

    def endless(request: Request) -> Reply:
        asked.append(request)
        return page(1, f"/users/u-1/connections?p={len(asked)}")

    failure = run(collect(CALL, NUMBERS, BASE), endless)
    assert isinstance(failure, Failure)
    assert failure.outcome == "loop"
    assert len(asked) == MAX_PAGES


def test_a_list_that_breaks_off_is_no_list() -> None:
    """What fails on its second page fails as a whole: nothing may look removed because of it."""
    script = Script(page(1, "/users/u-1/connections?p=2"), Failure(outcome="timeout"))
    assert run(collect(CALL, NUMBERS, BASE), script) == Failure(outcome="timeout")


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_renewed(status: int) -> None:
    """Basiq says 403 for a token that ran out, sometimes 401: both ask for a new one, with support's correlation id."""
    failure = refusal(CALL, reply(fixture("basiq", "expired-token.json"), status=status), NOW)
    assert (failure.outcome, failure.renew, failure.status) == ("auth", True, status)
    assert failure.code == "access-denied"
    assert failure.correlation_id == "0b6e0f2e-0000-4000-8000-00000000abcd"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "renew", "explained"),
    [
        (401, refused("unauthorised-access", "You are not authorized to access this resource"), "auth", True, True),
        (401, {"message": "Unauthorized"}, "auth", True, True),
        (403, refused("access-denied", "Your account has been disabled. Please contact Basiq"), "auth", False, True),
        (403, refused("access-denied", "Please contact us to have your API key enabled"), "forbidden", False, True),
        (403, refused("access-denied"), "forbidden", False, True),
        (403, refused("forbidden-access", "Access to this resource is forbidden."), "forbidden", False, True),
        (403, refused("Forbidden access"), "forbidden", False, True),
        (403, refused("no-production-access"), "forbidden", False, True),
        (403, refused("forbidden-access", "The trial has expired"), "forbidden", False, True),
        (403, refused("request-not-valid", "Missing Authentication Token"), "forbidden", False, False),
        (403, {"message": "Forbidden"}, "forbidden", False, False),
        (403, b"<html>Request blocked</html>", "forbidden", False, False),
        (403, b"", "forbidden", False, False),
        (403, {"data": None, "correlationId": 7}, "forbidden", False, False),
        (403, refused("too-many-requests"), "throttled", False, True),
        (429, refused("too-many-requests", "Query limit reached."), "throttled", False, True),
        (404, refused("resource-not-found", "Requested user does not exist."), "not_found", False, True),
        (404, refused("resource-not-found", "Route not found for this API version"), "server", False, True),
        (400, refused("parameter-not-valid", "User ID value is not valid"), "server", False, True),
        (500, refused("parameter-not-valid", "Internal server error."), "server", False, True),
        (503, refused("Service unavailable"), "server", False, True),
    ],
)
def test_a_call_that_is_refused(status: int, body: Any, outcome: str, *, renew: bool, explained: bool) -> None:
    """By status, then by documented codes; a 403 that nobody explains is marked, since it may be throttling."""
    failure = refusal(CALL, reply(body, status=status), NOW)
    assert (failure.outcome, failure.renew, failure.explained) == (outcome, renew, explained)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, refused("parameter-not-valid", "Invalid authorization header"), "auth"),
        (401, {}, "auth"),
        (403, refused("access-denied", "Your account has been disabled. Please contact Basiq support."), "auth"),
        (403, {"message": "Missing Authentication Token"}, "auth"),
        (404, refused("parameter-not-valid", "Unable to authenticate. Please, check your API key"), "auth"),
        (403, refused("request-not-valid"), "throttled"),
        (429, b"", "throttled"),
        (500, refused("parameter-not-valid"), "server"),
    ],
)
def test_a_token_that_is_refused(status: int, body: Any, outcome: str) -> None:
    """At /token a bad key is 400 to 404, and too many calls from one address are 403. Neither renews a token."""
    failure = refusal(TOKEN, reply(body, status=status), NOW)
    assert (failure.outcome, failure.renew) == (outcome, False)


@pytest.mark.parametrize("codes", [("forbidden-access", "access-denied"), ("access-denied", "forbidden-access")])
def test_of_several_errors_each_is_heard(codes: tuple[str, ...]) -> None:
    """A refusal may hold several errors: an expired token is renewed wherever it stands; the first code is logged."""
    errors = [{"code": code, "detail": "Token has expired" if code == "access-denied" else None} for code in codes]
    failure = refusal(CALL, reply({"data": errors}, status=403), NOW)
    assert (failure.outcome, failure.renew, failure.code) == ("auth", True, codes[0])


@pytest.mark.parametrize(("request_", "status"), [(CALL, 429), (CALL, 503), (TOKEN, 403)])
def test_retry_after_is_heeded(request_: Request, status: int) -> None:
    """None is documented; if one comes, it holds, with a 403 that throttles as well."""
    answer = reply(refused("request-not-valid"), status=status, headers={"retry-after": "90"})
    assert refusal(request_, answer, NOW).retry_after == 90.0


def test_nothing_of_a_body_gets_into_the_log() -> None:
    """Texts of Basiq and the banks stay out of a failure; a code or an id that is none is dropped."""
    body = {"correlationId": "Gavin Belson <g@hooli.com>", "data": [{"code": "x@y <secret>", "detail": "secret"}]}
    failure = refusal(CALL, reply(body, status=403), NOW)
    assert (failure.code, failure.correlation_id) == ("", "")
    assert "secret" not in str(failure)
    assert "Gavin" not in str(failure)


def test_an_unknown_user_is_not_found() -> None:
    """A user who is no more, or belongs to another application, is an answer of its own (contract.md, *Gone*)."""
    answer = reply(stored("unknown-user.json").body, status=404)
    assert refusal(CALL, answer, NOW).outcome == "not_found"
