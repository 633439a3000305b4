"""Basiq's jobs: what ran for a connection in the last seven days, and why it failed (providers/basiq.md section 4)."""

from __future__ import annotations

from typing import Any

import msgspec

from connwatch.simulator.shapes import private, stamps
from connwatch.simulator.shapes.basiq import HOST
from connwatch.simulator.world.chance import Dice, trait
from connwatch.simulator.world.model import CADENCE, DAY, Connection, Institution, Nature, data_at

MEMORY = 7 * DAY
RETRY = 7200.0
"""Basiq tries again every two hours, for seven days, when the institution failed."""
BANK = ("verify-credentials", "retrieve-accounts", "retrieve-transactions")
BANK_WITH_MFA = ("verify-credentials", "mfa-challenge", "retrieve-accounts", "retrieve-transactions")
STATEMENT = ("verify-credentials", "retrieve-statements")


class Run(msgspec.Struct, frozen=True, gc=False):
    """One job: so many steps succeeded, and the next one is as `then` says; all did if that is `success`."""

    at: float
    done: int
    then: str
    code: str = ""


def visible_code(each: Connection, now: float) -> str:
    """Give the code that the newest job of a connection failed with, empty if it didn't or is too old to be listed."""
    newest = next(iter(runs(each, now)), None)
    return newest.code if newest else ""


def runs(each: Connection, now: float) -> list[Run]:
    """List what ran for a connection and is not older than seven days, newest first."""
    return [run for run in _history(each, now) if now - run.at < MEMORY]


def jobs(each: Connection, place: Institution, now: float) -> list[dict[str, Any]]:
    """Show the jobs of a connection, newest first."""
    return [_job(each, run, _titles(each, place)) for run in runs(each, now)]


def _history(each: Connection, now: float) -> list[Run]:
    state, used = each.state, data_at(each, now)
    if state.nature is Nature.OVER:
        return []
    if state.nature is Nature.STARTING:
        waits = state.status == "pre-init" or now < each.begins
        return [Run(each.created, int(state.status == "init"), "pending" if waits else "in-progress")]
    if state.reason:
        tries = min(now - each.since, MEMORY) // RETRY if state.nature is Nature.SITE else 0
        failed = Run(each.since + tries * RETRY, _failing_step(each), "failed", state.reason)
        return [failed] if used is None or used >= each.since else [failed, Run(used, 9, "success")]
    if used is None:
        return []
    period = CADENCE.get(each.kind)
    before = [used - period] if period and each.flows else []
    return [Run(at, 9, "success") for at in (used, *before) if at >= each.created]


def _failing_step(each: Connection) -> int:
    if each.kind not in CADENCE:
        return 1
    return int(each.state.nature is Nature.SITE and trait(each.grain, "fails late", 2))


def _titles(each: Connection, place: Institution) -> tuple[str, ...]:
    if each.kind not in CADENCE:
        return STATEMENT
    return BANK_WITH_MFA if place.authorization.startswith("user-mfa") and each.kind == "web" else BANK


def _job(each: Connection, run: Run, titles: tuple[str, ...]) -> dict[str, Any]:
    dice = Dice(each.grain, "job", run.at)
    id_, grain = dice.uuid(), dice.word()
    statement = titles == STATEMENT
    created, updated = stamps.seconds(run.at), stamps.seconds(run.at + 21)
    links = {"self": f"{HOST}/jobs/{id_}", "source": f"{HOST}/users/{each.owner}/connections/{each.id}"}
    if run.done > 0 and trait(grain, "no source", 6):
        del links["source"]
    return {
        "type": "job",
        "id": id_,
        **({"createdDate": created, "updatedDate": updated, "sourceId": each.id} if statement else {}),
        **({} if statement else {"created": created, "updated": updated}),
        "jobType": "connection",
        "institution": {
            "type": "institution",
            "id": each.institution,
            "links": {"self": f"{HOST}/institutions/{each.institution}"},
        },
        "steps": [_step(each, run, grain, number, title) for number, title in enumerate(titles)],
        "links": links,
    }


def _step(each: Connection, run: Run, grain: int, number: int, title: str) -> dict[str, Any]:
    if number < run.done:
        link = {"type": "link", "url": f"/users/{each.owner}/connections/{each.id}"}
        return {"title": title, "status": "success", "result": link}
    if number > run.done or run.then == "pending":
        return {"title": title, "status": "pending", "result": None}
    if run.then == "in-progress":
        return {"title": title, "status": "in-progress", "result": None}
    result = {
        "code": run.code,
        "title": run.code.replace("-", " ").capitalize(),
        "details" if trait(grain, "details", 2) else "detail": f"The bank said no to {private.username(grain)}",
    }
    return {"title": title, "status": "failed", "result": [result] if trait(grain, "list", 4) else result}
