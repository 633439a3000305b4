"""What the README says is so: what the code can say, it says itself; names exist; links lead somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest
from aiohttp.web import RouteDef

from connwatch.config.schema import Web
from connwatch.core.condition import ACTORS
from connwatch.core.item import item
from connwatch.core.model import Outcome
from connwatch.core.step import step
from connwatch.metrics import FAMILIES
from connwatch.metrics.lines import typed
from connwatch.web import api, health, page, scrape
from connwatch.web.filters import FILTERS, LIMIT, MOST
from tests.assets.generated import SECTIONS, rewritten, section
from tests.assets.markdown import TOP, Document, spans
from tests.core.cast import NO_FACTS, NOW, POLICY, Item, polled, target
from tests.web.scene import ports

README: Final = Document("README.md")
FIRST_SCREEN: Final = 30
SIMULATOR_PORT: Final = 10760
LABELS: Final = {family.name: {*family.labels, "le"} for family in FAMILIES}
TOLD_BY_HISTOGRAMS: Final = ("_bucket", "_sum", "_count")


@pytest.mark.parametrize("name", SECTIONS)
def test_what_the_code_says_itself_is_up_to_date(name: str) -> None:
    """`python -m tests.assets.generated` was run since the code changed."""
    assert section(README.text, name) == SECTIONS[name]()


def test_writing_the_sections_changes_nothing_else() -> None:
    """The generator can be run at any time: its own sections apart, all stays as it was written."""
    assert rewritten(rewritten(README.text)) == rewritten(README.text)
    broken = README.text.replace("<!-- limits: end -->", "")
    with pytest.raises(ValueError, match="limits"):
        rewritten(broken)


def test_the_two_commands_are_on_the_first_screen() -> None:
    """Who opens the README sees at once how to run it and how to test it."""
    first = "\n".join(README.text.splitlines()[:FIRST_SCREEN])
    assert re.search(r"^make run\b", first, re.MULTILINE)
    assert re.search(r"^make test\b", first, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name: str) -> None:
    """Within the document to a heading, within the repository to a file, else to https."""
    document = Document(name)
    assert document.links()
    for link in document.links():
        path, _, anchor = link.partition("#")
        if link.startswith("https://"):
            continue
        assert not path or (TOP / path).exists(), link
        assert not anchor or anchor in (Document(path) if path else document).anchors(), link


def test_headings_are_told_apart() -> None:
    """A link to a heading leads to the one that is meant."""
    assert len(README.anchors()) == len(README.headings())


def test_metrics_that_are_mentioned_exist() -> None:
    """Whoever copies a name from the README finds it in a scrape; queries use labels that the family has."""
    known = {*LABELS, *(typed(family, "openmetrics")[0] for family in FAMILIES)}
    for name in re.findall(r"\bconnwatch_[a-z_]+", README.text):
        stem = next((name.removesuffix(end) for end in TOLD_BY_HISTOGRAMS if name.removesuffix(end) in known), name)
        assert stem in known
    for query in (*README.blocks("promql"), *README.spans()):
        for name, matchers in re.findall(r"(connwatch_\w+)\{(.*?)\}", query):
            assert set(re.findall(r"(\w+)=", matchers)) <= LABELS[name]
        for labels, name in re.findall(r"by \((.*?)\) \((connwatch_\w+)", query):
            assert set(labels.split(", ")) <= LABELS[name]


def test_every_condition_has_its_actor() -> None:
    """The table in words has all conditions, and says of each the one who acts."""
    told = {condition: cells[-1] for condition, cells in README.table("Conditions and who acts").items()}
    assert told == ACTORS


def test_every_outcome_is_explained() -> None:
    """Whatever a poll can end in is in the table, and nothing else."""
    outcomes = {*get_args(Outcome)} - {"ok"}
    assert README.table("Outcomes").keys() == outcomes
    assert f"a failure with one of {len(outcomes)} names" in README.text


def test_events_to_look_for_are_logged() -> None:
    """An event that the troubleshooting names is one that the code writes."""
    written = "".join(file.read_text(encoding="utf-8") for file in (TOP / "daemon").rglob("*.py"))
    named = [event for events in re.findall(r"\blog ((?:`\w+`(?:, )?)+)", README.prose) for event in spans(events)]
    assert named
    assert [event for event in named if f'"{event}"' not in written] == []


def test_every_path_is_told() -> None:
    """The table of paths has all that the site answers, with the methods."""
    told = {path: set(cells[0].split(", ")) for path, cells in README.table("HTTP").items()}
    answered: dict[str, set[str]] = {}
    for route in _routes():
        answered.setdefault(re.sub(r":[^}]*", "", route.path), set()).add(route.method)
    assert told == answered


def _routes() -> Iterator[RouteDef]:
    given = ports()
    for routes in (page.routes(given), scrape.routes(given), health.routes(given, bool), api.routes(given)):
        yield from (route for route in routes if isinstance(route, RouteDef))


def test_every_parameter_of_the_api_is_told() -> None:
    """Filters and paging, with their limits."""
    told = README.table("API")
    assert told.keys() == {*FILTERS, "limit", "cursor"}
    assert f"1 to {MOST}, {LIMIT} by default" in told["limit"][0]


def test_the_answer_of_the_api_looks_like_that() -> None:
    """The example has the keys that an answer has, in their order, and the right kinds of values."""
    [block] = README.blocks("json")
    [shown] = json.loads(block)["connections"]
    state = step(target(), polled(Item("one", expires_at=NOW + 1, institution="bank")), POLICY, NO_FACTS, NOW).state
    made: dict[str, Any] = item(POLICY, NO_FACTS, state, state.connections["one"])
    assert list(shown) == list(made)
    assert all(value is None or type(value) is type(made[key]) for key, value in shown.items())
    assert shown["actor"] == dict(ACTORS)[shown["condition"]]


def test_ports_are_the_ones_that_are_listened_on() -> None:
    """10750 is the daemon's, 10760 the simulator's, and there is no other."""
    [address] = Web().listen
    assert {int(port) for port in re.findall(r"(?::|port )(\d{4,5})\b", README.text)} == {address.port, SIMULATOR_PORT}


def test_every_room_is_introduced() -> None:
    """A contributor finds each folder of the program in the table."""
    rooms = {file.parent.name for file in (TOP / "daemon" / "connwatch").glob("*/__init__.py")}
    assert {room.partition("]")[0].lstrip("[") for room in README.table("For contributors")} == rooms
