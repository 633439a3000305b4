"""Which rule decides a condition, in the order of decisions.md 13."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import pytest
from msgspec.structs import replace

from connwatch.core.condition import ACTORS, RULES, condition
from connwatch.core.model import Connection
from tests.core.cast import DAY, HOUR, NOW, POLICY, Item, read

PLAIN = Item("c", created_at=NOW - 100 * DAY)

# What makes each rule apply, as changes to a plain healthy connection: all of them can be combined.
MAKES: Mapping[str, Mapping[str, object]] = {
    "muted": {},
    "inactive": {"traits": ("inactive",)},
    "undocumented": {"reason": "never heard of"},
    "expired": {"expires_at": NOW - 1},
    "stopped": {"traits": ("stopped",)},
    "young": {"data_at": None, "created_at": NOW - 60},
    "table": {},
}
DECIDES = {
    "muted": "muted",
    "inactive": "inactive",
    "undocumented": "unknown",
    "expired": "expired",
    "stopped": "action_required",
    "young": "pending",
    "table": "healthy",
}


def made(*names: str) -> Connection:
    """A connection to which all of these rules apply."""
    one = read(PLAIN, NOW)
    for name in names:
        changes = dict(MAKES[name])
        changes["traits"] = (*one.traits, *changes.get("traits", ()))  # type: ignore[misc]  # a table of changes
        one = replace(one, **changes)
    return one


@pytest.mark.parametrize("name", DECIDES)
def test_each_rule_decides_where_it_alone_applies(name: str) -> None:
    """Every rule has a case that it decides, with the condition that product.md names."""
    assert condition(made(name), POLICY, muted=name == "muted", now=NOW)[0] == DECIDES[name]


@pytest.mark.parametrize(("first", "second"), list(combinations([rule.name for rule in RULES], 2)))
def test_the_earlier_of_two_rules_decides(first: str, second: str) -> None:
    """Of any two rules that apply, the one that stands first in decisions.md 13 decides."""
    state, rule = condition(made(first, second), POLICY, muted="muted" in {first, second}, now=NOW)
    assert (rule.name, state) == (first, DECIDES[first])


def test_the_order_is_that_of_the_decisions() -> None:
    """The rules stand in the order that was settled."""
    assert [rule.name for rule in RULES] == [
        "muted",
        "inactive",
        "undocumented",
        "expired",
        "stopped",
        "young",
        "table",
    ]


@pytest.mark.parametrize(("pair", "expected"), list(POLICY.table.items()))
def test_a_documented_pair_is_what_the_table_says(pair: tuple[str, str], expected: str) -> None:
    """The provider's table decides where nothing else does."""
    status, reason = pair
    one = replace(read(PLAIN, NOW), status=status, reason=reason)
    assert condition(one, POLICY, muted=False, now=NOW)[0] == expected


def test_absent_end_is_not_expired() -> None:
    """A consent without an end never runs out: absent is not zero."""
    assert condition(replace(read(PLAIN, NOW), expires_at=None), POLICY, muted=False, now=NOW)[0] == "healthy"


def test_young_ends_with_the_grace() -> None:
    """A connection without data is merely young for its grace, then it is what its status says."""
    one = replace(read(PLAIN, NOW), data_at=None, created_at=NOW)
    assert condition(one, POLICY, muted=False, now=NOW + HOUR - 1)[0] == "pending"
    assert condition(one, POLICY, muted=False, now=NOW + HOUR)[0] == "healthy"


def test_every_condition_has_one_actor() -> None:
    """Nobody has to guess who must act."""
    assert set(DECIDES.values()) <= set(ACTORS)
