"""The daemon: start in order, run until told to stop, reload what changed, stop in order (contract.md, *HTTP* and *Reload*)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from connwatch import __version__
from connwatch.app.collector import at_rest, clear_out, passing_over, seldom
from connwatch.app.housekeeping import keep_house
from connwatch.app.past import Archive, Past
from connwatch.app.signals import signals
from connwatch.app.unit import Unit
from connwatch.app.watch import Signature, signature, watch
from connwatch.app.writer import Writer
from connwatch.config import ConfigRefused, Plan, Secrets, changes
from connwatch.core.fleet import Fleet
from connwatch.core.model import Note
from connwatch.core.ports import Clock, Vitals
from connwatch.fetch import UnusableTlsError, tls_context
from connwatch.log import Redaction, Volume
from connwatch.metrics import Exposition, ProcessRecorder
from connwatch.notify import Notifier
from connwatch.poller import Surroundings, Timekeeper
from connwatch.stores import StoreError, open_store
from connwatch.web import Ports, Site


class Console(Struct, frozen=True):
    """What the process itself has: its log, how loud it is and what it must not say, and systemd."""

    log: FilteringBoundLogger
    volume: Volume
    redaction: Redaction
    notifier: Notifier


class Daemon:
    """One process at work. `load` reads the configuration anew; `path` is its file, which is watched."""

    def __init__(self, plan: Plan, load: Callable[[], Plan], clock: Clock, console: Console, *, path: str = "") -> None:
        self.addresses: Sequence[tuple[str, int]] = ()
        """Where it listens, once it does."""
        self.stopping = asyncio.Event()
        self._plan = plan
        self._load = load
        self._clock = clock
        self._console = console
        self._log = console.log
        self._notifier = console.notifier
        self._path = path
        self._secrets = Secrets()
        self._fleet = Fleet()
        self._recorder = ProcessRecorder(__version__)
        self._exposition = self._new_exposition(Fleet())  # of nothing, until what was remembered is counted
        self._writer = Writer(lambda now: self._exposition.refresh(now), clock)  # noqa: PLW0108 - it is replaced
        self._units: dict[str, Unit] = {}
        self._pasts: dict[str, Past] = {}
        """Of sources that are about to start, and of those that were taken out."""
        self._loaded = asyncio.Event()
        self._hangup = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._rewatch = asyncio.Event()
        self._seen: dict[str, Signature] = {path: signature(path)}
        self._alive_at = 0.0

    async def run(self) -> None:
        """Serve until `stopping` is set. Raises what keeps it from starting: StoreError, AddressInUse, UnusableTlsError."""
        for source in self._plan.sources.values():
            tls_context(source)
        with seldom(), signals(stop=self.stopping, reload=self._hangup):
            self._store = open_store(self._plan.store, clock=self._clock, recorder=self._recorder, tell=self._write)
            async with AsyncExitStack() as ending:
                # The web closes last, so that the last scrape and the probes see the drain; by then all is committed.
                site = self._new_site()
                ending.push_async_callback(site.stop)
                ending.push_async_callback(self._store.close)
                self.addresses = await site.start([(one.host, one.port) for one in self._plan.listen])
                listening = [f"{host}:{port}" for host, port in self.addresses]
                self._log.info("started", version=__version__, addresses=listening)
                await self._serve(site)
        self._log.info("stopped")

    async def _serve(self, site: Site) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            servants = await self._start(group)
            with passing_over():
                await self.stopping.wait()
                self._notifier.stopping()
                site.drain()
                async with self._reloading:
                    # A reload under way is waited for: it would start what nobody stops.
                    await self._halt(tuple(self._units))
            for servant in servants:
                servant.cancel()

    async def _start(self, group: asyncio.TaskGroup) -> Sequence[asyncio.Task[None]]:
        """Set everything to work, with what the store remembers."""
        with at_rest():
            self._archive = Archive(self._store, await self._store.load())
            self._pasts = {name: self._archive.past(name) for name in self._plan.sources}
            servants = [
                group.create_task(self._keep_time(), name="timekeeper"),
                group.create_task(self._writer.run(), name="writer"),
                group.create_task(self._keep_watch(), name="watcher"),
                group.create_task(self._keep_listening(), name="listener"),
            ]
            self._open_units(self._plan.sources)
            for unit in self._units.values():
                await unit.runner.taken_in.wait()
        self._exposition = self._new_exposition(self._fleet)  # half of it would have been wrong
        self._loaded.set()
        # Only now: what was needed to load is given back, too.
        housekeeping = keep_house(self._store, self._clock, self._log, retention=lambda: self._plan.retention)
        servants.append(group.create_task(housekeeping, name="housekeeping"))
        self._recorder.reloaded(True, self._clock.now(), self._plan.digest)
        self._notifier.ready(f"watching {len(self._units)} sources")
        return servants

    def _open_units(self, names: Iterable[str]) -> None:
        """Set sources to work, with what is known of them."""
        for name in names:
            plan = self._plan.sources[name]
            unit = Unit(plan, self._pasts.pop(name, Past()), self._surroundings(), partial(self._secrets.current, plan))
            self._units[name] = unit
            self._recorder.watch(name, plan.provider.name)
            self._group.create_task(unit.run(), name=f"source {name}")
        self._know_secrets()

    async def _halt(self, names: Iterable[str]) -> None:
        """Stop sources: running polls get the time of grace, and what they brought is committed."""
        units = [self._units[name] for name in names]
        for unit in units:
            unit.stop()
        deadline = self._clock.now() + self._plan.shutdown_grace
        for unit in units:
            await self._clock.wait(unit.finished, deadline)
            unit.runner.abandon()
            await unit.finished.wait()

    def _take_out(self, names: Iterable[str]) -> None:
        """Count sources that were stopped no more, and keep what is known for a successor."""
        for name in names:
            self._pasts[name] = self._units.pop(name).past()
            self._fleet.close(name)

    async def reload(self) -> Sequence[str]:
        """Read the configuration again: all of it takes effect, or nothing does. Returns the problems, if there are any."""
        await self._loaded.wait()
        async with self._reloading:
            if self.stopping.is_set():
                return ("connwatch is stopping",)
            self._notifier.reloading(self._clock.monotonic())
            problems = await self._reload()
            self._recorder.reloaded(not problems, self._clock.now(), self._plan.digest)
            self._notifier.ready(f"watching {len(self._units)} sources")
            if problems:
                self._log.error("reload_refused", problems=list(problems))
            return problems

    async def _reload(self) -> Sequence[str]:
        self._seen[self._path] = signature(self._path)
        try:
            plan = self._load()
        except ConfigRefused as refused:
            return [str(problem) for problem in refused.problems]
        difference = changes(self._plan, plan)
        problems = [*difference.refused, *_unreachable(plan)]
        if problems:
            return problems
        try:
            for name in difference.added:
                if name not in self._pasts:
                    self._pasts[name] = await self._archive.past_in_full(name)
        except StoreError as fault:
            return [str(fault)]
        await self._halt((*difference.removed, *difference.changed))
        # From here on nobody gets a turn until the successors count what their predecessors did.
        self._take_out((*difference.removed, *difference.changed))
        clear_out()  # what they leave behind makes room for their successors
        shown_as_before = plan.shown == self._plan.shown
        self._plan = plan
        self._console.volume.level = plan.log_level
        if not shown_as_before:
            self._exposition = self._new_exposition(self._fleet)
        self._open_units((*difference.added, *difference.changed))
        for name in (*difference.added, *difference.changed):
            self._units[name].count_past()
        self._rewatch.set()
        self._log.info("reloaded", added=difference.added, removed=difference.removed, changed=difference.changed)
        return ()

    async def _keep_time(self) -> None:
        await Timekeeper(self._fleet, self._clock, passed=self._time_passed, tick=self._tick).run()

    def _time_passed(self, source: str, targets: Sequence[str]) -> None:
        if source in self._units:
            self._units[source].runner.time_passed(targets)

    def _tick(self, now: float) -> None:
        """Once a second at least: have written what changed, try what was rotated, tell systemd that we live."""
        self._writer.stir()
        for unit in self._units.values():
            if unit.client.notice_secrets():
                self._know_secrets()
                self._log.info("secret_changed", source=unit.plan.name)
        for note in self._secrets.notes():
            self._write(note)
        period = self._notifier.watchdog_seconds
        if period is not None and now - self._alive_at >= min(period, now):
            self._notifier.alive()
            self._alive_at = now

    async def _keep_watch(self) -> None:
        """Watch the files of the plan in force."""
        while True:
            self._rewatch = asyncio.Event()
            users = {plan.users_file for plan in self._plan.sources.values() if plan.users_file}
            await watch({self._path, *users} - {""}, self._seen, self._file_changed, self._rewatch)

    async def _file_changed(self, path: str) -> None:
        if path == self._path:
            await self.reload()  # no unit has a name here yet: whoever holds one keeps all that it knew
            return
        for unit in self._units.values():
            if unit.plan.users_file == path:
                unit.runner.errands.rediscover()

    async def _keep_listening(self) -> None:
        """Reload whenever SIGHUP asks for it."""
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            await self.reload()

    def _know_secrets(self) -> None:
        """Whatever is secret now, no log may say."""
        plans = [unit.plan for unit in self._units.values()]
        self._console.redaction.know(secret for plan in plans for secret in self._secrets.current(plan).values())

    def _write(self, note: Note) -> None:
        getattr(self._log, note.level)(note.event, **note.facts)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            fleet=self._fleet,
            store=self._store,
            clock=self._clock,
            recorder=self._recorder,
            log=self._log,
            settled=self._writer.stir,
        )

    def _new_exposition(self, fleet: Fleet) -> Exposition:
        return Exposition(
            fleet,
            per_connection=self._plan.per_connection,
            institutions=self._plan.institutions,
            max_series=self._plan.max_series,
            vitals=self._vitals,
            process=self._recorder.registry,
        )

    def _new_site(self) -> Site:
        ports = Ports(
            fleet=self._fleet,
            store=self._store,
            clock=self._clock,
            refresh=lambda now, gzip: self._exposition.refresh(now, gzip=gzip),
            body=lambda accept, now, gzip: self._exposition.body(accept, now, gzip=gzip),
            vitals=self._vitals,
            readiness=self._reasons,
            reload=self.reload,
            version=__version__,
            external_url=self._plan.external_url,
        )
        return Site(ports)

    def _vitals(self, now: float) -> Sequence[Vitals]:
        return [unit.runner.vitals(now) for unit in self._units.values()]

    def _reasons(self) -> Sequence[str]:
        if not self._loaded.is_set():
            return ("the stored state is being loaded",)
        return [reason for unit in self._units.values() for reason in unit.runner.reasons()]


def _unreachable(plan: Plan) -> Iterator[str]:
    """Why sources can't be reached as configured, before anything is changed for them."""
    for source in plan.sources.values():
        try:
            tls_context(source)
        except UnusableTlsError as fault:
            yield str(fault)
