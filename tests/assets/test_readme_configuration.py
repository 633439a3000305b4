"""What the README says of the configuration holds: every key with its default, and every example."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connwatch.config.schema import MuteOptions, Schema, Web
from connwatch.providers import PROVIDERS
from connwatch.providers.options import SourceOptions, spelled
from tests.assets.markdown import Document
from tests.config.reading import NECTAR, plan, refusal

README: Final = Document("README.md")
NEEDED: Final = "needed"
BY_PROVIDER: Final = "by provider"
REFUSED: Final = """stor: anywhere
sources:
  nectar: {provider: nectar, api_key: nectar-key-4711, poll_interval: 1}
"""
"""A file with the two problems that the README shows."""


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a model as they are written, those within keys too."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def default(key: str, field: FieldInfo) -> str | None:
    """A default as the tables show it; None where words say it."""
    value = field.get_default(call_default_factory=True)
    if field.is_required() or key == "sources":
        return NEEDED
    if value in (None, "", ()):
        return None
    if value == {}:
        return BY_PROVIDER
    match value:
        case bool():
            text = str(value).lower()
        case float():
            text = spelled(value)
        case tuple():
            text = ", ".join(map(str, value))
        case _:
            text = str(value)
    return f"`{text}`"


def common() -> Mapping[str, str | None]:
    """What every source can be told. Where providers differ, the defaults stand in a table of their own."""
    told = {name: dict(fields(kind.Options)) for name, kind in PROVIDERS.items()}
    defaults = {
        key: {default(key, keys[key]) for keys in told.values()} | {default(key, field)}
        for key, field in fields(SourceOptions)
    }
    return {key: found.pop() if len(found) == 1 else BY_PROVIDER for key, found in defaults.items()}


def own(provider: str) -> Mapping[str, str | None]:
    """What only the sources of a provider can be told."""
    options = PROVIDERS[provider].Options
    shared = dict(fields(SourceOptions))
    keys = {key: default(key, field) for key, field in fields(options) if key not in shared}
    return keys | dict.fromkeys(("provider", *options.needed), NEEDED)


TABLES: Final[Mapping[str, Mapping[str, str | None]]] = {
    "Keys of the daemon": {key: default(key, field) for key, field in fields(Schema)},
    "Mute": {key: default(key, field) for key, field in fields(MuteOptions)},
    "Keys of every source": common(),
    **{f"Keys of {name}": own(name) for name in PROVIDERS},
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_in_its_table(heading: str) -> None:
    """A key that the schema has is told, and a key that is told is one that the schema has."""
    assert README.table(heading).keys() == TABLES[heading].keys()


@pytest.mark.parametrize("heading", TABLES)
def test_defaults_are_what_holds(heading: str) -> None:
    """What is said to hold without the key does hold."""
    told = {key: cells[0] for key, cells in README.table(heading).items()}
    assert {key: told[key] for key, text in TABLES[heading].items() if text is not None} == {
        key: text for key, text in TABLES[heading].items() if text is not None
    }
    assert NEEDED not in {told[key] for key, text in TABLES[heading].items() if text is None}


def ours() -> Iterator[str]:
    """The examples in YAML that are for connwatch, and not for Prometheus or kustomize."""
    return (block for block in README.blocks("yaml") if not yaml.safe_load(block).keys() & {"scrape_configs", "kind"})


@pytest.mark.parametrize("example", list(ours()))
def test_an_example_is_valid(tmp_path: Path, example: str) -> None:
    """Copied and with its secrets in place, it is neither refused nor warned about."""
    for name in ("nectar", "moneyhub", "basiq", "basiq-users.txt"):
        (tmp_path / name).write_text(f"{name}-4711\n", encoding="utf-8")
    assert plan(tmp_path, re.sub(r"/run/secrets|/etc/connwatch", str(tmp_path), example)).warnings == ()


def test_there_are_examples() -> None:
    """The test above has something to load."""
    assert list(ours())


def test_prometheus_is_pointed_at_the_default_address() -> None:
    """The example for Prometheus finds a daemon that was told nothing."""
    [block] = [block for block in README.blocks("yaml") if "scrape_configs" in block]
    told: Any = yaml.safe_load(block)
    assert told["scrape_configs"][0]["static_configs"] == [{"targets": [str(one) for one in Web().listen]}]


def test_variables_mean_something(tmp_path: Path) -> None:
    """Every variable of the example is understood: none is refused, none is passed over."""
    environ = dict(line.split("=", 1) for line in README.lines("ini"))
    told = plan(tmp_path, NECTAR, environ)
    assert told.warnings == ()
    assert (told.store, told.log_level) == ("memory:", "debug")
    assert told.sources["nectar"].quota.per_minute == 60


def test_variables_that_are_mentioned_are_known(tmp_path: Path) -> None:
    """In passing, and in a call of docker, too."""
    named = {span.removeprefix("$") for span in README.spans() if span.startswith(("$CONNWATCH_", "CONNWATCH_"))}
    assert named == {"CONNWATCH_CONFIG", "CONNWATCH_"}
    given = dict(re.findall(r"-e (CONNWATCH_\w+)=(\S+)", README.text))
    assert given
    assert plan(tmp_path, NECTAR, given).warnings == ()


def test_a_refusal_reads_like_that(tmp_path: Path) -> None:
    """The messages that are shown are the ones that one gets."""
    [shown] = [block for block in README.blocks("text") if "is refused:" in block]
    assert [line.strip() for line in shown.splitlines()[1:]] == refusal(tmp_path, REFUSED)
