from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import ClientConnectionError, ClientSession

from connwatch.web import AddressInUse, Site
from tests.fakes import until
from tests.web.scene import ports, served

LOOPBACK = ("127.0.0.1", 0)


async def test_every_address_is_served() -> None:
    """All addresses of the configuration answer, and it is told where the system chose a port."""
    site = Site(ports())
    addresses = await site.start([LOOPBACK, LOOPBACK])
    async with ClientSession() as reader:
        for host, port in addresses:
            async with reader.get(f"http://{host}:{port}/-/healthy") as answer:
                assert answer.status == 200
    await site.stop()
    assert len({port for _, port in addresses}) == 2


async def test_an_address_in_use_is_named_with_what_to_do() -> None:
    """An operator reads which address is taken and what to change, and the other addresses are let go."""
    first, second = Site(ports()), Site(ports())
    [taken] = await first.start([LOOPBACK])
    with pytest.raises(AddressInUse, match=rf"127\.0\.0\.1:{taken[1]} is in use .*web\.listen"):
        await second.start([LOOPBACK, taken])
    await first.stop()
    [again] = await second.start([taken])
    await second.stop()
    assert again == taken


async def test_an_address_that_is_not_ours_is_named_too() -> None:
    """Whatever keeps an address from being listened on is an error that names it."""
    with pytest.raises(AddressInUse, match=r"^192\.0\.2\.1:9 can't be listened on: .*web\.listen"):
        await Site(ports()).start([("192.0.2.1", 9)])


async def test_a_draining_site_goes_on_serving() -> None:
    """Ready turns 503 while the last scrapes and probes are answered."""
    site = Site(ports())
    [(host, port)] = await site.start([LOOPBACK])
    async with ClientSession(f"http://{host}:{port}") as reader:
        async with reader.get("/-/ready") as before:
            assert before.status == 200
        site.drain()
        async with reader.get("/-/ready") as ready, reader.get("/metrics") as scrape:
            assert (ready.status, scrape.status) == (503, 200)
            assert await ready.text() == "connwatch is stopping\n"
    await site.stop()


async def test_a_running_answer_is_finished_before_the_site_closes() -> None:
    """Who asked before the end gets the whole answer; idle connections don't hold the end up."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def slow() -> list[str]:
        asked.set()
        await released.wait()
        return []

    site = Site(ports(reload=slow))
    [(host, port)] = await site.start([LOOPBACK])
    async with ClientSession(f"http://{host}:{port}") as reader, asyncio.TaskGroup() as group:
        async with reader.get("/-/healthy") as idle:
            await idle.read()
        running = group.create_task(reader.post("/-/reload"))
        await asked.wait()
        stopping = group.create_task(site.stop())
        await until(lambda: not _accepts(site))
        assert not stopping.done()
        released.set()
        assert (await running).status == 200


async def test_an_answer_that_does_not_end_is_cut_off() -> None:
    """The end comes in bounded time, whoever is still being answered."""
    asked = asyncio.Event()

    async def endless() -> list[str]:
        asked.set()
        await asyncio.Event().wait()
        return []

    site = Site(ports(reload=endless), grace=0.05)
    [(host, port)] = await site.start([LOOPBACK])
    async with ClientSession(f"http://{host}:{port}") as reader, asyncio.TaskGroup() as group:
        running = group.create_task(_refused(reader))
        await asked.wait()
        await asyncio.wait_for(site.stop(), 1.5)
        assert await running


async def _refused(reader: ClientSession) -> bool:
    try:
        async with reader.post("/-/reload"):
            return False
    except ClientConnectionError:
        return True


def _accepts(site: Site) -> bool:
    return bool(site._runner.addresses)  # noqa: SLF001 - nobody else has to know


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/metrics", 200),
        ("GET", "/-/healthy", 200),
        ("GET", "/api/v1/connections", 200),
        ("GET", "/api/v1/connections?limit=0", 400),
        ("GET", "/api/v1/connections/bank/nobody", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/api/v1/connections", 405),
    ],
)
async def test_every_answer_is_signed(method: str, path: str, status: int) -> None:
    """No browser guesses what an answer is, nobody keeps it, and nobody learns what serves it: refusals and streams included."""
    async with served(ports()) as reader, reader.request(method, path) as answer:
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] == "connwatch"


async def test_no_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Ids stand in paths: there is no access log."""
    caplog.set_level(logging.INFO)
    async with served(ports()) as reader, reader.get("/api/v1/connections/bank/fine") as answer:
        assert answer.status == 200
    assert caplog.records == []
