"""The repository's shape: where things are, and how large a module may grow (contract.md, *Names*; architecture.md, *Rooms*)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parent.parent
AGREED: Final = frozenset(
    {
        "CHANGELOG.md",
        "Dockerfile",
        "LICENSE",
        "Makefile",
        "README.md",
        "config",
        "daemon",
        "grafana",
        "pyproject.toml",
        "tests",
        "uv.lock",
    }
)
LONGEST: Final = 300


def test_the_top_level_holds_the_agreed_names_only() -> None:
    """A newcomer finds at the top what was agreed, and nothing else beside dot-files."""
    assert {path.name for path in TOP.iterdir() if not path.name.startswith(".")} <= AGREED


def test_the_source_folder_holds_the_package_only() -> None:
    """`daemon/` is no package itself: its name is taken by another distribution."""
    assert [path.name for path in (TOP / "daemon").iterdir() if not path.name.startswith(".")] == ["connwatch"]


def test_no_module_is_too_long_to_read() -> None:
    """A module has one reason to change; over 300 lines it has more."""
    lengths = {
        path.relative_to(TOP).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (TOP / "daemon").rglob("*.py")
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}
