"""What is wrong with a configuration: each problem with its path, its place and the nearest valid key; never with a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from inspect import isclass
from typing import Any, Final, TypeAlias, get_args

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path: TypeAlias = tuple[str | int, ...]
"""Where a value is: keys, and places in lists."""

UNKNOWN: Final = "unknown key"
_LONGEST: Final = 200
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "string_unicode": "a text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "literal_error": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "too_short": "a list with entries",
}
"""pydantic's type of an error -> what is expected instead."""
_STATED: Final[Mapping[str, str]] = {
    "extra_forbidden": UNKNOWN,
    "missing": "is missing",
    "string_too_short": "is empty",
    "value_error": "{error}",
}
"""pydantic's type of an error -> what is wrong."""


class Problem(Struct, frozen=True):
    """One thing that has to be put right."""

    where: str
    """Dotted path, as `sources.nectar.poll_interval`; empty for the file as a whole."""
    message: str
    line: int | None = None
    """Of the file; None for what comes from elsewhere."""
    origin: str = ""
    """The variable, or the command line, if it isn't the file."""
    hint: str = ""
    """The nearest valid key or value, if there is one near."""

    def __str__(self) -> str:
        place = self.origin or (f"line {self.line}" if self.line else "")
        text = ": ".join(part for part in (place, self.where, self.message) if part)
        return f"{text}, did you mean {self.hint}?" if self.hint else text


class ConfigRefused(Exception):
    """The configuration can't be used, with everything that is wrong with it."""

    def __init__(self, path: str, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems: Final = tuple(sorted(problems, key=lambda one: (one.line is None, one.line or 0)))
        super().__init__("\n".join((f"{path} is refused:", *(f"  {problem}" for problem in self.problems))))


class Fault(Struct, frozen=True):
    """A problem before it is known who gave the value."""

    path: Path
    message: str
    hint: str = ""


def nearest(word: object, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word that was probably meant; empty if none is near."""
    folded = {fold(one): one for one in known}
    return next((folded[near] for near in get_close_matches(fold(word), folded, 1, cutoff)), "")


def fold(part: object) -> str:
    """A key as a variable's name can spell it: without case, `_` for `-`."""
    return str(part).lower().replace("-", "_")


def dotted(path: Path) -> str:
    """A path as it is shown: `mute[0].reason`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def shown(text: str) -> str:
    """A key or the name of a file, so that it does no harm where it is printed."""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return text if text.isprintable() else ascii(text)


def value_at(data: Any, path: Path) -> Any:  # noqa: ANN401 - whatever was given
    """The value at a path. Raises KeyError if there is none."""
    for part in path:
        if not _has(data, part):
            raise KeyError(part)
        data = data[part]
    return data


def faults(
    error: ValidationError,
    model: type[BaseModel],
    data: Any,  # noqa: ANN401 - whatever was given
    within: Path = (),
) -> list[Fault]:
    """What pydantic found, in our words: one fault a path, the branches of a union taken together."""
    found: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False, include_input=False):
        found.setdefault(_real(details, data), []).append(details)
    hints = {path: _hint(path, details[0], model, data) for path, details in found.items()}
    misspelt = {(*path[:-1], hint) for path, hint in hints.items() if hint}
    return [
        Fault((*within, *path), _message(details), hints[path])
        for path, details in found.items()
        if not any(len(other) > len(path) and other[: len(path)] == path for other in found)
        and not (path in misspelt and details[0]["type"] == "missing")
    ]


def _has(data: object, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(data, list | tuple) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _real(details: ErrorDetails, data: Any) -> Path:  # noqa: ANN401 - whatever was given
    """The path without the names that pydantic gives to the branches of unions."""
    path: Path = ()
    for part in details["loc"]:
        try:
            value_at(data, (*path, part))
        except KeyError:
            continue
        path = (*path, part)
    return (*path, details["loc"][-1]) if details["type"] == "missing" else path


def _message(found: Sequence[ErrorDetails]) -> str:
    known = [details for details in found if details["type"] in _EXPECTED]
    if len(known) == len(found):
        phrases = dict.fromkeys(_EXPECTED[one["type"]].format(**one.get("ctx", {})) for one in known)
        return f"{' or '.join(phrases)} is expected".replace("'", "")
    told = next(details for details in found if details not in known)
    return _STATED.get(told["type"], "can't be used").format(**told.get("ctx", {}))


def _hint(path: Path, details: ErrorDetails, model: type[BaseModel], data: Any) -> str:  # noqa: ANN401 - whatever was given
    if details["type"] == "extra_forbidden":
        return nearest(path[-1], _keys(model, path[:-1]))
    if details["type"] == "literal_error":
        return nearest(value_at(data, path), re.findall(r"'([^']*)'", details["ctx"]["expected"]))
    return ""


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that are valid at a path."""
    models = [model]
    for part in path:
        if isinstance(part, str):
            fields = [one.model_fields[part] for one in models if part in one.model_fields]
            models = [inner for field in fields for inner in _models(field.annotation)]
    return [key for one in models for key in one.model_fields]


def _models(annotation: object) -> list[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
