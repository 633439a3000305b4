"""Reads secrets at the moment of their use. What was once known stays in use while its file can't be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from connwatch.config.problems import shown
from connwatch.core.model import Note
from connwatch.core.ports import SecretRef, SourcePlan

_LARGEST: Final = 64 * 1024
_KEYS: Final = ("-----BEGIN", "{")
"""How a private key starts: PEM, or a JSON Web Key. Other secrets go into headers, and have one line."""
_Signature: TypeAlias = tuple[int, int, int]


class UnusableSecretError(Exception):
    """A secret can't be had. The message says why, and never what it is."""


class _Seen(Struct, frozen=True):
    """A file as it was last looked at. `complaint` says why the value is an older one."""

    signature: _Signature | None
    value: str
    complaint: str = ""


class Secrets:
    """The secrets in force. A file is looked at whenever it is used, and read again when it was changed or replaced."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._notes: list[Note] = []

    def current(self, plan: SourcePlan) -> Mapping[str, str]:
        """The values of a source's secrets, by name. Raises UnusableSecretError for a file that nobody could ever read."""
        return {name: self._value(plan.name, name, ref) for name, ref in plan.secrets.items()}

    def notes(self) -> tuple[Note, ...]:
        """What was noticed since the last call, once each: files that can't be used any more, or again."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _value(self, source: str, name: str, ref: SecretRef) -> str:
        if not ref.file:
            return ref.value
        before = self._seen.get(ref.file, _Seen(None, ref.value))
        now = self._seen[ref.file] = _look(ref.file, before)
        if not now.value:
            raise UnusableSecretError(f"{shown(ref.file)} {now.complaint}")
        if now.complaint != before.complaint:
            facts = {"source": source, "setting": f"{name}_file", "file": ref.file}
            self._notes.append(
                Note("secret_file_lost", "warning", {**facts, "reason": now.complaint})
                if now.complaint
                else Note("secret_file_recovered", "info", facts)
            )
        return now.value


def read_secret(file: str) -> str:
    """What a file holds, without the newline at its end. Raises UnusableSecretError."""
    seen = _look(file, _Seen(None, ""))
    if seen.complaint:
        raise UnusableSecretError(f"{shown(file)} {seen.complaint}")
    return seen.value


def complaint_about(value: str) -> str:
    """Why a value can't be a secret; empty if it can."""
    if not value.strip():
        return "is empty"
    if not value.isprintable() and not value.lstrip().startswith(_KEYS):
        return "holds more than one line, or control characters"
    return ""


def _look(file: str, before: _Seen) -> _Seen:
    try:
        stat = Path(file).stat()
        signature = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if signature == before.signature:
            return before
        if not Path(file).is_file():
            complaint = "is no file"
        elif stat.st_size > _LARGEST:
            complaint = f"is larger than {_LARGEST} bytes"
        else:
            value = Path(file).read_bytes().decode().removesuffix("\n").removesuffix("\r")
            complaint = complaint_about(value)
            if not complaint:
                return _Seen(signature, value)
    except OSError as fault:
        complaint = f"can't be read: {fault.strerror}"
    except UnicodeDecodeError:
        complaint = "isn't text in UTF-8"
    except ValueError:
        complaint = "is no name of a file"
    return _Seen(None, before.value, complaint)
