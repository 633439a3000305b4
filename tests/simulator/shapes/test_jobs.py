"""Jobs that tell why a connection of Basiq fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connwatch.simulator.shapes.jobs import jobs, visible_code
from connwatch.simulator.world import vocabulary
from connwatch.simulator.world.founding import found
from connwatch.simulator.world.model import DAY
from tests.simulator.calling import NOW

if TYPE_CHECKING:
    from connwatch.simulator.world.model import Connection
    from connwatch.simulator.world.world import World


@pytest.fixture
def world() -> World:
    """Give the default world."""
    return found(1, 2000, NOW)


def shown(world: World, connection: str) -> list[dict[str, Any]]:
    """Show the jobs of a connection."""
    each = world.connections[connection]
    return jobs(each, world.institutions[each.institution], world.now)


def steps(world: World, connection: str) -> list[str]:
    """List what the steps of the newest job say."""
    return [step["status"] for step in shown(world, connection)[0]["steps"]]


def of_basiq(world: World) -> list[Connection]:
    """List the connections of Basiq."""
    return [each for each in world.connections.values() if each.provider == "basiq"]


def test_every_documented_code_can_be_seen(world: World) -> None:
    """Each code of providers/basiq.md section 4.4 is in a job of the default world."""
    documented = {state.reason for _, state in vocabulary.STATES["basiq"]} - {""}

    assert len(documented) == 37
    assert {visible_code(each, NOW) for each in of_basiq(world)} == {*documented, ""}


def test_nothing_is_older_than_seven_days(world: World) -> None:
    """A failure that is told today is forgotten in a week, unless it happens again."""
    failing = [each for each in of_basiq(world) if visible_code(each, NOW)]
    world.advance(NOW + 20 * DAY)

    assert failing
    assert not any(visible_code(each, world.now) for each in failing)


def test_results_come_in_all_spellings(world: World) -> None:
    """A failure is an object or a list of one, its text `detail` or `details`, its connection linked or not."""
    told = [job for each in of_basiq(world) for job in shown(world, each.id)]
    failures = [step["result"] for job in told for step in job["steps"] if step["status"] == "failed"]
    flat = [failure[0] if isinstance(failure, list) else failure for failure in failures]

    assert {type(failure) for failure in failures} == {dict, list}
    assert any("detail" in failure for failure in flat)
    assert any("details" in failure for failure in flat)
    assert any("source" not in job["links"] for job in told)
    assert any("createdDate" in job for job in told)
    assert any(step["title"] == "mfa-challenge" for job in told for step in job["steps"])


def test_a_job_without_source_still_names_its_connection(world: World) -> None:
    """Where the link to the connection is missing, the first step's result has it."""
    for each in of_basiq(world):
        for job in shown(world, each.id):
            if "source" not in job["links"]:
                assert job["steps"][0]["result"]["url"].endswith(each.id)


def test_steps_after_a_failure_stay_pending(world: World) -> None:
    """What comes after the failed step is never run."""
    for each in of_basiq(world):
        for job in shown(world, each.id):
            told = [step["status"] for step in job["steps"]]
            if "failed" in told:
                assert set(told[told.index("failed") + 1 :]) <= {"pending"}


def test_a_paused_connection_has_only_pending_steps(world: World) -> None:
    """For six minutes nothing runs; then the steps go on."""
    user = world.create_user("basiq")
    world.create(user, "AU00101", "web")
    paused = world.create(user, "AU00101", "web")

    world.advance(NOW + 359)
    assert set(steps(world, paused)) == {"pending"}
    world.advance(NOW + 361)
    assert steps(world, paused)[0] == "in-progress"
    world.advance(NOW + 500)
    assert set(steps(world, paused)) == {"success"}


def test_bank_trouble_is_tried_again(world: World) -> None:
    """A job that fails for the institution's sake comes again every two hours."""
    each = next(each for each in of_basiq(world) if each.state.status == "active" and each.kind == "web" and each.flows)
    world.set_status(each.id, "invalid", "service-unavailable")
    first = shown(world, each.id)[0]
    world.advance(NOW + 7300)
    second = shown(world, each.id)[0]

    assert first["id"] != second["id"]
    assert visible_code(world.connections[each.id], world.now) == "service-unavailable"
