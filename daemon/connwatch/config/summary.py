"""The plan as `check` prints it: plain values, durations as they are written, and no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import asdict

from connwatch.config.plan import Plan
from connwatch.core.model import NEVER
from connwatch.core.policy import Mute
from connwatch.core.ports import SourcePlan
from connwatch.providers.options import spelled

_WAY: Final = ("ca_file", "client_cert_file", "client_key_file", "proxy")


def summary(plan: Plan) -> Mapping[str, Any]:
    """A printable structure of the plan."""
    return {
        "store": plan.store,
        "web": {"listen": [str(address) for address in plan.listen]},
        "log": {"level": plan.log_level, "format": plan.log_format},
        "metrics": {
            "per_connection": plan.per_connection,
            "institutions": plan.institutions,
            "max_series": plan.max_series,
        },
        "shutdown_grace": spelled(plan.shutdown_grace),
        "retention": spelled(plan.retention),
        "external_url": plan.external_url,
        "mute": [_mute(mute) for mute in plan.mutes],
        "sources": {name: _source(source) for name, source in plan.sources.items()},
        "hash": plan.digest,
    }


def _mute(mute: Mute) -> Mapping[str, str]:
    until = "" if mute.until == NEVER else datetime.fromtimestamp(mute.until, UTC).isoformat()
    return {key: value for key, value in {**asdict(mute), "until": until}.items() if value}


def _source(plan: SourcePlan) -> Mapping[str, Any]:
    policy, quota = plan.policy, plan.quota
    return {
        "provider": plan.provider.name,
        "base_url": plan.provider.base_url,
        "company": plan.provider.company or "discovered",
        "targets": _targets(plan),
        "secrets": {name: f"in {ref.file}" if ref.file else "given" for name, ref in plan.secrets.items()},
        "poll_interval": spelled(policy.poll_interval),
        "discovery_interval": spelled(policy.discovery_interval),
        "request_timeout": spelled(plan.request_timeout),
        "quota": {
            "requests_per_minute": quota.per_minute,
            "burst": quota.burst,
            "max_in_flight": quota.max_in_flight,
        },
        "stale_after": _limits(policy.stale_after),
        "never_updated_after": _limits(policy.never_updated_after),
        "stuck_after": _limits(policy.stuck_after),
        "expiring_within": spelled(policy.expiring_within),
        **{key: getattr(plan, key) for key in _WAY if getattr(plan, key)},
        "trust_env": plan.trust_env,
    }


def _targets(plan: SourcePlan) -> str | int:
    if plan.users_file:
        return f"listed in {plan.users_file}"
    return "discovered" if plan.provider.listed is None else len(plan.provider.listed)


def _limits(limits: Mapping[str, float]) -> Mapping[str, str]:
    return {name: spelled(limit) for name, limit in limits.items()}
