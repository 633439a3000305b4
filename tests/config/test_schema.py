from __future__ import annotations

import pytest

from connwatch.config.schema import Address, address, instant, store_url


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:10750", "127.0.0.1", 10750),
        ("[::1]:10750", "::1", 10750),
        ("[0:0::1]:10750", "::1", 10750),
        (":10750", "", 10750),
        ("Host.example.org:0", "host.example.org", 0),
        ("10.0.0.1:65535", "10.0.0.1", 65535),
    ],
)
def test_addresses_are_read_as_prometheus_writes_them(text: str, host: str, port: int) -> None:
    """In one spelling, so that the same address twice is seen."""
    assert address(text) == Address(host, port)


@pytest.mark.parametrize("value", ["", "10750", "host", "host:", "host:65536", "::1:10750", "[::1]", "[1::2::3]:1", "a b:1", "a:٣", 10750, None, ["a:1"]])  # fmt: skip
def test_anything_else_is_no_address(value: object) -> None:
    """An IPv6 address without brackets could be read in two ways."""
    with pytest.raises(ValueError, match="an address like"):
        address(value)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "[::1]:1", ":1"])
def test_addresses_are_shown_as_they_are_written(text: str) -> None:
    """In logs and links."""
    assert str(address(text)) == text


@pytest.mark.parametrize("url", ["memory:", "sqlite:///state.db", "sqlite:////var/lib/connwatch/state.db"])
def test_stores(url: str) -> None:
    """In memory, or in a file."""
    assert store_url(url) == url


@pytest.mark.parametrize("url", ["", "sqlite", "sqlite://", "sqlite:///", "sqlite:////", "sqlite:///:secret@h?x", "memory", "memory:x", "mysql://secret@db", "postgres://secret@db", "postgresql+asyncpg://secret@db", "sqlite:///a\n"])  # fmt: skip
def test_other_stores_are_refused(url: str) -> None:
    """Whatever is wrong with it, the URL isn't repeated: there may be a password in it."""
    with pytest.raises(ValueError, match="sqlite:///PATH") as refused:
        store_url(url)
    assert "secret" not in str(refused.value)
    assert ("PostgreSQL" in str(refused.value)) is url.startswith("postgres")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-24", 1_798_070_400.0),
        ("2026-12-24T18:00:00Z", 1_798_135_200.0),
        ("2026-12-24T18:00:00+02:00", 1_798_128_000.0),
        ("2026-12-24 18:00:00.5Z", 1_798_135_200.5),
        ("1970-01-01", 0.0),
    ],
)
def test_instants(text: str, at: float) -> None:
    """A day starts at midnight in UTC."""
    assert instant(text) == at


@pytest.mark.parametrize("value", ["", "tomorrow", "2026-02-30", "2026-12-24T18:00:00", "24.12.2026", "1969-12-31", "9999-12-31T23:00:00-14:00", "0001-01-01T00:00:00+14:00", 1_798_070_400, None])  # fmt: skip
def test_anything_else_is_no_instant(value: object) -> None:
    """A time without a zone would mean another instant on each machine."""
    with pytest.raises(ValueError, match="a date like"):
        instant(value)
