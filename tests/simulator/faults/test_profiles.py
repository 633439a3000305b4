"""Which request suffers what."""

from __future__ import annotations

import pytest

from connwatch.simulator.faults import PROFILES, Effect, Fault, Faults


def fates(profile: str, provider: str = "nectar", *, seed: int = 1, count: int = 2000) -> list[frozenset[Effect]]:
    """Decide the fates of the first requests."""
    faults = Faults(seed, profile)
    return [faults.fate(provider, number) for number in range(1, count + 1)]


def test_no_faults_strike_by_default() -> None:
    """The profile `none` leaves every request alone."""
    assert set(fates("none")) == {frozenset()}


def test_a_run_can_be_repeated() -> None:
    """The same seed and number have the same fate, another seed another one."""
    assert fates("broken") == fates("broken")
    assert fates("broken") != fates("broken", seed=2)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("provider", ["nectar", "moneyhub", "basiq"])
def test_each_profile_strikes_as_often_as_it_says(profile: str, provider: str) -> None:
    """Every effect of a profile strikes about its share of the requests."""
    struck = fates(profile, provider, count=6000)

    for fault in PROFILES[profile]:
        share = sum(fault.effect in fate for fate in struck) / len(struck)
        expected = fault.share if provider in fault.providers else 0
        assert share == pytest.approx(expected, rel=0.35, abs=0.005)


def test_bursts_strike_in_a_row() -> None:
    """A storm comes in gusts: the requests of one gust share their fate."""
    faults = Faults(1)
    faults.use("basiq", [Fault(Effect.FORBIDDEN_BARE, 0.5, burst=8)])
    gusts = [{faults.fate("basiq", number) for number in range(start, start + 8)} for start in range(0, 400, 8)]

    assert all(len(gust) == 1 for gust in gusts)
    assert len(set().union(*gusts)) == 2


def test_basiq_does_not_say_when_to_come_back() -> None:
    """Basiq's storm has 429 and 403 without Retry-After, the others' have it."""
    basiq, moneyhub = set().union(*fates("storm", "basiq")), set().union(*fates("storm", "moneyhub"))

    assert {Effect.THROTTLED_BARE, Effect.FORBIDDEN_BARE} <= basiq
    assert not {Effect.THROTTLED_SECONDS, Effect.THROTTLED_DATE} & basiq
    assert {Effect.THROTTLED_SECONDS, Effect.THROTTLED_DATE} <= moneyhub


def test_faults_are_switched_per_provider() -> None:
    """One provider fails while the others are well; a star means all."""
    faults = Faults(1)
    faults.use("moneyhub", "down")
    assert faults.always("moneyhub", Effect.UNAVAILABLE)
    assert not faults.always("nectar", Effect.UNAVAILABLE)

    faults.use("*", "none")
    assert not faults.always("moneyhub", Effect.UNAVAILABLE)


def test_unknown_names_change_nothing() -> None:
    """A misspelt provider or profile is refused, and what held goes on to hold."""
    faults = Faults(1, "down")
    with pytest.raises(ValueError, match="no such provider"):
        faults.use("plaid", "none")
    with pytest.raises(ValueError, match="no such fault profile"):
        faults.use("nectar", "quiet")

    assert faults.always("nectar", Effect.UNAVAILABLE)
