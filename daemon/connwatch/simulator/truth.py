"""What a flawless monitor would have counted: the connections as the APIs list them at this instant."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from connwatch.simulator.faults.drift import restated
from connwatch.simulator.shapes.basiq import status_shown
from connwatch.simulator.shapes.jobs import visible_code
from connwatch.simulator.shapes.nectar import account_status, account_tracking
from connwatch.simulator.world.model import Nature

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from connwatch.simulator.world.model import Connection
    from connwatch.simulator.world.world import World


class Row(NamedTuple):
    """What tells one group of connections from another.

    `company` is Nectar's company id, empty elsewhere; `reason` is Moneyhub's error or the code of Basiq's newest job,
    empty if there is none; `kind` is without hyphens; `institution` is the name of the datasource, the part of the id
    before the colon, or Basiq's institution id. A status that is not shown is empty.
    """

    company: str
    status: str
    reason: str
    kind: str
    institution: str


def truth(world: World, drifting: Collection[str]) -> dict[str, Any]:
    """Count by provider; `drifting` are the providers that speak in new words."""
    return {
        provider: {**_counts(world, provider, drifting=provider in drifting), **_particulars(world, provider)}
        for provider in world.owners
    }


def _counts(world: World, provider: str, *, drifting: bool) -> dict[str, Any]:
    rows = Counter(_row(world, restated(each) if drifting else each) for each in _connections(world, provider))
    by: dict[str, Counter[str]] = {name: Counter() for name in Row._fields}
    for row, count in rows.items():
        for name, value in zip(Row._fields, row, strict=True):
            by[name][value] += count
    return {
        "total": rows.total(),
        "by": {name: dict(counter) for name, counter in by.items()},
        "rows": [{**row._asdict(), "count": count} for row, count in rows.items()],
    }


def _connections(world: World, provider: str) -> Iterator[Connection]:
    for owner in world.owners[provider]:
        yield from world.of_owner(owner)


def _row(world: World, each: Connection) -> Row:
    state = each.state
    if each.provider == "nectar":
        return Row(each.owner, state.status, "", each.kind, world.institutions[each.institution].name)
    if each.provider == "moneyhub":
        return Row("", state.status, state.reason, each.kind, each.institution)
    kind = each.kind.replace("-", "")
    return Row("", status_shown(each) or "", visible_code(each, world.now), kind, each.institution)


def _particulars(world: World, provider: str) -> dict[str, Any]:
    """Say what only this provider has."""
    owners = world.owners[provider].values()
    if provider == "nectar":
        accounts = Counter(
            (account_status(each, number), account_tracking(each, number) or "unset")
            for each in _connections(world, provider)
            for number in range(each.grain % 4)
        )
        return {
            "companies": {owner.id: owner.name for owner in owners},
            "accounts": [
                {"status": status, "tracking": tracking, "count": count}
                for (status, tracking), count in accounts.items()
                if status is not None
            ],
        }
    users = [owner.id for owner in owners if owner.deleted is None]
    paused = sum(
        each.state.nature is Nature.STARTING and world.now < each.begins for each in _connections(world, provider)
    )
    return {"users": users, "paused": paused}
