"""What a source will cost before it runs: requests, time, share of the quota, series (contract.md, `plan`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from connwatch.core.clocks import AGE_BOUNDS, CONSENT_BOUNDS
from connwatch.core.condition import CONDITIONS, REPAIRABLE
from connwatch.core.policy import Policy
from connwatch.core.quota import Rule
from connwatch.core.tally import REPAIR_BOUNDS

MINUTE: Final = 60.0
PER_CONNECTION: Final = 5
_RENEWALS: Final = 2
"""Ways to renew a consent that a company usually has."""
_OF_A_KIND: Final = 4
"""judged, stale, never_updated, and the oldest data."""


class Forecast(Struct, frozen=True):
    """What one source comes to. Times in seconds."""

    source: str
    provider: str
    targets: int
    connections: int | None
    """None where nobody has counted them yet."""
    requests: int
    """For one look at all targets."""
    sweep_seconds: float
    """That these requests take at the quota."""
    poll_interval: float
    share: float
    """Of the quota that sweeps at the poll interval need; above 1 they can't keep up."""
    series: int

    @property
    def fits(self) -> bool:
        """Whether the poll interval can be met."""
        return self.share <= 1.0

    @property
    def possible_interval(self) -> float:
        """The shortest poll interval that the quota allows."""
        return max(self.sweep_seconds, 1.0)


def forecast(
    policy: Policy,
    rule: Rule,
    *,
    targets: int,
    companies: int,
    sizes: Sequence[int] | None,
    requests: int,
    per_connection: bool,
) -> Forecast:
    """From what is known of a source. `sizes` is how many connections each target has, if that is known."""
    sweep = requests / rule.per_minute * MINUTE
    connections = None if sizes is None else sum(sizes)
    return Forecast(
        source=policy.source,
        provider=policy.provider,
        targets=targets,
        connections=connections,
        requests=requests,
        sweep_seconds=sweep,
        poll_interval=policy.poll_interval,
        share=sweep / policy.poll_interval,
        series=expected_series(policy, companies) + (PER_CONNECTION * (connections or 0) if per_connection else 0),
    )


def expected_series(policy: Policy, companies: int) -> int:
    """Series of a source with so many companies, institutions aside: those that are there from the first sweep on."""
    kinds = len(policy.stale_after)
    a_company = (
        len(policy.table)
        + len(policy.stuck_after)
        + (policy.pause is not None)
        + len(policy.account_rows)
        + kinds * _OF_A_KIND
        + _RENEWALS * (len(CONSENT_BOUNDS) + 2)
        + 2
    )
    transitions = len(CONDITIONS) * (len(CONDITIONS) - 1)
    a_source = (
        transitions
        + len(policy.unknown_fields)
        + len(REPAIRABLE) * (len(REPAIR_BOUNDS) + 2)
        + kinds * (len(AGE_BOUNDS) + 3)
    )
    return companies * a_company + a_source


def all_fit(forecasts: Collection[Forecast]) -> bool:
    """Whether every source can be asked as often as it is configured to be."""
    return all(one.fits for one in forecasts)
