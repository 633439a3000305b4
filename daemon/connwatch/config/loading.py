"""Reads the configuration into a plan, or says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import ValidationError

from connwatch.config.layers import Data, Layers
from connwatch.config.lines import read
from connwatch.config.plan import Plan, concerns, mutes_of, plan_of, source_plan
from connwatch.config.problems import ConfigRefused, Fault, faults, nearest
from connwatch.config.schema import Schema
from connwatch.config.sources import judge, twins
from connwatch.core.policy import Mute


def load(path: str, *, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None) -> Plan:
    """The plan of a file, with the environment and the command line over it.

    `overrides` are values by dotted keys (`web.listen`, `log.level`); None stands for a flag that wasn't given.
    Raises ConfigRefused with all problems.
    """
    layers = Layers(read(path), environ, overrides or {})
    schema, found = _judged(layers.merged)
    told = layers.merged.get("sources")
    sources = {name: judge(name, one, layers) for name, one in told.items()} if isinstance(told, Mapping) else {}
    mutes = mutes_of(schema) if schema is not None else ()
    plans = {
        name: source_plan(name, one.options, one.secrets, mutes)
        for name, one in sources.items()
        if one.options is not None
    }
    found += [fault for one in sources.values() for fault in one.faults]
    found += [*twins(plans), *_strays(mutes, sources)]
    problems = list(layers.problems)
    broken = {problem.where for problem in problems}
    problems += [problem for problem in map(layers.problem, found) if problem.where not in broken]
    if problems or schema is None:
        raise ConfigRefused(path, problems)
    return plan_of(schema, plans, (*layers.warnings, *(said for one in sources.values() for said in one.warnings)))


def _judged(merged: Data) -> tuple[Schema | None, list[Fault]]:
    found = []
    if not merged.get("sources"):
        found.append(Fault(("sources",), "there is no source: give it at least one"))
        merged = {key: value for key, value in merged.items() if key != "sources"}
    try:
        return Schema.model_validate(merged), found
    except ValidationError as error:
        return None, [*found, *faults(error, Schema, merged)]


def _strays(mutes: Iterable[Mute], sources: Iterable[str]) -> Iterator[Fault]:
    """Mutes for a source that there isn't."""
    for place, mute in enumerate(mutes):
        if mute.source and not any(concerns(mute, source) for source in sources):
            yield Fault(("mute", place, "source"), "matches no source", nearest(mute.source, sources))
