"""What the process does, under the names of the table."""

from __future__ import annotations

from prometheus_client import generate_latest

from connwatch.core.ports import Recorder
from connwatch.metrics import FAMILIES, ProcessRecorder
from connwatch.metrics.process import OUTCOMES
from tests.core.cast import NOW
from tests.metrics.scene import recorder


def value(made: ProcessRecorder, name: str, **labels: str) -> float | None:
    """One sample."""
    return made.registry.get_sample_value(name, labels)


SOURCE = {"source": "bank", "provider": "basiq"}


def test_it_is_a_recorder() -> None:
    """The port's words are understood, all of them."""
    made: Recorder = recorder()
    assert isinstance(made, ProcessRecorder)


def test_every_outcome_starts_at_zero() -> None:
    """The first failure of a kind is a rise, not a new series; and the list is the closed one."""
    made = ProcessRecorder(version="1")
    made.watch("bank", "basiq")
    assert {outcome: value(made, "connwatch_polls_total", **SOURCE, outcome=outcome) for outcome in OUTCOMES} == (
        dict.fromkeys(OUTCOMES, 0.0)
    )
    assert len(OUTCOMES) == 14
    made.polled("bank", "basiq", "throttled")
    made.watch("bank", "basiq")
    assert value(made, "connwatch_polls_total", **SOURCE, outcome="throttled") == 1.0


def test_what_was_not_said_is_absent() -> None:
    """No store, no configuration, no token: no series that says 0 of them."""
    body = generate_latest(ProcessRecorder(version="1").registry).decode()
    for name in ("store_up", "config_last_reload", "config_info", "token_expires", "clock_skew", "commit_duration"):
        assert name not in body
    assert "connwatch_store_errors_total 0.0" in body


def test_all_is_counted() -> None:
    """Each word of the port moves its family."""
    made = recorder()
    assert value(made, "connwatch_requests_total", **SOURCE, endpoint="connections", code="200") == 1
    assert value(made, "connwatch_request_duration_seconds_sum", **SOURCE, endpoint="connections") == 0.2
    assert value(made, "connwatch_request_duration_seconds_bucket", **SOURCE, endpoint="connections", le="0.25") == 1
    assert value(made, "connwatch_quota_wait_seconds_total", **SOURCE) == 1.5
    assert value(made, "connwatch_token_expires_timestamp_seconds", **SOURCE) == NOW + 3600
    assert value(made, "connwatch_clock_skew_seconds", **SOURCE) == -2
    assert value(made, "connwatch_store_commit_duration_seconds_count") == 1
    assert value(made, "connwatch_store_up") == 1
    assert value(made, "connwatch_store_errors_total") == 1
    assert value(made, "connwatch_shards") == value(made, "connwatch_shards_owned") == 1


def test_a_refused_reload_keeps_the_time_of_the_last_good_one() -> None:
    """And the hash of the plan in force; there is one hash at a time."""
    made = ProcessRecorder(version="1")
    made.reloaded(True, NOW, "old")
    made.reloaded(False, NOW + 60, "old")
    assert value(made, "connwatch_config_last_reload_successful") == 0
    assert value(made, "connwatch_config_last_reload_success_timestamp_seconds") == NOW
    made.reloaded(True, NOW + 90, "new")
    assert value(made, "connwatch_config_info", hash="old") is None
    assert value(made, "connwatch_config_info", hash="new") == 1
    assert value(made, "connwatch_config_last_reload_success_timestamp_seconds") == NOW + 90


def test_every_family_of_the_process_is_exposed_and_no_other() -> None:
    """The table and the registry say the same; nothing is doubled by `_created`."""
    body = generate_latest(recorder().registry).decode()
    declared = {family.name for family in FAMILIES if family.scope == "process"}
    exposed = {line.split()[2] for line in body.splitlines() if line.startswith("# TYPE connwatch_")}
    assert exposed == declared
    assert "_created" not in body
