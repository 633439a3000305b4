"""Single questions to a source, at half the quota: what its credential may do, and who would be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from connwatch import __version__
from connwatch.config import Plan, Secrets
from connwatch.core.discovery import Discovery
from connwatch.core.item import rfc3339
from connwatch.core.model import Failure
from connwatch.core.ports import Clock, SourceMemory, SourcePlan
from connwatch.fetch import Gate, SourceClient, open_session
from connwatch.metrics import ProcessRecorder
from connwatch.poller import listed_targets
from connwatch.stores import StoreError, open_for_reading

PATIENCE: Final = 120.0
"""Seconds for which a one-shot command waits when a source is closed; one that is closed for longer is given up."""


async def ping(source: SourcePlan, memory: SourceMemory | None, clock: Clock) -> str | Failure:
    """One harmless call: what the credential may do, or why it may nothing."""
    if memory is not None and memory.not_before > clock.now() + PATIENCE:
        return _left_alone(memory)
    async with _client(source, memory, clock) as client:
        return await client.converse(source.provider.ping())


async def discover(source: SourcePlan, memory: SourceMemory | None, clock: Clock) -> Discovery | Failure:
    """The companies or users that a daemon would ask."""
    if memory is not None and memory.not_before > clock.now() + PATIENCE:
        return _left_alone(memory)
    listed = await listed_targets(source, memory.announced if memory else frozenset())
    if isinstance(listed, Failure):
        return listed
    async with _client(source, memory, clock) as client:
        return await client.converse(source.provider.discover(listed, clock.now()))


async def remembered(plan: Plan) -> Mapping[str, SourceMemory]:
    """What a daemon remembers of its sources, first of all until when they want to be left alone; nothing without a store."""
    try:
        reader = open_for_reading(plan.store)
    except StoreError:
        return {}
    try:
        return (await reader.load()).sources
    finally:
        await reader.close()


def _left_alone(memory: SourceMemory) -> Failure:
    return Failure("throttled", detail=f"the provider wants no requests before {rfc3339(memory.not_before)}")


@asynccontextmanager
async def _client(source: SourcePlan, memory: SourceMemory | None, clock: Clock) -> AsyncIterator[SourceClient]:
    """A client for a few requests. What the provider asked the daemon to wait for, it waits for too."""
    recorder, secrets = ProcessRecorder(__version__), Secrets()
    not_before = memory.not_before if memory else 0.0
    gate = Gate(source.policy, source.quota.halved(), clock, recorder, not_before=not_before)
    async with open_session(source, __version__) as session:
        yield SourceClient(source, session, gate, lambda: secrets.current(source), clock, recorder)
