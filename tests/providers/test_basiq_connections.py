"""How Basiq's connections are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from connwatch.core.model import Connection, Words
from connwatch.providers.basiq_connections import ITEM, PAGE, Item, connection
from tests.providers.basiq_source import ACTIVE, DELETED, INVALID, PRE_INIT, item
from tests.providers.conversing import fixture

DAY = 86_400.0


def read(raw: dict[str, Any], unexplained: str | None = "") -> Connection:
    """One item as it comes, read."""
    [decoded] = items(msgspec.json.encode({"type": "list", "data": [raw]}))
    return connection(decoded, unexplained)


def items(body: bytes) -> Sequence[Item]:
    """The items of a page."""
    return [ITEM.decode(raw) for raw in PAGE.decode(body).connections]


def test_the_documented_fields_are_read() -> None:
    """Every field that is kept, from a reply with all that Basiq documents."""
    found = items(fixture("basiq", "connections.json"))
    active, invalid, started, deleted = (connection(one, unexplained=None) for one in found)
    assert active == Connection(
        id=ACTIVE,
        words=Words(institution="AU00000", kind="openbanking", status="active", renewal="reauth"),
        created_at=1_768_188_011.0,
        data_at=1_795_194_342.25,
        expires_at=1_799_724_011.0,
    )
    assert (invalid.id, invalid.kind, invalid.status, invalid.reason) == (INVALID, "web", "invalid", None)
    assert (invalid.expires_at, invalid.words.renewal) == (None, None)
    assert (started.id, started.kind, started.status, started.data_at) == (PRE_INIT, "openbanking", "pre-init", None)
    assert (deleted.id, deleted.kind, deleted.status, deleted.reason) == (DELETED, "pdf", "deleted", "")
    assert not any(one.words.unknown for one in (active, invalid, started, deleted))


def test_what_is_private_is_never_decoded() -> None:
    """Names, e-mail addresses, numbers and balances do not leave the decoder."""
    kept = msgspec.json.encode(items(fixture("basiq", "connections.json"))).decode()
    assert not [word for word in ("Gavin", "hooli", "61410", "157441965", "81.12") if word in kept]


@pytest.mark.parametrize("method", ["open-banking", "openbanking"])
def test_open_banking_is_one_kind(method: str) -> None:
    """Basiq spells it in two ways: one kind, and no unknown value."""
    assert read(item("c", method=method)).kind == "openbanking"
    assert read(item("c", method=method)).words.unknown == ()


@pytest.mark.parametrize("absent", ["", None])
def test_empty_times_are_absent(absent: str | None) -> None:
    """Empty and null are how Basiq leaves a time out: no instant comes of it, and no unknown value."""
    seen = read(item("c", expiryDate=absent, lastUsed=absent, createdDate=absent))
    assert (seen.expires_at, seen.words.renewal, seen.data_at, seen.created_at) == (None, None, None, None)
    assert seen.words.unknown == ()


def test_missing_fields_are_absent() -> None:
    """An item with nothing but an id is read: without a status it is unknown, not lost, and not healthy."""
    seen = read({"id": "c"})
    assert (seen.status, seen.kind, seen.institution) == ("other", "other", "unknown")
    assert seen.data_at is None
    assert seen.words.unknown == (("status", "other"), ("method", "other"))


def test_undocumented_values_keep_their_spelling() -> None:
    """A status or method that the documents don't list is shown as it is, if it is fit for a label, and counted."""
    seen = read(item("c", "Revoked", method="screen-reading"))
    assert (seen.status, seen.kind) == ("Revoked", "screenreading")
    assert set(seen.words.unknown) == {("status", "Revoked"), ("method", "screenreading")}
    assert read(item("c", "no label!")).status == "other"


def test_the_alias_of_invalid() -> None:
    """`invalid-connection` is another spelling of invalid, and not unknown."""
    seen = read(item("c", "invalid-connection"))
    assert (seen.status, seen.words.unknown) == ("invalid", ())


@pytest.mark.parametrize(("unexplained", "reason"), [(None, None), ("", "")])
def test_the_reason_of_an_invalid_one_is_left_to_jobs(unexplained: str | None, reason: str | None) -> None:
    """With jobs a listing doesn't tell the reason (None keeps the last known one); without them there is none."""
    assert read(item("c", "invalid"), unexplained).reason == reason
    assert read(item("c", "active"), unexplained).reason == ""


def test_enumerations_are_shared() -> None:
    """A million connections hold one object for each status and method."""
    one, other = read(item("a", "invalid-connection")), read(item("b", "invalid"))
    assert one.status is other.status
    assert one.kind is other.kind
    assert one.institution is other.institution
