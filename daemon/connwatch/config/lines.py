"""Reads YAML with the line of each value. Strict: no key twice, no tags; and `no` is a text, not a switch (YAML 1.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any, Final

import yaml
from msgspec import Struct
from yaml.reader import ReaderError

from connwatch.config.problems import ConfigRefused, Path, Problem, dotted

DEPTH: Final = 20
"""How deep values may be nested; the schema needs six."""
SIZE: Final = 100_000
"""How many values there may be, with what aliases stand for."""
_MISREAD: Final = {
    "another document": "there is more than one document",
    "alias": "a value that starts with * needs quotes",
    "anchor": "a value that starts with & needs quotes",
    " tag": "a value that starts with ! needs quotes",
}
"""Word in what PyYAML says -> what is said instead: it would quote the value, which may be secret."""
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final[Mapping[str, tuple[re.Pattern[str], str, Callable[[str], object]]]] = {
    "null": (re.compile(r"~|null|Null|NULL|"), "~nN", lambda _: None),
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF", lambda text: text.lower() == "true"),
    "int": (re.compile(r"[-+]?[0-9]{1,300}"), "-+0123456789", int),
    "float": (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
        "-+.0123456789",
        float,
    ),
}
"""YAML 1.2's core schema: tag -> how it is written, how it can start, what it stands for. Everything else is a text."""


class Document(Struct, frozen=True):
    """A file as read: its data, where each value stands, and what is wrong with its form."""

    data: Any
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]


def read(path: str) -> Document:
    """Read a file. Raises ConfigRefused if it can't be read, or isn't YAML."""
    try:
        content = File(path).read_bytes()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or "no name of a file"
        raise ConfigRefused(path, [Problem("", f"can't be read: {reason}")]) from None
    try:
        root = _Loader(content).get_single_node()
    except yaml.MarkedYAMLError as fault:
        raise ConfigRefused(path, [_broken(fault)]) from None
    except (ReaderError, UnicodeDecodeError):
        raise ConfigRefused(path, [Problem("", "isn't text in UTF-8, or has control characters in it")]) from None
    return _Reading(path).document(root)


def _broken(fault: yaml.MarkedYAMLError) -> Problem:
    mark = fault.problem_mark or fault.context_mark
    told = f"{fault.context} {fault.problem}"
    problem = next((plain for word, plain in _MISREAD.items() if word in told), fault.problem)
    column = f"column {mark.column + 1}: " if mark else ""
    return Problem("", f"{column}no valid YAML: {problem}", line=mark.line + 1 if mark else None)


class _Loader(yaml.SafeLoader):
    """Builds nodes, which know their lines; no values."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _start, _) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern.pattern})\\Z"), [*_start, ""])


class _Reading:
    """One way through the nodes of a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: dict[Path, int] = {}
        self._problems: list[Problem] = []
        self._left = SIZE

    def document(self, root: yaml.Node | None) -> Document:
        data = None if root is None else self._value(root, (), ())
        if data is None and not self._problems:
            data = {}
        if not isinstance(data, dict):
            raise ConfigRefused(self._path, [Problem("", "a mapping of keys is expected", self._lines[()])])
        return Document(data, self._lines, tuple(self._problems))

    def _refuse(self, path: Path, message: str, line: int) -> None:
        self._problems.append(Problem(dotted(path), message, line))

    def _value(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> object:
        line = self._lines.setdefault(path, node.start_mark.line + 1)
        self._left -= 1
        if self._left <= 0:
            raise ConfigRefused(self._path, [Problem(dotted(path), "more values than a configuration has", line)])
        if node in above:
            self._refuse(path, "an alias within what it stands for", line)
        elif isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path, (*above, node))
        elif isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._value(item, (*path, place), (*above, node)) for place, item in enumerate(node.value)]
        elif isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, line)
        else:
            self._refuse(path, "tags aren't understood: a value that starts with ! needs quotes", line)
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path, line: int) -> object:
        name = node.tag.removeprefix(_TAG)
        if name == "str":
            return node.value
        pattern, _, convert = _SCALARS.get(name, (None, "", str))
        if pattern is None or not pattern.fullmatch(node.value):
            self._refuse(path, "tags aren't understood: a value that starts with ! needs quotes", line)
            return None
        return convert(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(path, "a key has to be a text", line)
                continue
            inner = (*path, key_node.value)
            if key_node.value in data:
                self._refuse(inner, f"given twice, on lines {self._lines[inner]} and {line}", line)
                continue
            self._lines[inner] = line
            data[key_node.value] = self._value(value_node, inner, above)
        return data
