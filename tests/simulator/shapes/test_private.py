"""Private data that gives itself away."""

from __future__ import annotations

from connwatch.simulator.shapes import private


def test_everything_private_contains_the_canary() -> None:
    """A leak is found by searching for one word, whatever it was that leaked."""
    made = [
        private.email(1),
        private.username(1),
        private.secret(1),
        private.account_number(1),
        private.customer(1),
        private.address(1),
        *private.person(1).values(),
    ]

    assert all(private.CANARY in each for each in made)
