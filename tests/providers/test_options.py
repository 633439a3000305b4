from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connwatch.core.model import NEVER
from connwatch.providers.options import FromEnvironment, QuotaOptions, duration, limit, provider_url, proxy_url, spelled


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("15m", 900.0),
        ("1h30m", 5400.0),
        ("2d", 172_800.0),
        ("1y1w1d1h1m1s1ms", 32_230_861.001),
        ("250ms", 0.25),
        ("0s", 0.0),
    ],
)
def test_durations_are_read_as_prometheus_writes_them(text: str, seconds: float) -> None:
    """Units from the largest to the smallest, each once."""
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    ["", "15", "m", "1.5h", "30m1h", "1h 30m", "-5m", "٣m", "999999999999y", "1" * 999 + "s", 15, 1.5, None, [], True],
)
def test_anything_else_is_no_duration(value: object) -> None:
    """Never another exception, however large the number."""
    with pytest.raises(ValueError, match="duration"):
        duration(value)


def test_a_limit_may_be_never() -> None:
    """And nothing else that isn't a duration."""
    assert limit("never") == NEVER
    assert limit("8d") == 691_200.0
    with pytest.raises(ValueError, match="duration"):
        limit("Never")


@given(st.integers(min_value=0, max_value=100 * 365 * 86_400 * 1000))
def test_a_duration_is_read_as_it_was_spelled(milliseconds: int) -> None:
    """What `check` prints could be written into the file."""
    assert duration(spelled(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


def test_never_is_spelled_out() -> None:
    """An infinite number of days would help nobody."""
    assert spelled(NEVER) == "never"
    assert spelled(129_600.0) == "1d12h"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.org",
        "https://api.example.org:8443/v2/",
        "http://127.0.0.1:1/x",
        "http://[::1]/",
        "http://localhost",
    ],
)
def test_providers_are_asked_over_tls_or_on_the_loopback(url: str) -> None:
    """The slash at the end is not part of it."""
    assert provider_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org",
        "ftp://a",
        "https://",
        "https://a:0",
        "https://a:99999",
        "https://[",
        "https://a b",
        "https://a\n",
        "https://me:pass@a",
        "https://a?b",
        "https://a#b",
        "http://example.org",
        "http://127.0.0.1.example.org",
    ],
)
def test_no_other_url_is_taken(url: str) -> None:
    """And the message never shows it: it might hold a password."""
    with pytest.raises(ValueError, match=r"URL|loopback") as refused:
        provider_url(url)
    assert "pass" not in str(refused.value)


def test_a_proxy_has_no_password() -> None:
    """It would be shown wherever the plan is."""
    assert proxy_url("http://proxy:3128") == "http://proxy:3128"
    assert proxy_url("") == ""
    for url in ("http://me:pass@proxy", "http://@proxy"):
        with pytest.raises(ValueError, match="HTTPS_PROXY"):
            proxy_url(url)
    with pytest.raises(ValueError, match="http://proxy:3128"):
        proxy_url("proxy:3128")


@pytest.mark.parametrize(
    "value",
    ["5", True, 5.5, None, 10**400, FromEnvironment("five"), FromEnvironment("5.5"), FromEnvironment("[" * 5000)],
)
def test_numbers_are_not_guessed(value: object) -> None:
    """A quoted number is a text, a switch is no number, and none is beyond all reason."""
    with pytest.raises(ValueError, match="a whole number"):
        QuotaOptions.model_validate({"requests_per_minute": 1, "burst": value, "max_in_flight": 1})


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300, FromEnvironment("1e999"), FromEnvironment("NaN")])
def test_a_rate_is_a_finite_number(value: object) -> None:
    """So that every wait that is reckoned from it ends."""
    with pytest.raises(ValueError, match="a number"):
        QuotaOptions.model_validate({"requests_per_minute": value, "burst": 1, "max_in_flight": 1})


def test_what_the_environment_says_may_stand_for_a_number() -> None:
    """There all is text."""
    told = {"requests_per_minute": FromEnvironment("2.5"), "burst": FromEnvironment("5"), "max_in_flight": 1}
    assert QuotaOptions.model_validate(told) == QuotaOptions(requests_per_minute=2.5, burst=5, max_in_flight=1)
