"""Nectar's rules of access and paging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connwatch.simulator import Effect, Fault, Simulator

if TYPE_CHECKING:
    from tests.simulator.calling import Caller, MovedClock

LARGE, EMPTY = "Lakeside Foods", "Brand New Tenant"


@pytest.fixture
def simulator(clock: MovedClock) -> Simulator:
    """Give the default world, in which one company is larger than any page."""
    return Simulator(pace=0, now=clock, sleep=clock.sleep)


async def company(caller: Caller, name: str) -> str:
    """Find the id of a company."""
    _, companies = await caller.nectar("/company")
    return next(str(each["id"]) for each in companies if each["name"] == name)


async def page(caller: Caller, name: str, query: str) -> dict[str, Any]:
    """Read a page of a company's connections."""
    status, body = await caller.nectar(f"/connection/company/{await company(caller, name)}?{query}")
    assert status == 200
    return dict(body)


async def test_the_key_is_checked(caller: Caller) -> None:
    """Without the key, or with another one, the answer is 401 with a detail."""
    for headers in (None, {"X-API-Key": "something else"}):
        status, body = await caller.get("/nectar/v2.2/ping", headers)
        assert (status, list(body)) == (401, ["detail"])

    assert (await caller.nectar("/ping"))[0] == 200


async def test_a_rotated_key_replaces_the_old_one(caller: Caller) -> None:
    """The old key stops to work at once."""
    old = caller.simulator.nectar_key
    caller.simulator.rotate_key("nectar")

    assert (await caller.get("/nectar/v2.2/ping", {"X-API-Key": old}))[0] == 401
    assert (await caller.nectar("/ping"))[0] == 200


async def test_companies_are_a_bare_array_with_twins(caller: Caller) -> None:
    """The list has no envelope; its entries have addresses and e-mail addresses; two share a name."""
    _, companies = await caller.nectar("/company")

    assert isinstance(companies, list)
    assert len({each["name"] for each in companies}) == len(companies) - 1
    assert {"id", "name", "externalId", "sites", "users", "isDemandEnabled"} <= set(companies[0])


async def test_pages_add_up(caller: Caller) -> None:
    """Following hasNext reads each connection once, and as many as totalConnections says."""
    seen: list[str] = []
    number, more = 1, True
    while more:
        body = await page(caller, LARGE, f"limit=100&page={number}")
        seen += [each["id"] for each in body["connections"]]
        assert (body["currentPage"], body["perPage"], body["hasPrevious"]) == (number, 100, number > 1)
        number, more = number + 1, body["hasNext"]

    assert len(seen) == len(set(seen)) == body["totalConnections"]
    assert number - 1 == body["totalPages"] > 5


async def test_the_default_page_has_a_hundred(caller: Caller) -> None:
    """Without a limit, a page has a hundred rows."""
    assert len((await page(caller, LARGE, ""))["connections"]) == 100


async def test_beyond_the_end_comes_the_last_page(caller: Caller) -> None:
    """A page number that is too large is no error."""
    last, beyond = await page(caller, LARGE, "limit=500&page=2"), await page(caller, LARGE, "limit=500&page=99")

    assert beyond == last
    assert beyond["currentPage"] == 2


async def test_a_company_without_connections_has_one_empty_page(caller: Caller) -> None:
    """Nothing is said as an empty page, not as an error."""
    body = await page(caller, EMPTY, "limit=500")

    assert (body["totalConnections"], body["totalPages"], body["connections"]) == (0, 1, [])


@pytest.mark.parametrize("query", ["limit=501", "limit=0", "limit=many", "page=0", "status=MISSPELT"])
async def test_bad_parameters_are_refused(caller: Caller, query: str) -> None:
    """What the reference does not allow is a 400."""
    status, _ = await caller.nectar(f"/connection/company/{await company(caller, LARGE)}?{query}")

    assert status == 400


async def test_the_status_filter_filters(caller: Caller) -> None:
    """Only connections of that status are listed and counted."""
    body = await page(caller, LARGE, "limit=500&status=PENDING")

    assert {each["status"] for each in body["connections"]} == {"PENDING"}
    assert body["totalConnections"] == len(body["connections"])


async def test_unknown_companies_and_connections_are_not_found(caller: Caller) -> None:
    """An id that isn't there is a 404."""
    assert (await caller.nectar("/connection/company/nobody"))[0] == 404
    assert (await caller.nectar("/connection/nothing/details"))[0] == 404


async def test_details_are_the_item_of_the_list(caller: Caller) -> None:
    """One connection looks the same in both places."""
    item = (await page(caller, LARGE, "limit=1"))["connections"][0]

    assert (await caller.nectar(f"/connection/{item['id']}/details"))[1] == item


async def test_making_a_magic_link_is_an_offence(caller: Caller) -> None:
    """The GET without /details answers as the provider does, and is written down, under faults too."""
    item = (await page(caller, LARGE, "limit=1"))["connections"][0]
    status, body = await caller.nectar(f"/connection/{item['id']}")
    assert (status, "magicLinkUrl" in body) == (200, True)
    caller.simulator.faults.use("nectar", "down")
    await caller.nectar(f"/connection/company/{item['company']['id']}/link")

    assert [each.why for each in caller.simulator.violations] == ["this GET makes a magic link"] * 2


async def test_pages_may_be_capped_whatever_was_asked_for(caller: Caller) -> None:
    """Under the strict profile perPage is 100 with limit=500."""
    caller.simulator.faults.use("nectar", "strict")
    body = await page(caller, LARGE, "limit=500")

    assert (body["perPage"], len(body["connections"])) == (100, 100)


async def test_a_loop_never_gets_on(caller: Caller) -> None:
    """Asked for the second page, it answers with the first and promises more."""
    caller.simulator.faults.use("nectar", [Fault(Effect.LOOPING)])
    body = await page(caller, LARGE, "limit=500&page=2")

    assert (body["currentPage"], body["hasNext"]) == (1, True)


async def test_pages_may_shift(caller: Caller) -> None:
    """Rows of the page before come again, or the order is another one."""
    wanted = [each["id"] for each in (await page(caller, LARGE, "limit=100&page=2"))["connections"]]
    caller.simulator.faults.use("nectar", [Fault(Effect.REPEATED)])
    repeated = [each["id"] for each in (await page(caller, LARGE, "limit=100&page=2"))["connections"]]
    caller.simulator.faults.use("nectar", [Fault(Effect.ROTATED)])
    rotated = [each["id"] for each in (await page(caller, LARGE, "limit=100&page=2"))["connections"]]

    assert repeated[5:] == wanted[:-5]
    assert rotated != wanted
    assert len(rotated) == 100


async def test_a_listing_may_come_back_empty(caller: Caller) -> None:
    """An empty page with 200 is not distinguishable from a company without connections."""
    caller.simulator.faults.use("nectar", [Fault(Effect.EMPTY)])
    caller_id = next(iter(caller.simulator.world.owners["nectar"]))
    _, body = await caller.nectar(f"/connection/company/{caller_id}")

    assert (body["totalConnections"], body["connections"], body["hasNext"]) == (0, [], False)
