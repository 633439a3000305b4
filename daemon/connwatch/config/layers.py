"""Lays what the command line, the environment and the file say over each other, and remembers who said what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any, Final, TypeAlias, Union

from pydantic import create_model
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from connwatch.config.lines import Document
from connwatch.config.problems import UNKNOWN, Fault, Path, Problem, dotted, fold, nearest, value_at
from connwatch.config.schema import Schema
from connwatch.providers import PROVIDERS
from connwatch.providers.options import FromEnvironment

Data: TypeAlias = dict[str, Any]

PREFIX: Final = "CONNWATCH_"
COMMAND_LINE: Final = "the command line"
_OURS: Final = frozenset({"CONNWATCH_CONFIG"})
"""Variables of the command line, which say nothing about the configuration itself."""
_NEAR: Final = 0.75
"""How alike a variable and a key have to be: Kubernetes injects names that are a bit like ours."""


class _Prefixed(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


_FIELDS: Final[dict[str, Any]] = {key: (field.annotation, None) for key, field in Schema.model_fields.items()}
_OPTIONS: Final[Any] = Union[tuple(each.Options for each in PROVIDERS.values())]  # noqa: UP007 - of as many as there are
_VARIABLES: Final = create_model(
    "_VARIABLES", __base__=_Prefixed, **{**_FIELDS, "sources": (dict[str, _OPTIONS], None)}
)
"""What the environment can say, and where that is a list or a mapping, as JSON."""


class _Environment(EnvSettingsSource):
    """The environment that is given, not the process'. What can't be decoded stays a text, for the schema to refuse."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_VARIABLES)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): FromEnvironment(value) for name, value in self._environ.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - as the base
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


class Layers:
    """The configuration as it was given. `merged` is what holds: flags over variables over the file."""

    def __init__(self, document: Document, environ: Mapping[str, str], overrides: Mapping[str, object]) -> None:
        self._file = document
        self._flags = _nested(overrides)
        self._names = {
            tuple(fold(name)[len(PREFIX) :].split("__")): name
            for name in sorted(environ)
            if name.lower().startswith(PREFIX.lower()) and name.upper() not in _OURS
        }
        told = _Environment(environ)()
        self._told = _folded(told)
        self.merged: Data = reduce(_over, (told, self._flags), document.data)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the layers themselves."""
        unread = [(path, name) for path, name in self._names.items() if path[0] in Schema.model_fields]
        return (
            *self._file.problems,
            *(Problem(dotted(path), UNKNOWN, origin=name) for path, name in unread if not _holds(self._told, path)),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks as if it were meant for us, and isn't: not refused, since Kubernetes injects such variables."""
        known = tuple(_spoken())
        strange = {path: name for path, name in self._names.items() if path[0] not in Schema.model_fields}
        hints = {path: nearest("__".join(path), known, cutoff=_NEAR) for path in strange}
        return tuple(
            str(Problem("", "ignored: no key has this name", origin=name, hint=hints[path] and PREFIX + hints[path]))
            for path, name in strange.items()
        )

    def problem(self, fault: Fault) -> Problem:
        """A fault with its place."""
        line, origin = self._place(fault.path)
        return Problem(dotted(fault.path), fault.message, line, origin, fault.hint)

    def place(self, path: Path) -> str:
        """Who gave the value at a path, in words."""
        line, origin = self._place(path)
        return origin or f"line {line}"

    def from_environment(self, path: Path) -> bool:
        """Whether the value at a path was given by a variable, whose name has no case."""
        return _holds(self._told, _folded_path(path))

    def _place(self, path: Path) -> tuple[int | None, str]:
        """Line or origin of a value, or of what it would be in. A mapping that several gave has its line in the file."""
        for end in range(len(path), 0, -1):
            whole = path[:end]
            line = self._file.lines.get(whole)
            origin = COMMAND_LINE if _holds(self._flags, whole) else self._variable(_folded_path(whole))
            if line is not None and (not origin or isinstance(value_at(self._file.data, whole), Mapping)):
                return line, ""
            if origin:
                return None, origin
        return None, ""

    def _variable(self, path: Path) -> str:
        """The variable that gives the value at a path, or some of it; empty if none does."""
        if not _holds(self._told, path):
            return ""
        related = [one for one in self._names if one[: len(path)] == path or path[: len(one)] == one]
        return self._names[min(related, key=lambda one: abs(len(one) - len(path)))]


def _spoken() -> Iterator[str]:
    """The keys of the daemon as variables spell them, without the prefix."""
    for key, field in Schema.model_fields.items():
        yield key.upper()
        for inner in getattr(field.annotation, "model_fields", ()):
            yield f"{key}__{inner}".upper()


def _nested(overrides: Mapping[str, object]) -> Data:
    """Flags by dotted keys, as the file would say them. None is a flag that wasn't given."""
    data: Data = {}
    for key, value in overrides.items():
        if value is not None:
            *outer, last = key.split(".")
            reduce(lambda within, part: within.setdefault(part, {}), outer, data)[last] = value
    return data


def _over(low: Any, high: Any) -> Any:  # noqa: ANN401 - whatever was given
    if not isinstance(low, dict) or not isinstance(high, dict):
        return high
    return low | {key: _over(low[key], value) if key in low else value for key, value in high.items()}


def _holds(data: Data, path: Path) -> bool:
    try:
        value_at(data, path)
    except KeyError:
        return False
    return True


def _folded(data: Any) -> Any:  # noqa: ANN401 - whatever was given
    return {fold(key): _folded(value) for key, value in data.items()} if isinstance(data, dict) else data


def _folded_path(path: Path) -> Path:
    return tuple(part if isinstance(part, int) else fold(part) for part in path)
