from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connwatch.core.fleet import Fleet
from connwatch.core.model import Failure
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.poll import Failed
from connwatch.core.ports import Vitals
from connwatch.core.step import step
from connwatch.web.page import render
from connwatch.web.sections import COMPANIES, SPOTS, Links
from connwatch.web.survey import survey
from connwatch.web.turns import SLICE
from tests.core.cast import INTERVAL, NOW, POLICY, Item, target
from tests.web.scene import FACTS, UTILITY, CountingClock, grown, listed, opened, ports, served
from tests.web.test_markup import as_read

NUMBER = re.compile(r'<a href="(api/v1/connections\?[^"]+)">([0-9\u202f]+)</a>')


def no_vitals(_now: float) -> Sequence[Vitals]:
    """Sources that are being set up."""
    return ()


async def shown(fleet: Fleet | None = None, reasons: Sequence[str] = (), external_url: str = "", **others: Any) -> str:
    """The page of a fleet."""
    return render(await survey(ports(fleet, **others)), reasons, Links(external_url), "1.2.3")


async def words(*arguments: Any, **others: Any) -> str:
    """What is to be read on the page of a fleet."""
    return as_read(re.sub("<style>.*?</style>", "", await shown(*arguments, **others), flags=re.DOTALL)).text


async def counted(reader: ClientSession, link: str) -> int:
    """How many connections the API lists behind a link of the page."""
    query = parse_qsl(urlsplit(unescape(link)).query, keep_blank_values=True)
    async with reader.get("/api/v1/connections", params=[*query, ("limit", "1000")]) as answer:
        assert answer.status == 200, await answer.text()
        return len((await answer.json())["connections"])


async def test_each_number_leads_to_exactly_what_it_counts() -> None:
    """Who follows a number finds as many connections: the page and the API never disagree."""
    fleet = grown()
    for number in range(2 * SPOTS):
        listed(fleet, "bank", f"more-{number}", Item(f"more-{number}", status="bad"), company=f"Company & {number}")
    async with served(ports(fleet)) as reader:
        async with reader.get("/") as answer:
            links = NUMBER.findall(await answer.text())
        assert len(links) > 30
        for link, number in links:
            assert (link, await counted(reader, link)) == (link, int(number))


async def test_everything_that_is_the_matter_is_shown() -> None:
    """Each need has its card, with who has to act, where, and how often."""
    page = await shown()
    for title, total, actor in (
        ("Has to sign in again", 2, "end user"),
        ("Has to consent again", 1, "end user"),
        ("Consent ends soon", 2, "end user"),
        ("Institution in trouble", 1, "institution"),
        ("Under investigation", 1, "aggregator"),
        ("Healthy, but without new data", 1, "us"),
        ("Not understood", 1, "us"),
    ):
        assert re.search(rf'<h3>{title} <small>{total}</small></h3><span class="mark \w+">{actor}</span>', page), title
    assert not re.search(r"and -?\d+ more", page)


async def test_each_source_says_how_it_is() -> None:
    """Up, down or not asked; coverage, lag, quota, and targets by state: and what isn't known is no number."""
    fleet = opened(POLICY, UTILITY, replace(POLICY, source="down"))
    listed(fleet, "bank", "user-1", Item("a"))
    fleet.apply("bank", step(target("user-2"), Failed(Failure("timeout"), NOW), POLICY, FACTS, NOW))
    fleet.due(NOW)

    def vitals(_now: float) -> Sequence[Vitals]:
        return (
            Vitals("bank", "basiq", True, 5430.0, 120.0, 0.5, INTERVAL, NOW),
            Vitals("down", "basiq", False, 0.0, 120.0, 1.0, INTERVAL, NOW),
            Vitals("utility", "nectar", None, None, 300.0, 1.0, INTERVAL, None),
        )

    bank, down, utility = (
        (await words(fleet, vitals=vitals)).split("What needs")[0].split("Sources")[1].split("Targets")[1:]
    )
    assert "1 polled in time, 1 not polled yet" in bank
    assert "50%" in bank
    assert "1h30m late" in bank
    assert "throttled to 50%" in bank
    assert "none: nobody was discovered" in down
    assert "none is late" in down
    assert "not discovered yet" in utility
    assert "Coverage" not in utility
    assert "Most overdue" not in utility
    page = await words(fleet, vitals=vitals)
    assert [page.count(word) for word in ("answers", "does not answer", "not asked yet")] == [1, 1, 1]


async def test_a_complete_sweep_says_when() -> None:
    """How old the picture can be is said in words."""
    fleet = opened(POLICY)
    listed(fleet, "bank", "user-1", Item("a"), at=NOW - 600)
    fleet.due(NOW)
    assert "Last complete sweep10m ago" in await words(fleet)


async def test_nothing_known_is_not_nothing() -> None:
    """Before the first complete poll the page says so, and shows no zero."""
    page = await words(opened(POLICY, facts=Facts()), vitals=no_vitals)
    assert page.count("Nothing is known yet") == 2
    assert "No provider has said anything" in page
    assert "not discovered yet" in page
    assert not re.search(r"\b0\b", page)
    assert "No source is at work yet" in await words(opened())


async def test_nothing_the_matter_is_said() -> None:
    """A fleet in which all is well has no empty tables."""
    fleet = opened(POLICY, facts=Facts(complete_at=NOW))
    listed(fleet, "bank", "user-1", Item("a"))
    page = await words(fleet)
    assert "Nobody has to do anything." in page
    assert "No institution with a connection of ours is reported" in page


async def test_a_company_without_connections_is_a_truth() -> None:
    """Polled completely and empty is zero, and said as such."""
    fleet = opened(POLICY)
    listed(fleet, "bank", "user-1", company="Empty Ltd")
    assert "connectionsEmpty Ltdbank0" in await words(fleet)


async def test_what_institutions_report_is_shown_where_it_matters() -> None:
    """A provider's word on an institution is passed on, under its name, if a connection of ours is there."""
    page = await words()
    assert "Bank A plcbankwebsync: TEMPORARILY_UNAVAILABLE7" in page
    assert "elsewhere" not in page


async def test_long_lists_are_cut_and_say_so() -> None:
    """A large fleet makes no large page: those with most to do come first."""
    fleet = opened(POLICY)
    for number in range(COMPANIES + 5):
        listed(fleet, "bank", f"user-{number}", Item(f"c-{number}"), company=f"company-{number:03}")
    listed(fleet, "bank", "worst", Item("w", status="bad"), company="zzz")
    page = (await words(fleet)).split("Connections by company")[1]
    assert page.index("zzz") < page.index("company-000")
    assert "company-104" not in page
    assert "and 6 more companies with less to do" in page


async def test_links_lead_below_the_external_url() -> None:
    """Behind a proxy the links are those of the outside; without one they are relative."""
    plain, proxied = await shown(), await shown(external_url="https://watch.example/conn")
    assert 'href="metrics"' in plain
    assert 'href="https://watch.example/conn/metrics"' in proxied
    hrefs = [attributes["href"] for _, attributes in as_read(proxied).tags if "href" in attributes]
    assert all(str(href).startswith("https://watch.example/conn/") for href in hrefs)


async def test_the_reasons_of_not_being_ready_are_shown() -> None:
    """Who looks at the page right after the start sees what is being waited for."""
    given_ = ports(readiness=lambda: ["source bank: <not> discovered yet"])
    async with served(given_) as reader, reader.get("/") as answer:
        assert "Not ready yet: source bank: &lt;not&gt; discovered yet" in await answer.text()


async def test_nothing_is_loaded_and_nothing_is_run() -> None:
    """The page works alone: the policy allows its own style and nothing else, and the style allowed is the one that stands there."""
    async with served(ports()) as reader, reader.get("/") as answer:
        assert answer.content_type == "text/html"
        allowed = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        page = await answer.text()
    assert allowed["default-src"] == "'none'"
    style = re.findall("<style>(.*?)</style>", page, flags=re.DOTALL)
    assert [allowed["style-src"]] == [f"'sha256-{_digest(one)}'" for one in style]
    tags: Sequence[tuple[str, Mapping[str, str | None]]] = as_read(page).tags
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "link", "form", "object"}
    assert not [
        name for _, attributes in tags for name in attributes if name.startswith("on") or name in {"src", "style"}
    ]


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


NASTY = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        ["<script>alert(1)</script>", "\"><img src=x onerror='x'>", "</style><b>", "&lt;", "a&b=c#d?e", "{%s}"]
    ),
)


@settings(deadline=None, max_examples=25)
@given(NASTY, NASTY)
async def test_no_name_gets_out_of_its_place(company: str, institution: str) -> None:
    """Companies and institutions may be called anything: the page has the same elements as with plain names."""

    async def tags(company: str, institution: str) -> list[str]:
        status = InstitutionStatus(institution, institution, "sync", institution)
        fleet = opened(POLICY, facts=Facts(names={institution: institution}, statuses=(status,), complete_at=NOW))
        listed(fleet, "bank", "u", Item("a", status="bad", institution=institution), company=company)
        page = await shown(fleet, vitals=no_vitals)
        assert page.isprintable() or not (company + institution).isprintable() or "\n" in page
        return [tag for tag, _ in as_read(page).tags]

    assert await tags(company, institution) == await tags("plain", "simple")


async def test_nobody_learns_an_end_user_from_the_page() -> None:
    """Numbers by company and institution, and never whose."""
    assert "user-" not in await shown()


async def test_many_readers_cost_one_look_at_a_time() -> None:
    """However many people open the page, the fleet is walked by one of them at a time."""
    walking, most = 0, 0

    class Watched(CountingClock):
        async def sleep(self, seconds: float) -> None:
            nonlocal walking, most
            walking += 1
            most = max(most, walking)
            await super().sleep(seconds)
            walking -= 1

    fleet, clock = opened(POLICY), Watched()
    listed(fleet, "bank", "user-1", *(Item(f"c-{number}") for number in range(2 * SLICE)))
    async with served(ports(fleet, clock=clock)) as reader:
        answers = await asyncio.gather(*(reader.get("/") for _ in range(4)))
    assert [answer.status for answer in answers] == [200] * 4
    assert (clock.turns, most) == (8, 1)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_page_is_only_read(method: str) -> None:
    """Nothing can be sent to the page."""
    async with served(ports()) as reader, reader.request(method, "/") as answer:
        assert answer.status == 405
