"""The whole body: complete, right in both formats, kept ready, and below its ceiling."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from prometheus_client.samples import Sample

from connwatch.core.fleet import Fleet
from connwatch.core.model import Step, Target
from connwatch.core.policy import Facts, InstitutionStatus
from connwatch.core.tally import Tally
from connwatch.metrics import FAMILIES, Exposition
from connwatch.metrics.connections import Mode
from connwatch.metrics.singles import FAMILIES_OF_ONE
from tests.core.cast import DAY, HOUR, INTERVAL, NO_FACTS, NOW, POLICY, Item
from tests.metrics.scene import LATER, OPENMETRICS, TEXT, exposed, listed, pass_until, recorder, text, two_sources

GOLDEN = Path(__file__).parent / "golden"
GOLDENS: Mapping[str, tuple[Mode, str]] = {
    "fleet.prom": ("none", TEXT),
    "fleet.openmetrics.prom": ("none", OPENMETRICS),
    "unhealthy.prom": ("unhealthy", TEXT),
    "all.openmetrics.prom": ("all", OPENMETRICS),
}


targets = st.sampled_from(["u", "v", "w"])
held = st.tuples(
    st.sampled_from("abcde"), st.sampled_from(["ok", "bad", "wait", "odd"]), st.sampled_from([None, NOW, NOW - DAY])
)
happenings = st.one_of(
    st.tuples(st.just("listed"), targets, st.frozensets(held, max_size=6)),
    st.tuples(st.just("gone"), targets),
    st.tuples(st.just("passed"), st.sampled_from([0.5 * HOUR, DAY])),
    st.tuples(st.just("turn"), st.booleans()),
    st.just(("scrape",)),
)


def ours(body: str) -> list[str]:
    """The lines about our own families, in any order, without the version of the Python that runs the test."""
    lines = [re.sub(r'python="[^"]*"', 'python="3"', line) for line in body.splitlines()]
    return sorted(line for line in lines if re.match(r"(# (HELP|TYPE) )?connwatch_", line))


def samples(body: str) -> Sequence[Sample]:
    """All samples, by a strict parser."""
    return [sample for family in read_text(body) for sample in family.samples]


def value(body: str, name: str, **labels: str) -> float | None:
    """The one sample that has these labels; None if there is none."""
    found = [one.value for one in samples(body) if one.name == name and labels.items() <= one.labels.items()]
    assert len(found) <= 1
    return found[0] if found else None


def told(exposition: Exposition, now: float) -> list[str]:
    """All lines but those that a new exposition can't know: what fades."""
    lines = text(exposition, now).splitlines()
    return sorted(
        line for line in lines if not (line.startswith("connwatch_connection_status{") and line.endswith(" 0.0"))
    )


def turns(exposition: Exposition, now: float, *, gzip: bool = False) -> int:
    """How many turns it takes until nothing is left."""
    taken = 1
    while exposition.refresh(now, gzip=gzip):
        taken += 1
    return taken


class TestGolden:
    """What an operator sees."""

    @pytest.mark.parametrize("name", GOLDENS)
    def test_the_body_is_the_golden_one(self, name: str) -> None:
        """A small fleet is told as the file says, line for line. GOLDEN=write writes the file anew."""
        mode, accept = GOLDENS[name]
        body = ours(text(exposed(two_sources(), mode, process=recorder().registry), accept=accept))
        path = GOLDEN / name
        if os.environ.get("GOLDEN") == "write":
            path.write_text("\n".join(body) + "\n", encoding="utf-8")
        assert body == path.read_text(encoding="utf-8").splitlines()

    def test_each_family_is_in_a_golden_file(self) -> None:
        """No family is declared that nobody has ever seen."""
        seen = "".join(
            (GOLDEN / name).read_text(encoding="utf-8") for name in GOLDENS if not name.startswith("all.open")
        )
        seen += (GOLDEN / "all.openmetrics.prom").read_text(encoding="utf-8")
        missing = [one.name for one in FAMILIES if not re.search(rf"^{one.name}(_bucket)?[ {{]", seen, re.MULTILINE)]
        assert missing == []


class TestFormats:
    """Negotiated by prometheus-client's rules, readable by its strict parsers."""

    @pytest.mark.parametrize("mode", ["none", "unhealthy", "all"])
    def test_both_formats_can_be_read_strictly(self, mode: Mode) -> None:
        """Each family is one contiguous group, in either format, with process metrics behind and one end."""
        exposition = exposed(two_sources(), mode, process=recorder().registry)
        body = text(exposition, accept=OPENMETRICS)
        names = [family.name for family in read_openmetrics(body)]  # type: ignore[no-untyped-call]
        assert len(set(names)) == len(names)
        assert body.count("# EOF") == 1
        plain = text(exposition)
        headings = re.findall(r"^# TYPE (\S+)", plain, re.MULTILINE)
        assert len(set(headings)) == len(headings)
        assert "# EOF" not in plain
        assert {"python_info", "process_cpu_seconds_total"} <= set(headings)
        assert all(sample.labels.get("company", "x") for sample in samples(plain))

    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("", "text/plain; version=0.0.4; charset=utf-8"),
            ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
            ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
            (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        ],
    )
    def test_the_content_type_is_named(self, accept: str, content_type: str) -> None:
        """Prometheus 3 fails a scrape without it."""
        assert exposed(Fleet()).body(accept, NOW, gzip=False)[0] == content_type

    @pytest.mark.parametrize("accept", [TEXT, OPENMETRICS])
    def test_compressed_it_is_the_same(self, accept: str) -> None:
        """Gzip members one after the other are the body."""
        exposition = exposed(two_sources(), "all")
        _, packed = exposition.body(accept, LATER, gzip=True)
        assert gzip.decompress(b"".join(packed)).decode() == text(exposition, accept=accept)


class TestTurns:
    """Writing goes on in short turns, and nobody who scrapes sees that."""

    @pytest.fixture
    def fleet(self) -> Fleet:
        """One target with very many connections, and many with few."""
        fleet = Fleet()
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        listed(fleet, "bank", "u", *(Item(f"c{number}") for number in range(500)))
        for number in range(300):
            listed(fleet, "bank", f"u{number}", Item("a"), Item("b"), company=f"company-{number}")
        return fleet

    def test_a_turn_is_short(self, fleet: Fleet) -> None:
        """However much there is to write, to compress, or to let go of: none of it is done in one go."""
        exposition = exposed(fleet, "all", turn=200)
        assert turns(exposition, NOW) > 100
        assert turns(exposition, NOW) == 1
        assert turns(exposition, NOW, gzip=True) > 20
        fleet.remove("bank", "u")
        assert turns(exposition, NOW) > 20
        assert told(exposition, NOW) == told(exposed(fleet, "all"), NOW)

    @pytest.mark.parametrize("mode", ["unhealthy", "all"])
    @pytest.mark.parametrize("finished", [0, 1, 7, 60])
    def test_a_scrape_in_the_midst_of_it_is_complete(self, fleet: Fleet, mode: Mode, finished: int) -> None:
        """After any number of turns, with changes between them, a body is what a new exposition says."""
        exposition = exposed(fleet, mode, turn=200)
        for number in range(finished):
            exposition.refresh(NOW)
            listed(fleet, "bank", f"u{number}", Item("a"), at=NOW, company=f"company-{number}")
            listed(fleet, "bank", "u", *(Item(f"c{one}") for one in range(number, 500)), at=NOW + number)
        assert told(exposition, NOW) == told(exposed(fleet, mode), NOW)

    def test_a_change_in_a_large_target_leaves_the_rest_as_it_is(self, fleet: Fleet) -> None:
        """Pieces in which nothing changed are the same objects as before."""
        exposition = exposed(fleet, "all")
        before = exposition.body(TEXT, NOW, gzip=False)[1]
        items = [Item(f"c{number}", status="bad" if number == 250 else "ok") for number in range(500)]
        listed(fleet, "bank", "u", *items, at=NOW)
        known = {id(piece) for piece in before}
        fresh = [piece for piece in exposition.body(TEXT, NOW, gzip=False)[1] if id(piece) not in known]
        assert sum(b',connection="' in piece for piece in fresh) <= len(FAMILIES_OF_ONE)

    def test_a_source_that_begins_anew_is_told_anew(self, fleet: Fleet) -> None:
        """Closed and opened again between two scrapes: what was admitted as a word then is admitted now, or not."""
        for number in range(30):
            listed(fleet, "bank", f"u{number}", Item("a", status=f"odd{number}"), company="acme")
        exposition = exposed(fleet, "all")
        turns(exposition, NOW)
        states = [record.state for record in fleet.books["bank"].records.values()]
        fleet.close("bank")
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        for state in reversed(states):
            fleet.apply("bank", Step(state))
        assert told(exposition, NOW) == told(exposed(fleet, "all"), NOW)

    def test_a_company_that_is_renamed_takes_its_connections_along(self, fleet: Fleet) -> None:
        """Nothing moved in its connections, and yet each is told by the new name."""
        exposition = exposed(fleet, "all")
        turns(exposition, NOW)
        state = fleet.books["bank"].records["u7"].state
        fleet.apply("bank", Step(replace(state, target=Target("u7", "renamed"))))
        assert told(exposition, NOW) == told(exposed(fleet, "all"), NOW)
        assert value(text(exposition, NOW), "connwatch_connection_status", company="renamed", connection="a") == 1.0


class TestFollowing:
    """What changes in the fleet changes in the body, at the next scrape."""

    def test_a_living_exposition_says_what_a_new_one_says(self) -> None:
        """After anything that happened, nothing stale is left over and nothing is missing."""
        fleet = two_sources()
        lived = exposed(fleet, "all")
        lived.refresh(LATER)
        for hours in range(1, 90, 8):
            at = LATER + hours * HOUR
            pass_until(fleet, at)
            listed(fleet, "bank", "user-2", Item("e", data_at=at), Item(f"g{hours}", expires_at=at + HOUR), at=at)
            lived.refresh(at)
        pass_until(fleet, LATER + 200 * DAY)
        lived.refresh(LATER + 200 * DAY)
        last = LATER + 201 * DAY
        assert sorted(text(lived, last).splitlines()) == sorted(text(exposed(fleet, "all"), last).splitlines())
        fleet.close("utility")
        fleet.remove("bank", "user-2")
        assert sorted(text(lived, last).splitlines()) == sorted(text(exposed(fleet, "all"), last).splitlines())
        fleet.close("bank")
        assert {one.name for one in samples(text(lived, last)) if "company" in one.labels} == set()

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(["none", "unhealthy", "all"]), st.lists(happenings, max_size=25))
    def test_whatever_happens_between_turns(self, mode: Mode, happened: Sequence[tuple[object, ...]]) -> None:
        """Listings, removals, time and turns in any order: a body is always what a new exposition says, plain and compressed."""
        fleet, now = Fleet(), NOW
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        exposition = exposed(fleet, mode, turn=20)
        for one in happened:
            now += 60
            match one:
                case ("listed", str() as who, frozenset() as held):
                    items = [Item(f"{who}-{name}", status, data_at=at) for name, status, at in sorted(held, key=str)]
                    listed(fleet, "bank", who, *items, at=now, company=f"of {who}")
                case ("gone", str() as who) if who in fleet.books["bank"].records:
                    fleet.remove("bank", who)
                case ("passed", float() as seconds):
                    now += seconds
                    pass_until(fleet, now)
                case ("turn", bool() as compressed):
                    exposition.refresh(now, gzip=compressed)
                case _:
                    assert told(exposition, now) == told(exposed(fleet, mode), now)
        assert told(exposition, now) == told(exposed(fleet, mode), now)
        _, packed = exposition.body(TEXT, now, gzip=True)
        assert gzip.decompress(b"".join(packed)).decode() == text(exposition, now)

    def test_refresh_takes_the_dirty_sets_away(self) -> None:
        """What was rendered is not rendered again."""
        fleet = two_sources()
        exposition = exposed(fleet)
        exposition.refresh(LATER)
        assert fleet.groups.dirty == {}
        assert fleet.touched == set()

    def test_sums_move_with_time(self) -> None:
        """Nothing has happened, and yet ages grow, rests shrink, and neither is ever negative."""
        exposition = exposed(two_sources())
        age, rest = "connwatch_connection_data_age_seconds_gsum", "connwatch_consent_remaining_seconds_gsum"
        before, after = text(exposition, LATER), text(exposition, LATER + 10)
        assert value(after, age, source="bank") == (value(before, age, source="bank") or 0) + 4 * 10
        assert value(after, rest, renewal="reauth") == (value(before, rest, renewal="reauth") or 0) - 10
        assert value(text(exposition, LATER + 300 * DAY), rest, renewal="reauth") == 0
        assert value(text(exposition, NOW - 300 * DAY), age, source="bank") == 0

    def test_what_was_learned_is_told(self) -> None:
        """A provider names an institution and says how it is: nothing else has happened."""
        fleet = two_sources()
        exposition = exposed(fleet)
        before = text(exposition)
        status = InstitutionStatus("bank-b", "web", "auth", "UNAVAILABLE")
        fleet.books["bank"].facts = Facts(names={"bank-b": "B plc"}, statuses=(status,))
        after = text(exposition)
        assert 'name="B plc"' not in before
        assert (
            'connwatch_institution_info{source="bank",provider="basiq",institution="bank-b",name="B plc"} 1.0' in after
        )
        assert value(after, "connwatch_institution_status", institution="bank-b", status="UNAVAILABLE") == 1

    def test_institutions_can_be_left_out(self) -> None:
        """`metrics.institutions: false`: no family about institutions."""
        body = text(exposed(two_sources(), "all", institutions=False))
        assert "connwatch_institution_" not in body
        assert "connwatch_connection_status{" in body


class TestCeiling:
    """Never more series about connections than the configuration allows (decisions.md 21)."""

    @pytest.fixture
    def fleet(self) -> Fleet:
        """One company, fifty institutions, two hundred connections."""
        fleet = Fleet()
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        items = [Item(f"c{number}", institution=f"bank-{number % 50}") for number in range(200)]
        listed(fleet, "bank", "u", *items)
        return fleet

    def counted(self, body: str) -> int:
        """Series about connections."""
        fleet_wide = {one.name for one in FAMILIES if one.scope == "fleet"}
        return sum(re.sub(r"_(bucket|count|sum|gcount|gsum)$", "", one.name) in fleet_wide for one in samples(body))

    def test_connections_are_dropped_first(self, fleet: Fleet) -> None:
        """All of them, counted, and institutions stay."""
        body = text(exposed(fleet, "all", max_series=500), NOW)
        assert "connwatch_connection_status{" not in body
        assert value(body, "connwatch_series_folded", family="connwatch_connection_status") == 200
        assert value(body, "connwatch_series_folded", family="connwatch_institution_connections") == 0
        assert self.counted(body) <= 500

    def test_then_institutions_become_other(self, fleet: Fleet) -> None:
        """Enough of them, with their sums."""
        ceiling = self.counted(text(exposed(fleet), NOW)) - 20
        body = text(exposed(fleet, max_series=ceiling), NOW)
        assert self.counted(body) <= ceiling
        rows = [one for one in samples(body) if one.name == "connwatch_institution_connections"]
        assert sum(row.value for row in rows) == 200
        assert 1 < len(rows) < 50
        assert sum(row.labels["institution"] == "other" for row in rows) == 1
        hidden = value(body, "connwatch_series_folded", family="connwatch_institution_connections")
        assert hidden == 51 - len(rows)
        assert value(body, "connwatch_connections_judged", company="acme") == 200

    def test_what_fits_is_not_folded(self, fleet: Fleet) -> None:
        """The ceiling itself is allowed."""
        size = self.counted(text(exposed(fleet, "all"), NOW))
        assert self.counted(text(exposed(fleet, "all", max_series=size), NOW)) == size
        assert self.counted(text(exposed(fleet, "all", max_series=size - 1), NOW)) < size

    @pytest.mark.parametrize("mode", ["none", "all"])
    def test_a_ceiling_that_nothing_fits_under_folds_all(self, fleet: Fleet, mode: Mode) -> None:
        """What can't be folded stays, and whoever scrapes gets an answer."""
        exposition = exposed(fleet, mode, max_series=1)
        body = text(exposition, NOW)
        assert {one.labels["institution"] for one in samples(body) if "institution" in one.labels} == {"other"}
        assert {one.labels["company"] for one in samples(body) if "company" in one.labels} == {"other"}
        listed(fleet, "bank", "v", Item("new", institution="bank-new"), company="new")
        assert text(exposition, NOW).count("bank-new") == 0

    def test_it_comes_back_when_there_is_room(self, fleet: Fleet) -> None:
        """Not at once, so that nothing flaps, but by itself."""
        exposition = exposed(fleet, "all", max_series=900)
        assert "connwatch_connection_status{" not in text(exposition, NOW)
        items = [Item(f"c{number}", institution=f"bank-{number % 50}") for number in range(100)]
        for sweep in (1, 2):
            listed(fleet, "bank", "u", *items, at=NOW + sweep * INTERVAL)
        assert value(text(exposition, NOW + 299), "connwatch_connection_status", connection="c0") is None
        assert value(text(exposition, NOW + 301), "connwatch_connection_status", connection="c0") == 1.0

    def test_it_goes_and_comes_back_more_than_once(self, fleet: Fleet) -> None:
        """Each time with all of its series, and with none that it had before."""
        exposition, now = exposed(fleet, "all", max_series=900), NOW
        for wanted in (100, 200, 100, 200, 100):
            items = [Item(f"c{number}", institution=f"bank-{number % 50}") for number in range(wanted)]
            for _ in range(2):
                now += INTERVAL
                listed(fleet, "bank", "u", *items, at=now)
            shown = [one for one in samples(text(exposition, now)) if one.name == "connwatch_connection_status"]
            assert len(shown) == (100 if wanted == 100 else 0)

    def test_what_is_hidden_is_counted_as_it_would_be_shown(self, fleet: Fleet) -> None:
        """A restored target that was not polled yet has no look of ours; once it was, it has one for each connection."""
        state = fleet.books["bank"].records["u"].state
        held = {id_: replace(one, seen=replace(one.seen, checked_at=None)) for id_, one in state.connections.items()}
        fleet.remove("bank", "u")
        fleet.apply("bank", Step(replace(state, connections=held, polled_at=None)))
        exposition = exposed(fleet, "all", max_series=500)
        for polled_at, hidden in ((None, 0), (NOW, 200)):
            fleet.apply("bank", Step(replace(state, connections=held, polled_at=polled_at)))
            body = text(exposition, NOW)
            family = "connwatch_connection_checked_timestamp_seconds"
            assert value(body, "connwatch_series_folded", family=family) == hidden

    def test_companies_are_the_last_to_go(self) -> None:
        """Counts and histograms become those of `other` with their sums, and the next consent is still the next."""
        fleet = Fleet()
        fleet.open(POLICY, NO_FACTS, Tally(POLICY, {}))
        for number in range(40):
            item = Item("c", expires_at=NOW + (number + 1) * DAY, renewal="reauth")
            listed(fleet, "bank", f"u{number}", item, company=f"company-{number}")
        whole, body = text(exposed(fleet), NOW), text(exposed(fleet, max_series=300), NOW)
        assert self.counted(body) <= 300 < self.counted(whole)
        for name in (
            "connwatch_connections",
            "connwatch_connections_judged",
            "connwatch_consent_remaining_seconds_gcount",
            "connwatch_consent_remaining_seconds_gsum",
        ):
            sums = [sum(one.value for one in samples(said) if one.name == name) for said in (whole, body)]
            assert sums[0] == sums[1] > 0
        nexts = [one for one in samples(body) if one.name == "connwatch_consent_next_expiry_timestamp_seconds"]
        assert min(one.value for one in nexts) == NOW + DAY
        assert value(body, "connwatch_company_info", company="other") == 1
        assert value(body, "connwatch_company_info", company_id="other") == 1
