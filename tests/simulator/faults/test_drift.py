"""New words and odd values."""

from __future__ import annotations

from connwatch.simulator.faults.drift import NOVEL_KINDS, NOVEL_STATES, embellished, restated
from connwatch.simulator.world.founding import found
from connwatch.simulator.world.vocabulary import KINDS
from tests.simulator.calling import NOW


def test_some_connections_have_new_words() -> None:
    """Of each provider a few have each new state and kind, and the others are as they were."""
    world = found(1, 2000, NOW)
    told = {each.id: restated(each) for each in world.connections.values()}

    for provider in KINDS:
        mine = [each for each in told.values() if each.provider == provider]
        assert set(NOVEL_STATES[provider]) <= {each.state for each in mine}
        assert NOVEL_KINDS[provider] in {each.kind for each in mine}
    same = sum(told[each.id] == each for each in world.connections.values())
    assert same > len(told) / 2


def test_new_fields_come_and_required_ones_stay() -> None:
    """An item has more fields than before, and only optional times are odd."""
    item = {"id": "x", "status": "ok", "created": "2026-01-01T00:00:00Z", "lastUpdated": "2026-01-01T00:00:00Z"}
    odd = [embellished(item, grain) for grain in range(500)]

    assert all({"riskTier", "schema"} < set(each) for each in odd)
    assert all(each["id"] == "x" and each["created"] == item["created"] for each in odd)
    assert len({each["lastUpdated"] for each in odd}) > 4
