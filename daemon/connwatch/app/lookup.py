"""One connection out of the store, beside a running daemon: why it is shown as it is, and how it is erased on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connwatch import __version__
from connwatch.config import Plan
from connwatch.core.item import account
from connwatch.core.policy import Facts
from connwatch.core.ports import Clock
from connwatch.core.step import rejudge
from connwatch.metrics import ProcessRecorder
from connwatch.stores import open_for_reading, open_store


async def look_up(plan: Plan, connection: str, source: str | None, clock: Clock) -> Sequence[Mapping[str, Any]]:
    """The full account of a connection, for each configured source that holds it. Raises StoreError."""
    reader = open_for_reading(plan.store)
    try:
        memories = (await reader.load()).sources
        accounts = []
        for name, state in await reader.find(connection, source):
            if name in plan.sources:
                policy = plan.sources[name].policy
                facts = memories[name].facts if name in memories else Facts()
                judged = rejudge(state, policy, facts, clock.now()).state
                history = await reader.history(name, connection)
                accounts.append(account(policy, facts, judged, judged.connections[connection], history))
        return accounts
    finally:
        await reader.close()


async def forget(plan: Plan, clock: Clock, *, connection: str, target: str, source: str | None) -> int:
    """Erase a connection or an end user with all history. Returns how many connections went. Raises StoreError."""
    store = open_store(plan.store, clock=clock, recorder=ProcessRecorder(__version__))
    try:
        return await store.forget(connection=connection, target=target, source=source)
    finally:
        await store.close()
