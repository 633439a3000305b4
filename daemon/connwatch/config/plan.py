"""The plan: frozen values for everything that runs, made from what was configured; and what changes between two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from connwatch.config.schema import Address, Schema
from connwatch.core.policy import Mute
from connwatch.core.ports import SecretRef, SourcePlan
from connwatch.core.quota import Rule
from connwatch.providers import PROVIDERS
from connwatch.providers.options import SourceOptions, UsersFile


class Plan(Struct, frozen=True):
    """What the daemon is to do. `repr` shows no secret."""

    store: str
    listen: tuple[Address, ...]
    log_level: str
    log_format: str
    per_connection: Literal["none", "unhealthy", "all"]
    institutions: bool
    max_series: int
    sources: Mapping[str, SourcePlan]
    shutdown_grace: float
    """Seconds that running polls get when the daemon stops."""
    retention: float
    """Seconds that what is gone stays in the store."""
    external_url: str
    mutes: tuple[Mute, ...]
    digest: str
    """Of the plan without secrets: the label `hash` of `connwatch_config_info`."""
    warnings: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[object, ...]:
        """What the exposition is made by: where it differs, all has to be written anew."""
        return self.per_connection, self.institutions, self.max_series


class Changes(Struct, frozen=True):
    """What a reload has to do: names of sources, or why it can't be done."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def changes(old: Plan, new: Plan) -> Changes:
    """From one plan to the next. A source that is configured as before isn't in it (decisions.md 26)."""
    refused = tuple(
        f"{key}: a change needs a restart"
        for key, before, after in (("store", old.store, new.store), ("web.listen", old.listen, new.listen))
        if before != after
    )
    if refused:
        return Changes(refused=refused)
    return Changes(
        added=tuple(name for name in new.sources if name not in old.sources),
        removed=tuple(name for name in old.sources if name not in new.sources),
        changed=tuple(
            name for name, plan in new.sources.items() if name in old.sources and _differ(old.sources[name], plan)
        ),
    )


def plan_of(schema: Schema, sources: Mapping[str, SourcePlan], warnings: tuple[str, ...]) -> Plan:
    """The plan that a valid configuration comes to."""
    told = schema.model_dump(exclude={"sources"})
    return Plan(
        store=schema.store,
        listen=schema.web.listen,
        log_level=schema.log.level,
        log_format=schema.log.format,
        per_connection=schema.metrics.per_connection,
        institutions=schema.metrics.institutions,
        max_series=schema.metrics.max_series,
        sources=sources,
        shutdown_grace=schema.shutdown_grace,
        retention=schema.retention,
        external_url=schema.external_url,
        mutes=mutes_of(schema),
        digest=_digest([told, {name: source.digest for name, source in sources.items()}]),
        warnings=warnings,
    )


def source_plan(
    name: str, options: SourceOptions, secrets: Mapping[str, SecretRef], mutes: tuple[Mute, ...]
) -> SourcePlan:
    """One source as it is to run. Mutes that are meant for other sources don't concern it."""
    told = options.model_dump()
    own = tuple(mute for mute in mutes if concerns(mute, name))
    provider = PROVIDERS[told["provider"]](name, options)
    users = getattr(options, "users", None)
    return SourcePlan(
        name=name,
        provider=provider,
        policy=provider.policy(name, own),
        quota=Rule(options.quota.requests_per_minute, options.quota.burst, options.quota.max_in_flight),
        secrets=secrets,
        request_timeout=options.request_timeout,
        users_file=users.file if isinstance(users, UsersFile) else "",
        ca_file=options.ca_file,
        client_cert_file=told.get("client_cert_file", ""),
        client_key_file=told.get("client_key_file", ""),
        proxy=options.proxy,
        trust_env=options.trust_env,
        digest=_digest([told, [asdict(mute) for mute in own]]),
    )


def mutes_of(schema: Schema) -> tuple[Mute, ...]:
    """The mutes as the core knows them."""
    return tuple(Mute(**mute.model_dump()) for mute in schema.mute)


def concerns(mute: Mute, source: str) -> bool:
    """Whether a mute is meant for a source."""
    return not mute.source or fnmatchcase(source, mute.source)


def _differ(old: SourcePlan, new: SourcePlan) -> bool:
    return old.digest != new.digest or _given(old) != _given(new)


def _given(plan: SourcePlan) -> Mapping[str, str]:
    """The secrets that stand in the configuration itself. Those in files are read again without a reload."""
    return {name: ref.value for name, ref in plan.secrets.items() if not ref.file}


def _digest(told: object) -> str:
    """Of everything but secrets: pydantic dumps them as an object that json doesn't know, and whose text is stars."""
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
