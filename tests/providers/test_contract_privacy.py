"""What every provider promises of what it asks and keeps: reads only, no secret, nothing of people."""

from __future__ import annotations

import json
import re

import pytest

from connwatch.core.model import Failure, Target, TargetState
from connwatch.core.poll import Listing
from connwatch.providers import PROVIDERS
from tests.providers.conversing import NOW, Script, fixture, paths, reply, run
from tests.providers.documents import below
from tests.providers.looking import (
    allows,
    asked,
    conversations,
    every_provider,
    provider_of,
    remembered,
    site,
)
from tests.providers.parts import PARTS

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


@every_provider
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_no_secret_and_no_body_is_in_a_failure(name: str, status: int) -> None:
    """A body that quotes our credential or an e-mail address leaves no trace in what is logged."""
    text = " ".join(["someone@example.test", *PARTS[name].secrets.values()])
    body = dict.fromkeys(("detail", "message", "error", "error_description", "code", "correlationId"), text)
    told = reply({**body, "data": [{"code": text, "title": text, "detail": text}]}, status=status)
    for conversation in conversations(name).values():
        shown = repr(run(conversation, lambda _: told, refusal=provider_of(name).refusal))
        assert not any(secret in shown for secret in PARTS[name].secrets.values())
        assert not EMAIL.search(shown)


@every_provider
def test_credentials_are_never_seen(name: str) -> None:
    """No secret stands in a URL, nor in what is shown of a request, a token or the options."""
    part, provider = PARTS[name], provider_of(name)
    conversation = provider.token(part.secrets, NOW, "nonce-1", None)
    token = None if conversation is None else run(conversation, site(name))
    assert not isinstance(token, Failure)
    hidden = {*part.secrets.values()} | ({token.value} if token is not None else set())
    assert any(value in header for header in provider.authorize(part.secrets, token).values() for value in hidden)
    shown = " ".join(
        [repr(token), repr(PROVIDERS[name].Options(**part.options)), *map(repr, asked(name)), *paths(asked(name))]
    )
    assert not [value for value in hidden if value in shown]


@every_provider
def test_only_allowed_reads_are_asked(name: str) -> None:
    """Each request of each conversation is on the allow list, and every entry of the list is used."""
    provider, requests = provider_of(name), asked(name)
    assert all(allows(provider, one.method, one.path, one.endpoint) for one in requests)
    assert {one.endpoint for one in provider.allowed} == {one.endpoint for one in requests}


@every_provider
def test_nothing_else_is_allowed(name: str) -> None:
    """No call that changes something or tells too much, and no POST but the one for a token."""
    provider = provider_of(name)
    assert not [call for call in PARTS[name].forbidden if allows(provider, *call)]
    for one in asked(name):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert one.endpoint == "token" or not allows(provider, method, one.path)


@every_provider
@pytest.mark.parametrize(
    "odd", ["..", ".", "", "%2e%2e", "a/../b", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\\b", "a\nb"]
)
def test_no_id_leads_to_another_path(name: str, odd: str) -> None:
    """An id that would reach another path is refused before it is asked, and the allow list would stop it too."""
    provider, part = provider_of(name), PARTS[name]
    for one in asked(name):
        assert part.target not in one.path or not allows(provider, "GET", one.path.replace(part.target, odd))
    state = TargetState(target=Target(id=odd, company="acme"), first_seen=NOW, due=NOW)
    script = Script()
    failure = run(provider.list(state, NOW), script)
    assert isinstance(failure, Failure)
    assert (failure.outcome, script.requests) == ("schema", [])


@every_provider
def test_no_personal_data_is_kept(name: str) -> None:
    """What the fixtures hold of people, accounts and secrets is in no value that a conversation ends with."""
    part, answers = PARTS[name], site(name)
    private = {
        text
        for file in set(part.pages.values())
        for text in below(json.loads(fixture(name, file)), part.private)
        if text
    }
    assert private
    for verb, conversation in conversations(name).items():
        value = run(conversation, answers)
        shown = repr(value) + (repr(remembered(name, value)) if isinstance(value, Listing) else "")
        assert not [text for text in private if text in shown], verb
        assert not EMAIL.search(shown), verb
