"""Which rule decides a condition, in the order of decisions.md 13."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import combinations

import pytest

from connwatch.core.clocks import judge
from connwatch.core.condition import ACTORS, RULES, Look, condition
from connwatch.core.model import Trait
from tests.core.cast import HOUR, NO_FACTS, NOW, POLICY, Item, read

HEALTHY = Look("ok", "", (), POLICY, muted=False, ended=False, young=False)

# What makes each rule apply to a plain healthy connection: all of them can be combined.
MAKES: Mapping[str, Callable[[Look], Look]] = {
    "muted": lambda look: look._replace(muted=True),
    "inactive": lambda look: _with(look, "inactive"),
    "undocumented": lambda look: look._replace(reason="never heard of"),
    "expired": lambda look: look._replace(ended=True),
    "stopped": lambda look: _with(look, "stopped"),
    "young": lambda look: look._replace(young=True),
    "table": lambda look: look,
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


def _with(look: Look, trait: Trait) -> Look:
    return look._replace(traits=(*look.traits, trait))


def made(*names: str) -> Look:
    """A connection to which all of these rules apply."""
    return reduce(lambda look, name: MAKES[name](look), names, HEALTHY)


def now(item: Item, at: float = NOW) -> str:
    """The condition of a connection at an instant."""
    return judge(read(item), POLICY, NO_FACTS, at, muted_until=None, paused_until=0.0)[0].condition


@pytest.mark.parametrize("name", DECIDES)
def test_each_rule_decides_where_it_alone_applies(name: str) -> None:
    """Every rule has a case that it decides, with the condition that product.md names."""
    assert condition(made(name))[0] == DECIDES[name]


@pytest.mark.parametrize(("first", "second"), list(combinations([rule.name for rule in RULES], 2)))
def test_the_earlier_of_two_rules_decides(first: str, second: str) -> None:
    """Of any two rules that apply, the one that stands first in decisions.md 13 decides."""
    state, rule = condition(made(first, second))
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
    assert condition(HEALTHY._replace(status=status, reason=reason))[0] == expected


def test_a_consent_ends_at_its_end() -> None:
    """From that instant on it is over; one without an end never runs out: absent is not zero."""
    assert now(Item("c", expires_at=NOW)) == "expired"
    assert now(Item("c", expires_at=NOW + 0.001)) == "healthy"
    assert now(Item("c", expires_at=None)) == "healthy"


def test_young_ends_with_the_grace() -> None:
    """A connection without data is merely young for its grace, then it is what its status says."""
    one = Item("c", data_at=None, created_at=NOW)
    assert now(one, NOW + HOUR - 1) == "pending"
    assert now(one, NOW + HOUR) == "healthy"
    assert now(Item("c", data_at=None, created_at=None)) == "healthy"


def test_every_condition_has_one_actor() -> None:
    """Nobody has to guess who must act."""
    assert set(DECIDES.values()) <= set(ACTORS)
