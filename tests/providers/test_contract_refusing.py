"""What every provider promises where there is nothing to read: a failure that says why, and never an exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connwatch.core.model import Failure
from connwatch.core.poll import Listing
from tests.providers.conversing import NOW, Script, Site, fixture, reply, run
from tests.providers.documents import ANY_JSON, Document, spoiled
from tests.providers.looking import (
    conversations,
    every_provider,
    healthy,
    look,
    provider_of,
    remembered,
    serve,
)
from tests.providers.parts import PARTS


@pytest.mark.parametrize(("name", "field"), [(name, field) for name, part in PARTS.items() for field in part.required])
@pytest.mark.parametrize("missing", [True, False])
def test_a_missing_required_field_is_a_schema_failure(name: str, field: str, *, missing: bool) -> None:
    """A connection without its id or status is no connection: the listing fails rather than leave it out."""
    item = healthy(name)
    if missing:
        del item[field]
    else:
        item[field] = None
    failure = look(name, serve(name, item))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


@every_provider
@pytest.mark.parametrize("id_", ["", "x" * 201, 7])
def test_an_id_that_is_none_is_a_schema_failure(name: str, id_: Document) -> None:
    """Empty, endless, or a number: nothing that a connection could be remembered by."""
    failure = look(name, serve(name, {**healthy(name), "id": id_}))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


@every_provider
@pytest.mark.parametrize("body", [b"", b"<html>down</html>", b"{", b"\xff", b"null", b"3", b'"x"', b"{}", b"[3]"])
def test_other_bodies_are_a_schema_failure(name: str, body: bytes) -> None:
    """A page of HTML, half an answer, another shape: never an empty listing."""
    failure = look(name, lambda _: reply(body))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


@every_provider
@pytest.mark.parametrize("item", [None, 3, "text", [], [[]]])
def test_a_connection_that_is_no_object_is_a_schema_failure(name: str, item: Document) -> None:
    """One odd item fails the page: what can't be read can't be told from what is gone."""
    failure = look(name, serve(name, item))
    assert isinstance(failure, Failure)
    assert failure.outcome == "schema"


@every_provider
@pytest.mark.parametrize(
    ("status", "retry_after", "outcome", "wait"),
    [
        (401, None, "auth", None),
        (403, None, "forbidden", None),
        (404, None, "not_found", None),
        (429, None, "throttled", None),
        (429, "17", "throttled", 17.0),
        (429, format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True), "throttled", 90.0),
        (503, "5", "server", 5.0),
        (500, None, "server", None),
        (302, None, "server", None),
    ],
)
def test_refusals_are_told_apart(
    name: str, status: int, retry_after: str | None, outcome: str, wait: float | None
) -> None:
    """What a reply other than 2xx means follows from its status; how long to wait, from both forms of `Retry-After`."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    failure = run(
        conversations(name)["list"],
        lambda _: reply({}, status=status, headers=headers),
        refusal=provider_of(name).refusal,
    )
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.status, failure.retry_after) == (outcome, status, wait)


@every_provider
def test_a_failure_ends_every_conversation(name: str) -> None:
    """Whoever asks and gets no answer has no value: nothing is made up."""
    broken = Failure(outcome="timeout")
    for verb, conversation in conversations(name).items():
        script = Script(broken, forever=True)
        assert run(conversation, script) == broken or not script.requests, verb


@every_provider
@settings(max_examples=40, deadline=None)
@given(bodies=st.lists(ANY_JSON, min_size=1, max_size=4))
def test_any_json_gives_a_value_or_a_failure(name: str, bodies: list[Document]) -> None:
    """Whatever JSON answers, a conversation ends with a value or a failure: nothing is ever raised."""
    answers = cycle([reply(body) for body in bodies])
    for conversation in conversations(name).values():
        value = run(conversation, lambda _: next(answers))
        if isinstance(value, Listing):
            remembered(name, value)


@every_provider
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_reply_spoiled_anywhere_gives_a_value_or_a_failure(name: str, data: st.DataObject) -> None:
    """A reply of the right shape with one wrong value in it never raises either, also when it is read and judged."""
    pages = {at: json.loads(fixture(name, file)) for at, file in PARTS[name].pages.items()}
    at = data.draw(st.sampled_from(sorted(pages)))
    pages[at] = data.draw(spoiled(pages[at]))
    answers = Site({at: reply(document) for at, document in pages.items()})
    for conversation in conversations(name).values():
        value = run(conversation, answers)
        if isinstance(value, Listing):
            remembered(name, value)
