"""The changelog has the version that is built, in the form that it promises."""

from __future__ import annotations

import re
from typing import Final

from connwatch import __version__
from tests.assets.markdown import Document

CHANGELOG: Final = Document("CHANGELOG.md")
KINDS: Final = frozenset({"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"})
VERSION: Final = re.compile(r"\[(\d+\.\d+\.\d+)\] - (?:Unreleased|\d{4}-\d{2}-\d{2})")


def test_the_newest_entry_is_of_this_version() -> None:
    """What is built has an entry, and it stands first."""
    versions = [match[1] for match in map(VERSION.fullmatch, CHANGELOG.headings()) if match]
    assert versions[0] == __version__
    assert versions == sorted(versions, reverse=True)


def test_entries_keep_the_form() -> None:
    """Headings are a version with its day, or a kind of change."""
    _, *headings = CHANGELOG.headings()
    assert [one for one in headings if not VERSION.fullmatch(one) and one not in KINDS] == []
