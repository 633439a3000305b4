"""What each command prints where, and how it ends (contract.md, *Command line*)."""

from __future__ import annotations

import json

import pytest

from connwatch import __version__
from connwatch.metrics.families import FAMILIES
from connwatch.simulator import Effect, Fault
from tests.app.household import parsed, total
from tests.cli.backstage import NAMES, TRACEBACK, Desk, typed

ITEM = [
    "id",
    "source",
    "provider",
    "company",
    "institution",
    "institution_name",
    "kind",
    "status",
    "reason",
    "condition",
    "actor",
    "stale",
    "stuck",
    "paused",
    "created_at",
    "status_since",
    "checked_at",
    "data_at",
    "expires_at",
    "first_seen_at",
    "next_poll_at",
]
COMMANDS = ("run", "check", "plan", "once", "explain", "metrics", "simulate", "forget", "demo")


class TestUsage:
    """The program as such."""

    def test_its_version(self) -> None:
        """`--version` is for scripts, too: one line on stdout."""
        result = typed("--version")
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"connwatch {__version__}\n", "")

    def test_its_help_names_all_commands(self) -> None:
        """So does every command its own flags."""
        text = typed("--help").stdout
        assert [command for command in COMMANDS if command not in text] == []
        for command in COMMANDS:
            result = typed(command, "--help")
            assert (result.exit_code, "Usage" in result.stdout) == (0, True)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("sweep",),
            ("run", "--lisen", "x"),
            ("once", "--format", "xml"),
            ("explain",),
            ("metrics", "--format", "json"),
            ("simulate", "--faults", "fire"),
            ("simulate", "--connections", "0"),
            ("simulate", "--listen", "somewhere"),
            ("run", "--log.level", "loud"),
            ("forget",),
            ("forget", "--connection", "a", "--user", "b"),
        ],
    )
    def test_bad_usage(self, arguments: tuple[str, ...]) -> None:
        """Exit 2, the reason on stderr, nothing on stdout."""
        result = typed(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr

    @pytest.mark.parametrize("command", ["run", "check", "plan", "once", "forget", "explain"])
    def test_a_configuration_that_is_not_there(self, command: str, desk: Desk) -> None:
        """Exit 2, and the file is named."""
        desk.file.unlink()
        more = {"explain": ("x",), "forget": ("--user", "x")}.get(command, ())
        result = desk.type(command, *more)
        assert (result.exit_code, result.stdout) == (2, "")
        assert str(desk.file) in result.stderr


class TestCheck:
    """`connwatch check`."""

    def test_a_good_one(self, desk: Desk) -> None:
        """The plan on stdout, without any secret; nothing is asked."""
        result = desk.type("check")
        assert (result.exit_code, result.stderr) == (0, "")
        assert [name for name in NAMES if f"{name}:" not in result.stdout] == []
        secrets = (desk.simulator.nectar_key, desk.simulator.moneyhub_client_secret, desk.simulator.basiq_key)
        assert [secret for secret in secrets if secret in result.stdout] == []
        assert desk.simulator.requests == []

    def test_all_problems_at_once(self, desk: Desk) -> None:
        """Each with its place and the nearest key; never with a value that might be secret."""
        nectar = desk.told["sources"]["nectar"]
        nectar |= {"poll_intervall": "1h", "accounts": "some", "request_timeout": 30}
        desk.told["shutdown_grace"] = "soon"
        desk.write()
        result = desk.type("check")
        assert (result.exit_code, result.stdout) == (2, "")
        problems = result.stderr.splitlines()[1:]
        for words in ("did you mean poll_interval?", "sources.nectar.accounts", "request_timeout", "shutdown_grace"):
            (problem,) = [line for line in problems if words in line]
            assert problem.strip().startswith("line ")
        assert len(problems) == 4
        assert desk.simulator.nectar_key not in result.stderr

    def test_the_environment_names_the_file(self, desk: Desk) -> None:
        """$CONNWATCH_CONFIG stands in for --config."""
        result = desk.type("check", env={"CONNWATCH_CONFIG": str(desk.file)})
        assert result.exit_code == 0

    def test_the_environment_beats_the_file(self, desk: Desk) -> None:
        """A value from the environment is shown; one that nobody knows is warned about, on stderr."""
        env = {"CONNWATCH_CONFIG": str(desk.file), "CONNWATCH_RETENTION": "9d", "CONNWATCH_PORT": "tcp://10.0.0.1:80"}
        result = desk.type("check", env=env)
        assert (result.exit_code, "retention: 9d" in result.stdout) == (0, True)
        assert "warning: " in result.stderr
        assert "CONNWATCH_PORT" in result.stderr

    def test_live(self, desk: Desk) -> None:
        """One harmless call per source, and what its credential may do."""
        result = desk.type("check", "--live")
        assert result.exit_code == 0
        last = result.stdout.splitlines()[-len(NAMES) :]
        assert [line.partition(":")[0] for line in last] == list(NAMES)
        assert desk.simulator.violations == []

    def test_live_with_a_rejected_key(self, desk: Desk) -> None:
        """Exit 2, and it is said whose."""
        desk.simulator.rotate_key("basiq")
        result = desk.type("check", "--live")
        assert result.exit_code == 2
        assert "basiq: auth" in result.stdout


class TestPlan:
    """`connwatch plan`."""

    def test_what_it_costs(self, desk: Desk) -> None:
        """A row for each source; all fits, and nothing else is said."""
        result = desk.type("plan")
        assert (result.exit_code, result.stderr) == (0, "")
        assert [name for name in NAMES if name not in result.stdout] == []
        assert "cannot be met" not in result.stdout

    def test_an_interval_that_cannot_be_met(self, desk: Desk) -> None:
        """It says which, and what would be possible."""
        quota = {"requests_per_minute": 6, "burst": 50, "max_in_flight": 1}
        desk.told["sources"]["basiq"] |= {"poll_interval": "1s", "events": False, "quota": quota}
        desk.write()
        result = desk.type("plan")
        assert result.exit_code == 0
        (line,) = [line for line in result.stdout.splitlines() if "cannot be met" in line]
        assert line.startswith("basiq: a poll interval of 1s cannot be met.")

    def test_offline_without_a_store(self, desk: Desk) -> None:
        """Exit 2: nothing was remembered yet, and nobody is asked."""
        result = desk.type("plan", "--offline")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "no such file" in result.stderr
        assert desk.simulator.requests == []

    def test_a_source_that_is_down(self, desk: Desk) -> None:
        """The others are planned; on stderr it is said what is not known, and the exit status is 2."""
        desk.simulator.faults.use("nectar", "down")
        result = desk.type("plan")
        assert result.exit_code == 2
        assert "nectar: not known: server" in result.stderr
        assert "moneyhub" in result.stdout


class TestOnce:
    """`connwatch once`."""

    def test_json(self, desk: Desk) -> None:
        """Every connection, with exactly the keys of the API."""
        result = desk.type("once", "--format", "json")
        assert result.exit_code == 0
        told = json.loads(result.stdout)
        assert told["next"] is None
        assert {tuple(one) for one in told["connections"]} == {tuple(ITEM)}
        for name in NAMES:
            assert sum(one["source"] == name for one in told["connections"]) == desk.total(name)

    def test_prometheus(self, desk: Desk) -> None:
        """The exposition on stdout, ready for a textfile collector."""
        result = desk.type("once", "--format", "prometheus")
        assert result.exit_code == 0
        found = parsed(result.stdout)
        for name in NAMES:
            assert total(found, "connwatch_connections", provider=name) == desk.total(name)

    def test_table(self, desk: Desk) -> None:
        """By company and condition, with who has to act."""
        result = desk.type("once")
        assert result.exit_code == 0
        assert f"{sum(map(desk.total, NAMES))} connections" in result.stdout
        assert "end user" in result.stdout

    def test_a_source_that_fails(self, desk: Desk) -> None:
        """Exit 1, on stderr what failed, on stdout what was found nevertheless."""
        desk.simulator.faults.use("moneyhub", "down")
        desk.simulator.faults.use("nectar", [Fault(Effect.HTML)])
        result = desk.type("once", "--format", "json")
        assert result.exit_code == 1
        assert {one["source"] for one in json.loads(result.stdout)["connections"]} == {"basiq"}
        assert "moneyhub: discovery failed: server" in result.stderr
        assert "nectar: discovery failed: schema" in result.stderr
        assert TRACEBACK not in result.stderr


class TestMetrics:
    """`connwatch metrics`."""

    @pytest.mark.parametrize("style", ["table", "markdown"])
    def test_every_family_is_described(self, style: str) -> None:
        """The reference is complete, and needs no configuration."""
        result = typed("metrics", "--format", style)
        assert (result.exit_code, result.stderr) == (0, "")
        assert [one.name for one in FAMILIES if one.name not in result.stdout] == []


class TestRun:
    """`connwatch run`, as far as it doesn't come to run."""

    def test_what_is_not_built_is_refused(self, desk: Desk) -> None:
        """TLS and PostgreSQL: exit 2 and a clear word, until they are there."""
        result = desk.type("run", "--web.config.file", "web.yaml")
        assert (result.exit_code, "web.config_file" in result.stderr) == (2, True)
        desk.told["store"] = "postgresql://connwatch@db/connwatch"
        desk.write()
        result = desk.type("run")
        assert (result.exit_code, "PostgreSQL isn't supported yet" in result.stderr) == (2, True)

    def test_a_port_in_use(self, desk: Desk) -> None:
        """Exit 1, and one line that says which; the flag beats the file."""
        taken = desk.told["sources"]["basiq"]["base_url"].removeprefix("http://").removesuffix("/basiq")
        result = desk.type("run", "--web.listen-address", taken)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{taken} is in use" in result.stderr
        assert TRACEBACK not in result.stderr

    def test_a_certificate_that_is_none(self, desk: Desk) -> None:
        """Exit 1, and the file is named."""
        desk.told["sources"]["basiq"]["ca_file"] = str(desk.file)
        desk.write()
        result = desk.type("run")
        assert (result.exit_code, "sources.basiq.ca_file" in result.stderr) == (1, True)
        assert TRACEBACK not in result.stderr

    def test_a_store_that_is_none(self, desk: Desk) -> None:
        """Exit 1, and the file is named."""
        (desk.folder / "state.db").write_text("no database, but longer than the head of one " * 100, encoding="utf-8")
        result = desk.type("run")
        assert (result.exit_code, "state.db" in result.stderr) == (1, True)
        assert TRACEBACK not in result.stderr
