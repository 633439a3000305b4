from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession

from connwatch.core.item import account, item
from tests.core.cast import DAY, NOW, POLICY, Item
from tests.web.scene import UTILITY, grown, listed, opened, ports, served

LIST = "/api/v1/connections"


async def got(reader: ClientSession, path: str, **parameters: str) -> Any:
    """The JSON of an answer that is a success."""
    async with reader.get(path, params=parameters) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.json()


async def test_the_list_holds_the_items_of_the_contract() -> None:
    """Each item is what every other way of asking gives."""
    fleet = grown()
    async with served(ports(fleet)) as reader:
        page = await got(reader, LIST)
    expected = {
        id_: item(book.policy, book.facts, record.state, held)
        for book in fleet.books.values()
        for record in book.records.values()
        for id_, held in record.state.connections.items()
    }
    assert {one["id"]: one for one in page["connections"]} == expected
    assert page["next"] is None


async def test_an_empty_fleet_is_an_empty_list() -> None:
    """Nothing known is no fault."""
    async with served(ports(opened(POLICY))) as reader:
        assert await got(reader, LIST) == {"connections": [], "next": None}


async def test_pages_lead_from_one_to_the_next() -> None:
    """Following the cursor lists everything that a filter wants, once."""
    async with served(ports()) as reader:
        ids, cursor = [], ""
        while cursor is not None:
            page = await got(reader, LIST, limit="2", source="bank", **({"cursor": cursor} if cursor else {}))
            assert 1 <= len(page["connections"]) <= 2
            ids += [one["id"] for one in page["connections"]]
            cursor = page["next"]
            assert len(ids) < 20, "paging comes to no end"
        whole = await got(reader, LIST, source="bank")
    assert ids == [one["id"] for one in whole["connections"]]
    assert len(set(ids)) == 9


async def test_a_cursor_outlives_its_connection() -> None:
    """Paging goes on where it was, though the connection and its whole target have gone."""
    fleet = grown()
    async with served(ports(fleet)) as reader:
        whole = [one["id"] for one in (await got(reader, LIST, source="bank"))["connections"]]
        first = await got(reader, LIST, source="bank", limit="3")
        gone = next(
            name for name, record in fleet.books["bank"].records.items() if whole[2] in record.state.connections
        )
        left = set(whole[3:]) - fleet.books["bank"].records[gone].state.connections.keys()
        fleet.remove("bank", gone)
        rest = await got(reader, LIST, source="bank", cursor=first["next"])
    assert {one["id"] for one in rest["connections"]} == left


async def test_a_bad_query_is_refused_with_its_reason() -> None:
    """400 and a reason that a program can show."""
    async with served(ports()) as reader, reader.get(LIST, params={"compny": "acme"}) as answer:
        assert answer.status == 400
        assert await answer.json() == {"error": "compny: there is no such parameter; did you mean company?"}


async def test_one_connection_comes_with_its_history() -> None:
    """What `explain` prints: the account, and each change, oldest first. An id may hold any character."""
    fleet = opened(UTILITY)
    given = ports(fleet)
    for id_ in ("grid:1/2", "grün:ü?"):
        for days, status in enumerate(("ok", "bad", "ok")):
            at = NOW + days * DAY
            await given.store.commit([listed(fleet, "utility", "company-1", Item(id_, status=status), at=at)])
        record = fleet.books["utility"].records["company-1"]
        history = await given.store.history("utility", id_)
        assert [change.after for change in history] == ["healthy", "action_required", "healthy"]
        async with served(given) as reader:
            answer = await got(reader, f"{LIST}/utility/{quote(id_, safe=':')}")
        assert answer == account(
            UTILITY, fleet.books["utility"].facts, record.state, record.state.connections[id_], history
        )


async def test_an_unknown_connection_is_not_found() -> None:
    """404 with a reason, whether the source or the connection isn't known; nothing of the question comes back."""
    async with served(ports()) as reader:
        for path in ("bank/nobody", "nosuch/fine", "utility/fine"):
            async with reader.get(f"{LIST}/{path}") as answer:
                assert answer.status == 404
                assert await answer.json() == {"error": "there is no such connection"}


async def test_nobody_learns_an_end_user() -> None:
    """Neither a list, nor a cursor, nor an account says whose a connection is."""
    async with served(ports()) as reader:
        for path in (LIST, f"{LIST}?limit=1", f"{LIST}/bank/fine"):
            async with reader.get(path) as answer:
                assert "user-" not in await answer.text()
