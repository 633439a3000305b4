"""What is counted wrong is found, and named."""

from __future__ import annotations

from typing import Any

from tests.soak.comparison import against_newborn, against_truth
from tests.soak.samples import Samples, samples

EXPORTED = """\
# TYPE connwatch_connections gauge
connwatch_connections{source="n",provider="nectar",company="Foods",status="CONNECTED",reason="",condition="healthy"} 2
connwatch_connections{source="n",provider="nectar",company="Foods",status="CONNECTED",reason="",condition="expired"} 1
connwatch_connections{source="n",provider="nectar",company="Foods",status="PENDING",reason="",condition="pending"} 0
connwatch_connections{source="b",provider="basiq",company="acme",status="invalid",reason="user",condition="degraded"} 1
# TYPE connwatch_institution_connections gauge
connwatch_institution_connections{source="n",provider="nectar",institution="city-water",condition="healthy"} 3
connwatch_institution_connections{source="b",provider="basiq",institution="AU1",condition="degraded"} 1
# TYPE connwatch_company_info gauge
connwatch_company_info{source="n",provider="nectar",company="Foods",company_id="c1"} 1
# TYPE connwatch_targets gauge
connwatch_targets{source="n",provider="nectar",state="fresh"} 1
connwatch_targets{source="b",provider="basiq",state="fresh"} 4
# TYPE connwatch_accounts gauge
connwatch_accounts{source="n",provider="nectar",company="Foods",status="DUPLICATE",tracking="ENABLED"} 5
# TYPE connwatch_vanished_held gauge
connwatch_vanished_held{source="n",provider="nectar"} 0
"""
TRUTH: dict[str, Any] = {
    "nectar": {
        "rows": [
            {
                "company": "c1",
                "status": "CONNECTED",
                "reason": "",
                "kind": "utility",
                "institution": "City Water",
                "count": 3,
            }
        ],
        "companies": {"c1": "Foods"},
        "accounts": [{"status": "DUPLICATE", "tracking": "ENABLED", "count": 5}],
    },
    "basiq": {
        "rows": [{"company": "", "status": "invalid", "reason": "x", "kind": "web", "institution": "AU1", "count": 1}]
    },
}
TARGETS = {"nectar": 1, "basiq": 4}


def exported(old: str = "", new: str = "") -> Samples:
    """A scrape, with a line that is another."""
    assert old in EXPORTED
    return samples(EXPORTED.replace(old, new), "connwatch_")


def test_the_truth_agrees_with_itself() -> None:
    """Whatever is counted right makes no word: by company id, status, institution, account; Basiq's reasons aside."""
    assert list(against_truth(exported(), TRUTH, TARGETS)) == []


def test_each_wrong_count_is_named() -> None:
    """What is missing, what is too much, and what is not held any more."""
    for old, new, told in (
        (
            'condition="healthy"} 2',
            'condition="healthy"} 1',
            "nectar connections c1 / CONNECTED / -: 3 expected, 2 exported",
        ),
        (
            'condition="pending"} 0',
            'condition="pending"} 7',
            "nectar connections c1 / PENDING / -: 0 expected, 7 exported",
        ),
        ('condition="healthy"} 3', 'condition="healthy"} 4', "nectar institutions city-water: 3 expected, 4 exported"),
        ('tracking="ENABLED"} 5', 'tracking="ENABLED"} 6', "accounts DUPLICATE / ENABLED: 5 expected, 6 exported"),
        ('state="fresh"} 4', 'state="fresh"} 3', "targets basiq: 4 expected, 3 exported"),
        ('provider="nectar"} 0', 'provider="nectar"} 1', "held nectar: 0 expected, 1 exported"),
    ):
        assert list(against_truth(exported(old, new), TRUTH, TARGETS)) == [told]


def test_a_wrong_company_is_found() -> None:
    """A company that isn't there counts for nobody."""
    told = list(against_truth(exported('company_id="c1"', 'company_id="c2"'), TRUTH, TARGETS))
    assert "companies c1: 1 expected, 0 exported" in told
    assert "companies c2: 0 expected, 1 exported" in told


def test_who_lives_long_must_agree_with_the_newborn() -> None:
    """Any count may lie between what the newborn said before and after, and nowhere else; Basiq's reasons are forgotten."""
    two, one = exported(), exported('condition="healthy"} 2', 'condition="healthy"} 1')
    assert list(against_newborn(two, two, one)) == []
    assert list(against_newborn(one, two, one)) == []
    assert list(against_newborn(exported('reason="user"', 'reason=""'), two, two)) == []
    (told,) = against_newborn(one, two, two)
    assert told.endswith("status=CONNECTED: 2 expected, 1 exported")
