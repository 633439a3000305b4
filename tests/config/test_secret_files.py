from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from connwatch.config import Secrets, UnusableSecretError
from connwatch.core.ports import SecretRef, SourcePlan
from tests.config.reading import plan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a secret."""
    file = tmp_path / "key"
    file.write_text("first-key\n")
    return file


@pytest.fixture
def source(tmp_path: Path, file: Path) -> SourcePlan:
    """A source with its secret in that file."""
    return plan(tmp_path, f"sources: {{nectar: {{provider: nectar, api_key_file: {file}}}}}").sources["nectar"]


def key(secrets: Secrets, source: SourcePlan) -> str:
    """The secret as it is used now."""
    return secrets.current(source)["api_key"]


def test_a_secret_is_read_again_when_its_file_changes(file: Path, source: SourcePlan) -> None:
    """Written anew, replaced, or reached through a link that moves (Kubernetes): the next use has the new value."""
    secrets = Secrets()
    assert key(secrets, source) == "first-key"
    file.write_text("second-key-which-is-longer\n")
    assert key(secrets, source) == "second-key-which-is-longer"
    for name in ("third", "forth"):
        replacement = file.with_name(name)
        replacement.write_text(f"{name}-key\n")
        os.utime(replacement, ns=(1, 1))
        replacement.replace(file)
        assert key(secrets, source) == f"{name}-key"
    aim = file.with_name("aim")
    aim.write_text("fifth-key")
    file.unlink()
    file.symlink_to(aim)
    assert key(secrets, source) == "fifth-key"
    assert secrets.notes() == ()


def test_a_file_that_did_not_change_is_not_read_again(file: Path, source: SourcePlan) -> None:
    """It is looked at whenever it is used: that must cost a stat, not a read."""
    secrets = Secrets()
    key(secrets, source)
    stat = file.stat()
    with file.open("r+") as same:
        same.write("First")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert key(secrets, source) == "first-key"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.unlink(), "can't be read: No such file or directory"),
        (lambda file: file.write_text(""), "is empty"),
        (lambda file: file.write_text("\n"), "is empty"),
        (lambda file: file.write_text("one\ntwo\n"), "holds more than one line, or control characters"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "isn't text in UTF-8"),
        (lambda file: file.write_text("x" * 70_000), "is larger than 65536 bytes"),
        (lambda file: (file.unlink(), file.mkdir()), "is no file"),
    ],
)
def test_the_last_value_stays_in_use_while_its_file_is_unusable(
    file: Path, source: SourcePlan, spoil: object, reason: str
) -> None:
    """A secret that vanishes, or is half written, stops nothing. It is said once, and once more when it is back."""
    secrets = Secrets()
    key(secrets, source)
    assert callable(spoil)
    spoil(file)
    assert [key(secrets, source) for _ in range(3)] == ["first-key"] * 3
    (note,) = secrets.notes()
    assert (note.event, note.level) == ("secret_file_lost", "warning")
    assert note.facts["setting"] == "api_key_file"
    assert (note.facts["file"], note.facts["reason"]) == (str(file), reason)
    assert "first-key" not in repr(note)
    if file.is_dir():
        file.rmdir()
    file.write_text("next-key")
    assert [key(secrets, source) for _ in range(2)] == ["next-key"] * 2
    assert [note.event for note in secrets.notes()] == ["secret_file_recovered"]
    assert secrets.notes() == ()


def test_what_was_read_at_the_start_holds_even_if_the_file_goes_before_its_first_use(
    file: Path, source: SourcePlan
) -> None:
    """Between reading the configuration and starting the sources nothing can be lost."""
    file.unlink()
    assert key(Secrets(), source) == "first-key"


def test_a_secret_that_nobody_ever_read_is_no_empty_key(file: Path, source: SourcePlan) -> None:
    """Rather no request than one with an empty credential."""
    file.unlink()
    unread = replace(source, secrets={"api_key": SecretRef(file=str(file))})
    with pytest.raises(UnusableSecretError, match="can't be read: No such file or directory"):
        key(Secrets(), unread)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("key", "key"),
        ("key\n", "key"),
        ("key\r\n", "key"),
        (" key ", " key "),
        ("-----BEGIN KEY-----\nabc\n-----END KEY-----\n\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"),
        ('{\n"kty": "RSA"\n}\n', '{\n"kty": "RSA"\n}'),
    ],
)
def test_one_newline_at_the_end_is_not_part_of_a_secret(tmp_path: Path, content: str, value: str) -> None:
    """As editors and `echo` leave it. Private keys keep their lines; all else is taken as it is."""
    (tmp_path / "secret").write_bytes(content.encode())
    text = "sources: {hub: {provider: moneyhub, client_id: c, key_id: k, private_key_file: %s}}"
    source = plan(tmp_path, text % (tmp_path / "secret")).sources["hub"]
    assert Secrets().current(source) == {"private_key": value}


def test_a_value_is_its_own_secret(tmp_path: Path) -> None:
    """Inline secrets come through the same door."""
    source = plan(tmp_path, "sources: {hub: {provider: moneyhub, client_id: c, client_secret: s-4711}}").sources["hub"]
    assert Secrets().current(source) == {"client_secret": "s-4711"}
