from __future__ import annotations

from pathlib import Path

import pytest

from connwatch.config import summary
from connwatch.providers import PROVIDERS
from tests.config.reading import plan, refusal
from tests.providers.parts import PARTS

every_provider = pytest.mark.parametrize("name", PROVIDERS)


def given(name: str, **more: object) -> str:
    """One source of that provider, with all that the contract suite gives it."""
    options = {**PARTS[name].options, **more, "provider": name}
    lines = "".join(f"\n    {key}: {value!r}" for key, value in options.items()).replace("True", "true")
    return f"sources:\n  main:{lines}\n"


@every_provider
def test_every_provider_can_be_configured(tmp_path: Path, name: str) -> None:
    """A provider that is registered needs nothing else to be known here."""
    source = plan(tmp_path, given(name)).sources["main"]
    assert source.provider.name == source.policy.provider == name
    assert {key: ref.value for key, ref in source.secrets.items()} == PARTS[name].secrets


@every_provider
def test_every_kind_and_status_that_a_provider_knows_can_have_a_limit(tmp_path: Path, name: str) -> None:
    """What its policy speaks of is what its options take: a new status can't be forgotten in one of the two."""
    policy = plan(tmp_path, given(name)).sources["main"].policy
    kinds = dict.fromkeys(policy.stale_after, "90s")
    statuses = dict.fromkeys((*(status for status, _ in policy.table), *policy.stuck_after), "90s")
    more = {"stale_after": kinds, "never_updated_after": kinds, "stuck_after": statuses}
    told = summary(plan(tmp_path, given(name, **more)))["sources"]["main"]
    spelled = {key: dict.fromkeys(limits, "1m30s") for key, limits in more.items()}
    assert {key: told[key] for key in more} == spelled


@every_provider
def test_a_kind_that_a_provider_does_not_know_is_a_slip(tmp_path: Path, name: str) -> None:
    """At run time unknown kinds are counted; in a configuration they would never take effect."""
    (problem,) = refusal(tmp_path, given(name, stale_after={"": "1d"}))
    assert "unknown kind, there are " in problem


def test_two_sources_may_share_all_but_the_credential(tmp_path: Path) -> None:
    """The same provider with two keys, or one key at two addresses, is two budgets; so are two providers behind one gateway."""
    text = """
    sources:
      one: {provider: nectar, api_key: a}
      two: {provider: nectar, api_key: b}
      three: {provider: nectar, api_key: a, base_url: https://gateway.example.org}
      four: {provider: basiq, api_key: a, base_url: https://gateway.example.org, users: [u-1]}
    """
    assert set(plan(tmp_path, text).sources) == {"one", "two", "three", "four"}


def test_a_credential_is_shared_even_if_one_comes_from_a_file(tmp_path: Path) -> None:
    """What counts is the secret, wherever it stands."""
    (tmp_path / "key").write_text("a\n")
    text = f"""
    sources:
      one: {{provider: nectar, api_key: a}}
      two: {{provider: nectar, api_key_file: {tmp_path}/key}}
    """
    assert refusal(tmp_path, text) == [
        "line 4: sources.two: same provider, URL and credential as one: make one source of the two"
    ]


def test_names_have_forty_characters_at_most(tmp_path: Path) -> None:
    """And may be as long as that."""
    source = "{provider: nectar, api_key: k}"
    assert plan(tmp_path, f"sources: {{{'a' * 40}: {source}}}").sources
    assert refusal(tmp_path, f"sources: {{{'a' * 41}: {source}}}")
