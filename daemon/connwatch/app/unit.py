"""One source with all that it needs to run, put together and taken apart as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from connwatch import __version__
from connwatch.app.past import Past
from connwatch.core.model import Step
from connwatch.core.ports import SourceMemory, SourcePlan
from connwatch.core.quota import Rule
from connwatch.core.tally import Tally
from connwatch.fetch import Gate, SourceClient, open_session
from connwatch.poller import SourceRunner, Surroundings

SOME: Final = 1000
"""Targets that are counted together."""


class Unit:
    """A source at work. `finished` is set when it has stopped, and what it knew is settled."""

    def __init__(
        self,
        plan: SourcePlan,
        past: Past,
        around: Surroundings,
        secrets: Callable[[], Mapping[str, str]],
        *,
        rule: Rule | None = None,
    ) -> None:
        self.plan = plan
        self.finished = asyncio.Event()
        self._past = past
        self._around = around
        memory = past.memory or SourceMemory(source=plan.name)
        inside = replace(
            around,
            log=around.log.bind(source=plan.name, provider=plan.provider.name),
            settled=self._settled,
        )
        self._book = around.fleet.open(plan.policy, memory.facts, Tally(plan.policy, past.tallies))
        self._gate = Gate(
            plan.policy,
            rule or plan.quota,
            around.clock,
            around.recorder,
            not_before=memory.not_before,
            tell=lambda note: self.runner.settler.write(note),  # noqa: PLW0108 - the runner is yet to come
        )
        self._session = open_session(plan, __version__)
        self.client = SourceClient(plan, self._session, self._gate, secrets, around.clock, around.recorder)
        self.runner = SourceRunner(plan, self._book, self.client, lambda: self._gate.state, inside, memory)

    async def run(self) -> None:
        """Ask until stopped."""
        try:
            past, self._past = self._past, Past()
            await self.runner.run(past.stored, anew=past.reading != self.plan.provider.reading)
        finally:
            await self._session.close()
            self.finished.set()

    def count_past(self) -> None:
        """Count at once what a predecessor counted: no scrape is without it while it is judged anew.

        From then on it is the fleet's to hold: nobody else keeps what is soon over.
        """
        states, self._past = self._past.states, replace(self._past, states=())
        for start in range(0, len(states), SOME):
            steps = [Step(state) for state in states[start : start + SOME]]
            self._around.fleet.take_in(self.plan.name, self._book.weigh(steps))

    def stop(self) -> None:
        """Start nothing more."""
        self._gate.close()
        self.runner.stop()

    @property
    def opens_at(self) -> float:
        """When the source may be asked again: it asked to be left alone, or rejected our credential."""
        return self._gate.state.open_at()

    def past(self) -> Past:
        """All that is known, for a successor."""
        return Past(
            states=tuple(record.state for record in self._book.records.values()),
            memory=self.runner.memory(),
            tallies=dict(self._book.tally.shown),
            reading=self.plan.provider.reading,
        )

    def _settled(self) -> None:
        self._gate.targets = len(self._book.records)
        self._around.settled()
