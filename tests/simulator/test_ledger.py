"""What was asked, and how many asked at once."""

from __future__ import annotations

from connwatch.simulator.ledger import Asked, Ledger


def asked(number: int, in_flight: int) -> Asked:
    """Make an entry."""
    return Asked(at=0, provider="nectar", number=number, method="GET", path="/", status=200, in_flight=in_flight)


def test_requests_are_numbered_by_provider_and_counted_in_and_out() -> None:
    """Numbers begin at 1 for each provider; what is open is known at any time."""
    ledger = Ledger()

    assert [ledger.open("nectar"), ledger.open("nectar"), ledger.open("basiq")] == [1, 2, 1]
    assert ledger.in_flight["nectar"] == 2
    ledger.close(asked(1, 2), None)
    assert ledger.in_flight["nectar"] == 1


def test_only_offences_are_violations() -> None:
    """A request without an offence is written down once, one with an offence twice."""
    ledger = Ledger()
    ledger.close(asked(1, 1), None)
    ledger.close(asked(2, 1), "a reason")

    assert [each.number for each in ledger.requests] == [1, 2]
    assert [each.why for each in ledger.violations] == ["a reason"]
