from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connwatch.config import ConfigRefused
from connwatch.config.lines import DEPTH, Document, read


def document(tmp_path: Path, text: str) -> Document:
    """What is read from a file with this text."""
    file = tmp_path / "connwatch.yaml"
    file.write_text(text, encoding="utf-8")
    return read(str(file))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("null", None),
        ("~", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-012", -12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("2026-12-24", "2026-12-24"),
        ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    """What older YAML would turn into switches, dates and sixties stays the text that it is."""
    read_value = document(tmp_path, f"key: {text}\n").data["key"]
    assert read_value == value
    assert type(read_value) is type(value)


def test_every_value_has_its_line(tmp_path: Path) -> None:
    """That of its key, or of its place in a list; also in flow style."""
    text = "# first\na:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n1: y\n"
    told = document(tmp_path, text)
    assert told.data == {"a": {"b": 1, "c": ["x", {"d": 2, "e": 3}]}, "1": "y"}
    assert told.lines == {
        (): 2,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
        ("a", "c", 1, "e"): 7,
        ("1",): 8,
    }
    assert told.problems == ()


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    """Quotas of several sources can be written once."""
    told = document(tmp_path, "a: &quota {burst: 1}\nb: *quota\n")
    assert told.data == {"a": {"burst": 1}, "b": {"burst": 1}}
    assert told.problems == ()


def test_aliases_do_not_explode(tmp_path: Path) -> None:
    """A few lines that stand for a billion values are refused before they are built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ConfigRefused, match="more values than a configuration has"):
        document(tmp_path, "\n".join(lines))


def test_values_may_be_nested_as_deep_as_anyone_needs(tmp_path: Path) -> None:
    """The last level that is admitted is read, the next one refused."""
    inner = DEPTH - 2
    value: Any = document(tmp_path, f"a: {'[' * inner}x{']' * inner}").data["a"]
    for _ in range(inner):
        (value,) = value
    assert value == "x"
    with pytest.raises(ConfigRefused, match="nested too deep"):
        document(tmp_path, f"a: {'[' * (inner + 1)}x{']' * (inner + 1)}")


@pytest.mark.parametrize("text", ["!!set {x}", "!!python/object:os.system x", "!include other.yaml", "!!binary eA==", "!!int x", "!!bool 1", "!!omap [a: b]", "!!timestamp 2026-12-24", "!x [a]"])  # fmt: skip
def test_tags_are_refused(tmp_path: Path, text: str) -> None:
    """They could stand for anything; and a secret that starts with an exclamation mark isn't swallowed."""
    (problem,) = document(tmp_path, f"key: {text}\n").problems
    assert str(problem) == "line 1: key: tags aren't understood: a value that starts with ! needs quotes"


def test_byte_order_marks_and_utf_16_are_read(tmp_path: Path) -> None:
    """As some editors write them."""
    for encoding in ("utf-8-sig", "utf-16"):
        file = tmp_path / encoding
        file.write_bytes("store: Zürich\n".encode(encoding))
        assert read(str(file)).data == {"store": "Zürich"}
