"""The parts of the README that the code says itself, each between markers. `python -m tests.assets.generated` writes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from connwatch.core.condition import ACTORS, RULES
from connwatch.core.ports import Provider
from connwatch.core.wire import ID
from connwatch.metrics import reference
from connwatch.providers import PROVIDERS
from connwatch.providers.options import SourceOptions, spelled
from grafana.dashboards import DASHBOARDS
from tests.assets import alerting

README: Final = Path(__file__).parents[2] / "README.md"
NEEDED: Final[Mapping[str, Mapping[str, Any]]] = {
    "nectar": {"api_key": "a key"},
    "moneyhub": {"client_id": "a client", "client_secret": "a secret"},
    "basiq": {"api_key": "a key", "users": ["a-user"]},
}
"""What a source can't do without, by provider."""
ACTS: Final = {"user": "end users", "support": "support", "ops": "operations", "provider": "the provider", "": "nobody"}
"""Actors of alerts, for people."""
CACHED: Final = "basiq, `smart_cache: true`"
_ALTERNATIVES: Final = re.compile(r"\(\?:(.*?)\)")


def options(provider: str, **more: object) -> SourceOptions:
    """A provider's options with nothing said that needn't be."""
    return PROVIDERS[provider].Options.model_validate({**NEEDED[provider], **more})


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = (heads, ("---",) * len(heads), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """A word as code; nothing for none."""
    return f"`{text}`" if text else ""


def conditions(provider: str) -> str:
    """What each documented status and reason of a provider comes down to, and who acts then."""
    policy = _provider(options(provider)).policy("main", ())
    rows = (
        (code(status), code(reason), code(condition), ACTORS[condition])
        for (status, reason), condition in policy.table.items()
    )
    unjudged = ", ".join(code(condition) for condition in ACTORS if condition in policy.not_judged)
    told = table(("status", "reason", "condition", "who acts"), rows)
    return f"{told}\n\nNot judged for staleness: {unjudged}."


def rules() -> str:
    """What decides a condition, in order: the first that applies."""
    rows = ((code(rule.name), rule.why, code(rule.condition or "") or "by the tables below") for rule in RULES)
    return table(("rule", "it applies where", "condition"), rows)


def limits() -> str:
    """What holds where a source says nothing else."""
    columns = {name: _limits(options(name)) for name in PROVIDERS} | {
        CACHED: _limits(options("basiq", smart_cache=True))
    }
    rows = [(code(key), *(told[key] for told in columns.values())) for key in _limits(options("nectar"))]
    return table(("key", *columns), rows)


def requests() -> str:
    """All that may be asked of each provider."""
    return "\n\n".join(f"```text\n{_requests(name, _provider(options(name)))}\n```" for name in PROVIDERS)


def alerts() -> str:
    """What can fire, how urgent it is, who acts, and what it says."""
    rows = (
        (
            f"[{name}](config/runbooks.md#{name.lower()})",
            one.labels["severity"],
            ACTS[one.labels.get("actor", "")],
            one.annotations["summary"],
        )
        for name, one in alerting.alerts().items()
    )
    return table(("alert", "severity", "who acts", "what it says"), rows)


def dashboards() -> str:
    """What can be looked at, and what each page answers."""
    rows = (
        (f"[{one.title.rpartition(' ')[2]}](grafana/{one.uid.removeprefix('connwatch-')}.json)", one.description)
        for one in DASHBOARDS
    )
    return table(("dashboard", "what it answers"), rows)


SECTIONS: Final[Mapping[str, Callable[[], str]]] = {
    "limits": limits,
    "rules": rules,
    **{f"conditions {name}": lambda name=name: conditions(name) for name in PROVIDERS},  # type: ignore[misc]
    "metrics": lambda: reference("markdown"),
    "requests": requests,
    "alerts": alerts,
    "dashboards": dashboards,
}
"""What stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""


def section(text: str, name: str) -> str:
    """What a text has between the markers of a section. Raises ValueError if it hasn't both of them."""
    return _parted(text, name)[1].strip()


def rewritten(text: str) -> str:
    """A text with all sections as the code has them now. Raises ValueError if one has no markers."""
    for name, made in SECTIONS.items():
        before, _, after = _parted(text, name)
        text = f"{before}\n\n{made()}\n\n{after}"
    return text


def _parted(text: str, name: str) -> tuple[str, str, str]:
    """What is before, between and after the two markers, which belong to the outer parts."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begun, rest = text.partition(begin)
    told, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"there are no markers for {name}")
    return before + begin, told, end + after


def _provider(told: SourceOptions) -> Provider:
    return PROVIDERS[told.model_dump()["provider"]]("main", told)


def _limits(told: SourceOptions) -> Mapping[str, str]:
    policy = _provider(told).policy("main", ())
    return {
        "poll_interval": code(spelled(policy.poll_interval)),
        "discovery_interval": code(spelled(policy.discovery_interval)),
        "stale_after": _each(policy.stale_after),
        "never_updated_after": _each(policy.never_updated_after),
        "stuck_after": _each(policy.stuck_after),
        "quota.requests_per_minute": code(f"{told.quota.requests_per_minute:g}"),
        "quota.burst": code(f"{told.quota.burst}"),
        "quota.max_in_flight": code(f"{told.quota.max_in_flight}"),
    }


def _each(times: Mapping[str, float]) -> str:
    return "<br>".join(code(f"{name}: {spelled(time)}") for name, time in times.items())


def _requests(name: str, provider: Provider) -> str:
    reads: dict[str, list[str]] = {}
    for one in provider.allowed:
        reads.setdefault(f"{one.method:<4} {_plain(one.path)}", []).append(one.endpoint)
    width = max(map(len, reads))
    return "\n".join((name, *(f"  {read:<{width}}   {', '.join(endpoints)}" for read, endpoints in reads.items())))


def _plain(pattern: str) -> str:
    """The pattern of a path as people write it."""
    return _ALTERNATIVES.sub(r"{\1}", pattern.replace(ID, "{id}")).replace("\\", "")


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write("README.md: the generated sections are as the code has them.\n")
