"""What a plan will cost: from a discovery at the providers, or from what the store remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connwatch.app.collector import at_rest
from connwatch.app.live import discover
from connwatch.config import Plan
from connwatch.core.discovery import company_labels
from connwatch.core.forecast import Forecast, forecast
from connwatch.core.model import Failure, TargetState
from connwatch.core.ports import Clock, SourceMemory, SourcePlan, as_they_are
from connwatch.stores import StoreError, open_for_reading


async def forecasts(plan: Plan, clock: Clock) -> Mapping[str, Forecast | Failure]:
    """By source, from discoveries. How many connections each target has is taken from the store, if it has been there."""
    try:
        known, memories = await _stored(plan)
    except StoreError:
        known, memories = {}, {}
    found: dict[str, Forecast | Failure] = {}
    for name, source in plan.sources.items():
        answer = await discover(source, memories.get(name), clock)
        if isinstance(answer, Failure):
            found[name] = answer
            continue
        present = [one for one in answer.found if not one.vacant]
        states = known.get(name, {})
        sizes = [len(states[one.id].connections) if one.id in states else None for one in present]
        companies = 1 if source.provider.company else len(company_labels(present, {}))
        found[name] = _forecast(plan, source, sizes, companies)
    return found


async def remembered_forecasts(plan: Plan) -> Mapping[str, Forecast | Failure]:
    """By source, from the store alone. Raises StoreError."""
    known, _ = await _stored(plan)
    return {
        name: _forecast(
            plan,
            source,
            [len(state.connections) for state in known.get(name, {}).values()],
            len({state.target.company for state in known.get(name, {}).values()}),
        )
        for name, source in plan.sources.items()
    }


async def _stored(plan: Plan) -> tuple[Mapping[str, Mapping[str, TargetState]], Mapping[str, SourceMemory]]:
    reader = open_for_reading(plan.store)
    try:
        with at_rest():
            remembered = await reader.load()
            known = {
                name: {state.target.id: state async for some in reader.targets(name, as_they_are) for state in some}
                for name in plan.sources
            }
    finally:
        await reader.close()
    return known, remembered.sources


def _forecast(plan: Plan, source: SourcePlan, sizes: Sequence[int | None], companies: int) -> Forecast:
    known = [size for size in sizes if size is not None]
    return forecast(
        source.policy,
        source.quota,
        targets=len(sizes),
        companies=companies,
        sizes=known if len(known) == len(sizes) else None,
        requests=source.provider.sweep_requests([size or 0 for size in sizes]),
        per_connection=plan.per_connection == "all",
    )
