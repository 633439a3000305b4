"""Draws that only look like chance."""

from __future__ import annotations

from connwatch.simulator.world.chance import Dice, trait


def test_the_same_key_draws_the_same() -> None:
    """A world can be made again from its seed."""
    first, second = Dice(1, "a"), Dice(1, "a")

    assert [first.roll() for _ in range(50)] == [second.roll() for _ in range(50)]
    assert Dice(1, "a").word() != Dice(1, "b").word()


def test_draws_are_spread_over_the_range() -> None:
    """Shares come out as they are asked for."""
    dice = Dice("spread")

    hits = sum(dice.happens(0.25) for _ in range(4000))

    assert 900 < hits < 1100


def test_weights_decide_how_often_a_row_is_drawn() -> None:
    """A row without weight is never drawn, one with three times the weight three times as often."""
    dice = Dice("weights")

    drawn = [dice.weighted(((1, "rare"), (0, "never"), (3, "often"))) for _ in range(4000)]

    assert "never" not in drawn
    assert 2800 < drawn.count("often") < 3200


def test_ids_have_the_shapes_of_the_providers() -> None:
    """An id looks like a version 4 UUID, or has as many digits as were asked for."""
    parts = Dice("id").uuid().split("-")

    assert [len(part) for part in parts] == [8, 4, 4, 4, 12]
    assert parts[2].startswith("4")
    assert len(Dice("id").hex(24)) == 24


def test_a_trait_is_had_by_one_in_so_many() -> None:
    """Optional fields are there in the share that is wanted, whatever their name."""
    grains = [Dice("grain", number).word() for number in range(3000)]

    for name in ("naive times", "no url"):
        assert 240 < sum(trait(grain, name, 10) for grain in grains) < 360
