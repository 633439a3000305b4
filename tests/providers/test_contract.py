"""What every provider promises of its reading: a new one joins by its entry in `PARTS` and its fixtures."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import asdict, replace

from connwatch.core.discovery import Discovery
from connwatch.core.model import Condition, Connection, Failure, Held
from connwatch.core.poll import Listing
from connwatch.core.ports import Hints
from connwatch.core.step import unread
from connwatch.core.wire import Token
from connwatch.providers import PROVIDERS
from tests.providers.conversing import FIXTURES, NOW, Site, fixture, paths, reply, run
from tests.providers.documents import Document, enriched
from tests.providers.looking import (
    after,
    asked,
    conversations,
    documented,
    every_provider,
    healthy,
    look,
    only,
    provider_of,
    remembered,
    serve,
    site,
)
from tests.providers.parts import PARTS

every_row = pytest.mark.parametrize(
    ("name", "status", "reason", "condition"),
    [(name, *row, condition) for name in PROVIDERS for row, condition in documented(name).items()],
)


def test_every_provider_takes_part() -> None:
    """A provider without an entry, a folder or an expectation can't be registered."""
    assert PARTS.keys() == PROVIDERS.keys()
    for name, part in PARTS.items():
        assert (FIXTURES / name / "expected.json").is_file()
        for file in part.pages.values():
            json.loads(fixture(name, file))


@every_provider
def test_ids_that_are_held_are_there_once(name: str) -> None:
    """A discovery gives back the ids that the daemon has, not copies of them."""
    held: dict[str, str] = {}
    found = run(provider_of(name).discover(PARTS[name].listed, NOW, lambda id_: held.setdefault(id_, id_)), site(name))
    assert isinstance(found, Discovery)
    assert found.found
    assert all(one.id is held[one.id] for one in found.found)


@every_provider
def test_a_provider_is_known_by_its_name(name: str) -> None:
    """The key in the configuration is the label `provider` too."""
    provider = provider_of(name)
    assert provider.name == name == provider.policy("main", ()).provider
    assert not provider.base_url.endswith("/")


def told_of(seen: Connection) -> Mapping[str, object]:
    """All that is known of a connection, side by side."""
    fields = asdict(seen)
    return fields | asdict(fields.pop("words"))


@every_provider
def test_replies_are_read_as_expected(name: str) -> None:
    """Recorded replies become exactly these values, field by field."""
    told: dict[str, object] = {}
    answers = site(name)
    for verb, conversation in conversations(name).items():
        value = run(conversation, answers)
        assert not isinstance(value, Failure), value
        if isinstance(value, Listing):
            told[verb] = {id_: told_of(one.seen) for id_, one in remembered(name, value).items()}
        elif isinstance(value, Hints):
            told[verb] = replace(value, cursor="opaque")
        elif not isinstance(value, Token):
            told[verb] = value
    assert json.loads(msgspec.json.encode(told, order="sorted")) == json.loads(fixture(name, "expected.json"))


@every_provider
def test_every_page_is_read_once(name: str) -> None:
    """A complete look asks for every page there is, for none twice, and for none beyond the last."""
    assert sorted(set(paths(asked(name)))) == sorted(PARTS[name].pages)
    listing = site(name)
    run(conversations(name)["list"], listing)
    assert len(set(paths(listing.requests))) == len(listing.requests)


@every_row
def test_every_documented_status_is_mapped(name: str, status: str, reason: str, condition: Condition) -> None:
    """A row of the table is read from a reply as it stands there, and means what the table says."""
    one = only(name, PARTS[name].item(status, reason), reason)
    assert (one.seen.status, one.seen.reason, one.verdict.condition) == (status, reason, condition)
    assert one.seen.words.unknown == ()


@every_provider
@pytest.mark.parametrize(
    ("raw", "shown"),
    [("BRAND_NEW", "BRAND_NEW"), ("brand-new", "brand-new"), ("no label", "other"), ("x" * 65, "other")],
)
def test_an_undocumented_status_is_counted_and_shown(name: str, raw: str, shown: str) -> None:
    """A new status never fails a poll: it is `unknown`, and its spelling is exported if it is fit for a label."""
    one = only(name, PARTS[name].item(raw, ""))
    assert (one.seen.status, one.verdict.condition) == (shown, "unknown")
    assert ("status", shown) in one.seen.words.unknown
    assert "status" in provider_of(name).policy("main", ()).unknown_fields


@every_provider
def test_an_unchanged_connection_is_passed_over(name: str) -> None:
    """The same reply again moves nothing; another status does. Items are compared as they were decoded."""
    item = healthy(name)
    state = after(name, look(name, serve(name, item)))
    again, other = (look(name, serve(name, one), state) for one in (item, {**item, "status": "BRAND_NEW"}))
    assert after(name, again, state).connections is state.connections
    assert after(name, other, state).connections is not state.connections


@every_provider
def test_connections_share_their_words(name: str) -> None:
    """Of a million connections, those of which the same is said hold it once."""
    first, second = (only(name, healthy(name)).seen for _ in range(2))
    assert first.words is second.words


@every_provider
def test_unknown_fields_are_skipped(name: str) -> None:
    """What a provider adds to its replies changes nothing."""
    pages = {at: enriched(json.loads(fixture(name, file))) for at, file in PARTS[name].pages.items()}
    richer = look(name, Site({at: reply(document) for at, document in pages.items()}))
    assert unread(after(name, richer)) == unread(after(name, look(name, site(name))))


TIMES = [(name, field, attribute) for name, part in PARTS.items() for field, attribute in part.times.items()]
every_time = pytest.mark.parametrize(("name", "field", "attribute"), TIMES)


def timed(name: str, field: str, text: Document) -> Held:
    """A working connection with that time in one field."""
    return only(name, {**healthy(name), field: text})


@every_time
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00",
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T10:00:00.000000000",
        "2026-11-20T11:00:00+01:00",
        "2026-11-20t10:00:00z",
    ],
)
def test_times_are_read_in_every_form(name: str, field: str, attribute: str, text: str) -> None:
    """RFC 3339 with any number of digits; a time without a zone is UTC."""
    assert getattr(timed(name, field, text).seen, attribute) == 1_795_168_800.0


@every_time
@pytest.mark.parametrize("text", [None, "", "yesterday", "0001-01-01T00:00:00Z"])
def test_a_time_that_is_not_there_is_absent(name: str, field: str, attribute: str, text: str | None) -> None:
    """Missing is absent, never 0. What can't be read is absent too, and counted."""
    seen = timed(name, field, text).seen
    assert getattr(seen, attribute) is None
    assert seen.words.unknown == ((("time", "other"),) if text else ())
    assert "time" in provider_of(name).policy("main", ()).unknown_fields


@every_time
def test_a_missing_time_is_absent(name: str, field: str, attribute: str) -> None:
    """A reply without the field at all is read too."""
    item = healthy(name)
    item.pop(field, None)
    assert getattr(only(name, item).seen, attribute) is None


@every_time
def test_what_has_happened_is_not_in_the_future(name: str, field: str, attribute: str) -> None:
    """A provider's clock that is ahead is taken as now, and counted; the end of a consent is meant to be ahead."""
    seen = timed(name, field, "2027-01-01T00:00:00Z").seen
    ahead = attribute == "expires_at"
    assert getattr(seen, attribute) == (1_798_761_600.0 if ahead else NOW)
    assert seen.words.unknown == (() if ahead else (("future_time", "other"),))
    assert "future_time" in provider_of(name).policy("main", ()).unknown_fields
