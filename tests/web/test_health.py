from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.web.scene import ports, served


async def test_it_is_healthy_while_the_loop_lives() -> None:
    """Not being ready is no reason to be restarted."""
    async with served(ports(readiness=lambda: ["loading"])) as reader, reader.get("/-/healthy") as answer:
        assert answer.status == 200


async def test_it_is_ready_once_no_reason_is_left() -> None:
    """A probe gets the reasons one a line, and 200 when they are gone."""
    reasons = ["source bank: not discovered yet", "source utility: not polled yet"]
    async with served(ports(readiness=lambda: reasons)) as reader:
        async with reader.get("/-/ready") as answer:
            assert answer.status == 503
            assert (await answer.text()).splitlines() == reasons
        reasons.clear()
        async with reader.get("/-/ready") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reload_says_how_it_went(method: str) -> None:
    """200 when all of it took effect; 400 with the problems one a line when nothing did."""
    problems = ["sources.bank: unknown key", "store: a restart is needed"]

    async def reload() -> Sequence[str]:
        return problems

    async with served(ports(reload=reload)) as reader:
        async with reader.request(method, "/-/reload") as answer:
            assert answer.status == 400
            assert (await answer.text()).splitlines() == problems
        problems.clear()
        async with reader.request(method, "/-/reload") as answer:
            assert answer.status == 200


async def test_looking_does_not_reload() -> None:
    """A crawler or a prefetch changes nothing."""
    calls = []

    async def reload() -> Sequence[str]:
        calls.append(1)
        return ()

    async with served(ports(reload=reload)) as reader:
        for method in ("GET", "HEAD", "DELETE"):
            async with reader.request(method, "/-/reload") as answer:
                assert answer.status == 405
                assert set(answer.headers["Allow"].split(",")) == {"POST", "PUT"}
    assert calls == []


async def test_two_reloads_are_done_one_after_the_other() -> None:
    """Two operators at once don't get a mixture."""
    running, most = 0, 0

    async def reload() -> Sequence[str]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20):
            await given.clock.sleep(0)
        running -= 1
        return ()

    given = ports(reload=reload)
    async with served(given) as reader:
        answers = await asyncio.gather(*(reader.post("/-/reload") for _ in range(3)))
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert most == 1
