"""The program as a process: it starts, works, hears signals and ends with the status that it should."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.app.household import PATIENCE, parsed, total
from tests.cli.backstage import NAMES, TRACEBACK, Desk, daemon_at, ended, page, program, said
from tests.cli.waiting import once_true

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]
DEMO = Path(__file__).resolve().parents[2] / "config" / "demo.yaml"


def counted(url: str) -> dict[str, float]:
    """Connections by source, as a daemon counts them."""
    found = parsed(page(f"{url}/metrics")[1])
    return {name: total(found, "connwatch_connections", source=name) for name in NAMES}


def test_a_daemons_life(desk: Desk) -> None:
    """It counts; beside it `explain` and `plan --offline` work and `forget` doesn't; it hears SIGHUP, and ends with 0 at SIGTERM."""
    with program("run", "--config.file", str(desk.file), folder=desk.folder) as daemon:
        url = daemon_at(daemon)
        once_true(lambda: counted(url) == {name: desk.total(name) for name in NAMES})
        listed = json.loads(page(f"{url}/api/v1/connections?source=moneyhub&limit=1")[1])
        id_ = listed["connections"][0]["id"]

        result = desk.type("explain", id_, "--format", "json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) == json.loads(page(f"{url}/api/v1/connections/moneyhub/{id_}")[1])
        result = desk.type("explain", id_, "--source", "moneyhub")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"{id_} is ")
        assert "history:" in result.stdout
        for unknown in (("explain", "nobody"), ("explain", id_, "--source", "basiq")):
            result = desk.type(*unknown)
            assert (result.exit_code, result.stdout) == (1, "")
            assert "no configured source knows" in result.stderr
        result = desk.type("plan", "--offline")
        assert (result.exit_code, result.stderr) == (0, "")
        result = desk.type("forget", "--connection", id_)
        assert (result.exit_code, "another connwatch" in result.stderr) == (1, True)

        desk.told["sources"]["nectar"]["poll_interval"] = "31m"
        desk.write()
        daemon.send_signal(signal.SIGHUP)
        assert json.loads(said(daemon, '"event": "reloaded"'))["changed"] == ["nectar"]
        status, out, err = ended(daemon, signal.SIGTERM)
    assert (status, out) == (0, "")
    assert json.loads(err.splitlines()[-1])["event"] == "stopped"
    assert TRACEBACK not in err

    result = desk.type("forget", "--connection", id_)
    assert (result.exit_code, result.stdout) == (0, "1 connections erased.\n")
    assert desk.type("explain", id_).exit_code == 1


def test_flags_beat_the_file(desk: Desk) -> None:
    """Where to listen, how loud and in which style to log; the environment names the file; Ctrl-C ends it with 0."""
    desk.told |= {"web": {"listen": "256.0.0.1:1"}, "log": {"level": "error", "format": "json"}, "store": "memory:"}
    desk.write()
    flags = ("--web.listen-address", "127.0.0.1:0", "--log.level", "debug", "--log.format", "console")
    with program("run", *flags, folder=desk.folder, CONNWATCH_CONFIG=str(desk.file)) as daemon:
        assert "127.0.0.1:" in said(daemon, "started")
        status, out, err = ended(daemon, signal.SIGINT)
    assert (status, out, TRACEBACK in err) == (0, "", False)


def test_a_second_daemon_is_refused(desk: Desk) -> None:
    """Exit 1 and one clear line; the first one goes on."""
    with program("run", "--config", str(desk.file), folder=desk.folder) as first:
        url = daemon_at(first)
        with program("run", "--config", str(desk.file), folder=desk.folder) as second:
            status, out, err = ended(second)
        assert (status, out) == (1, "")
        assert f"another connwatch (process {first.pid}) works with this database" in err
        assert TRACEBACK not in err
        assert page(f"{url}/-/healthy")[0] == 200
        assert ended(first, signal.SIGTERM)[0] == 0


def test_the_simulator_alone(tmp_path: Path) -> None:
    """It says where it is, tells its truth, and ends with 0; a second one at the same port is told why it can't be."""
    with program("simulate", "--listen", "127.0.0.1:0", "--connections", "50", folder=tmp_path) as simulator:
        url = said(simulator, "The providers answer at").split()[4].rstrip("/;")
        truth = json.loads(page(f"{url}/control/truth")[1])
        assert sum(one["total"] for one in truth.values()) == 50
        with program("simulate", "--listen", url.removeprefix("http://"), folder=tmp_path) as second:
            status, _, err = ended(second)
        assert (status, "can't be listened on" in err, TRACEBACK in err) == (1, True, False)
        status, out, err = ended(simulator, signal.SIGTERM)
    assert (status, out, TRACEBACK in err) == (0, "", False)


@pytest.mark.xdist_group("demo")
def test_the_demo(tmp_path: Path) -> None:
    """Providers and daemon in one process: everything is counted within a minute, and Ctrl-C ends it with 0."""
    for port in (10750, 10760):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                pytest.skip(f"port {port}, which the demo needs, is taken: another demo runs on this machine")
    with program("demo", "--config", str(DEMO), folder=tmp_path) as demo:
        url = said(demo, "Look at").split()[2].rstrip("/")
        said(demo, "started")
        once_true(lambda: sum(counted(url).values()) > 100, patience=3 * PATIENCE)
        assert (tmp_path / ".connwatch" / "state.db").exists()
        status, out, err = ended(demo, signal.SIGINT)
    assert (status, out, TRACEBACK in err) == (0, "", False)
