"""Judges the sources: what each provider can be told, its secrets and files, and what two sources can't share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from pydantic import ValidationError

from connwatch.config.layers import Data, Layers
from connwatch.config.problems import Fault, Path, faults, fold, nearest, shown
from connwatch.config.secret_files import UnusableSecretError, complaint_about, read_secret
from connwatch.core.ports import Provider, SecretRef, SourcePlan
from connwatch.providers import PROVIDERS, ProviderClass
from connwatch.providers.options import SourceOptions, UsersFile

_NAME: Final = re.compile(r"(?!.*__)[a-z][a-z0-9_]{0,39}")
_LIMITS: Final = {"stale_after": "kind", "never_updated_after": "kind", "stuck_after": "status"}
"""Keys with a limit for each kind, or each status, of a provider."""


class Judged(Struct, frozen=True):
    """A source as it was told, with all that is wrong with it. There are options if they are valid by themselves."""

    faults: tuple[Fault, ...] = ()
    options: SourceOptions | None = None
    secrets: Mapping[str, SecretRef] = {}
    warnings: tuple[str, ...] = ()


def judge(name: str, told: object, layers: Layers) -> Judged:
    """Read one source."""
    path: Path = ("sources", name)
    found = []
    if not _NAME.fullmatch(name):
        found.append(Fault(path, "a source's name is 1 to 40 of a-z, 0-9 and single _, and starts with a-z"))
    if not isinstance(told, Mapping):
        return Judged((*found, Fault(path, "a mapping is expected")))
    kind = PROVIDERS.get(str(told.get("provider")))
    if kind is None:
        return Judged((*found, _no_provider(path, told)))
    data = dict(told)
    found += _given_twice(path, data, kind, layers)
    found += _settle_limits(path, data, kind, layers)
    secrets, unusable = _secrets(path, data, kind)
    found += [*unusable, *_unreadable(path, data, kind)]
    try:
        options = kind.Options.model_validate(data)
    except ValidationError as error:
        return Judged((*found, *faults(error, kind.Options, data, path)))
    return Judged(tuple(found), options, secrets, tuple(_unread_users(name, options)))


def twins(plans: Mapping[str, SourcePlan]) -> Iterator[Fault]:
    """Two sources with one credential would each spend the whole of its budget (decisions.md 7)."""
    first: dict[object, str] = {}
    for name, plan in plans.items():
        values = tuple(sorted((key, ref.value) for key, ref in plan.secrets.items()))
        other = first.setdefault((plan.provider.name, plan.provider.base_url, values), name)
        if other != name:
            yield Fault(("sources", name), f"same provider, URL and credential as {other}: make one source of the two")


def _no_provider(path: Path, told: Mapping[str, object]) -> Fault:
    *some, last = PROVIDERS
    names = f"{', '.join(some)} or {last}"
    given = told.get("provider")
    message = f"is missing: {names}" if given is None else f"{names} is expected"
    return Fault((*path, "provider"), message, nearest(given, PROVIDERS))


def _given_twice(path: Path, data: Data, kind: ProviderClass, layers: Layers) -> Iterator[Fault]:
    """Secrets that are given as a value and as a file, by whomever. The value is kept, for the rest to be judged."""
    for name in kind.Options.secrets:
        file = f"{name}_file"
        if data.get(name) is not None and data.get(file):
            places = " and ".join(f"{key} ({layers.place((*path, key))})" for key in (name, file))
            yield Fault((*path, name), f"given twice: {places}")
            del data[file]


def _settle_limits(path: Path, data: Data, kind: ProviderClass, layers: Layers) -> Iterator[Fault]:
    """Takes out limits for what the provider doesn't know; gives those from variables, which have no case, their names."""
    policy = _untold(kind).policy("", ())
    known = {
        "kind": list(policy.stale_after),
        "status": list(dict.fromkeys((*(status for status, _ in policy.table), *policy.stuck_after))),
    }
    for key, noun in _LIMITS.items():
        limits = data.get(key)
        if not isinstance(limits, Mapping):
            continue
        names = {fold(name): name for name in known[noun]}
        settled = {}
        for given, limit in limits.items():
            where = (*path, key, given)
            name = names.get(fold(given), given) if layers.from_environment(where) else given
            if name in known[noun]:
                settled[name] = limit
                continue
            hint = nearest(given, known[noun])
            yield Fault(where, f"unknown {noun}" + ("" if hint else f", there are {', '.join(known[noun])}"), hint)
        data[key] = settled


def _untold(kind: ProviderClass) -> Provider:
    """A provider that was told nothing, for what it knows by itself."""
    required: dict[str, Any] = {key: "" for key, field in kind.Options.model_fields.items() if field.is_required()}
    return kind("", kind.Options.model_construct(**required))


def _secrets(path: Path, data: Data, kind: ProviderClass) -> tuple[Mapping[str, SecretRef], list[Fault]]:
    refs, found = {}, []
    for name in kind.Options.secrets:
        value, file = data.get(name), data.get(f"{name}_file")
        if isinstance(value, str):
            refs[name] = SecretRef(value=str(value))
            if complaint := complaint_about(value):
                found.append(Fault((*path, name), complaint))
        elif isinstance(file, str) and file:
            try:
                refs[name] = SecretRef(value=read_secret(file), file=str(file))
            except UnusableSecretError as fault:
                found.append(Fault((*path, f"{name}_file"), str(fault)))
    return refs, found


def _unreadable(path: Path, data: Data, kind: ProviderClass) -> Iterator[Fault]:
    """Certificates and keys for TLS that can't be read. What is in them is looked at when they are used."""
    secret = {f"{name}_file" for name in kind.Options.secrets}
    for key in kind.Options.model_fields:
        file = data.get(key)
        if key.endswith("_file") and key not in secret and isinstance(file, str) and file and not _readable(file):
            yield Fault((*path, key), f"{shown(file)} can't be read")


def _unread_users(name: str, options: SourceOptions) -> Iterator[str]:
    """Users may come later than the daemon: the last known ones are watched meanwhile."""
    users = getattr(options, "users", None)
    if isinstance(users, UsersFile) and not _readable(users.file):
        yield f"sources.{name}.users.file: {shown(users.file)} can't be read now, so no new user is known"


def _readable(file: str) -> bool:
    try:
        return os.access(file, os.R_OK)
    except ValueError:
        return False
