"""How owners and connections are made: ids in each provider's shape, and the marks that the seed gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connwatch.simulator.world.model import TERM, Connection, Institution, Nature, Owner, State, keeps_flowing

if TYPE_CHECKING:
    from collections.abc import Callable

    from connwatch.simulator.world.chance import Dice

_CONNECTION_IDS: dict[str, Callable[[Dice, str], str]] = {
    "nectar": lambda dice, _: dice.uuid(),
    "moneyhub": lambda dice, institution: f"{institution}:{dice.uuid()}",
    "basiq": lambda dice, _: dice.uuid(),
}
_USER_IDS: dict[str, Callable[[Dice], str]] = {
    "moneyhub": lambda dice: dice.hex(24),
    "basiq": lambda dice: dice.uuid(),
}


def new_company(dice: Dice, name: str, created: float, *, active: bool) -> Owner:
    """Make a company of Nectar."""
    return Owner(id=dice.uuid(), provider="nectar", name=name, created=created, grain=dice.word(), active=active)


def new_user(dice: Dice, provider: str, created: float) -> Owner:
    """Make an end user of Moneyhub or Basiq. Raises KeyError for a provider that has none."""
    return Owner(id=_USER_IDS[provider](dice), provider=provider, name="", created=created, grain=dice.word())


def new_connection(
    dice: Dice, owner: Owner, institution: Institution, kind: str, *, state: State, created: float
) -> Connection:
    """Make a connection that is in this state since its creation."""
    starting = state.nature is Nature.STARTING
    has_end = kind in TERM and not institution.endless
    return Connection(
        id=_CONNECTION_IDS[owner.provider](dice, institution.id),
        provider=owner.provider,
        owner=owner.id,
        institution=institution.id,
        kind=kind,
        state=state,
        created=created,
        since=created,
        begins=created,
        fed=None if starting else created,
        flows=keeps_flowing(owner.provider, kind, state),
        expires=created + TERM[kind] if has_end else None,
        grain=dice.word(),
    )
