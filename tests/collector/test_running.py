"""Supervision with real processes: the dead come back, stop leaves none, and orphans end themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector import running
from collector.running import Supervisor, role_command, supervise

ROLE = """
import sys
from pathlib import Path
from collector.running import stopping
with stopping() as stop:
    Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
    stop.wait()
"""
STUBBORN = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).write_text("deaf")
time.sleep(60)
"""
PARENT = """
import sys, time
from collector.running import Supervisor
with Supervisor({"one": [sys.executable, "-c", sys.argv[1], sys.argv[2]]}) as supervisor:
    time.sleep(60)
"""


def _command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _eventually(condition: Callable[[], object], within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _written(path: Path) -> bool:
    return path.exists() and path.read_text() != ""


def test_a_killed_role_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with Supervisor({"judge": _command(ROLE, file)}) as supervisor:
        _eventually(lambda: _written(file))
        first = supervisor.pid("judge")
        assert first is not None
        os.kill(first, signal.SIGKILL)

        def back() -> bool:
            supervisor.look()
            return supervisor.pid("judge") not in (None, first)

        _eventually(back)
        assert supervisor.watched["judge"].restarts == 1


def test_a_role_that_dies_at_once_is_started_less_and_less_often() -> None:
    with Supervisor({"page": _command("raise SystemExit(3)")}) as supervisor:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            supervisor.look()
            time.sleep(0.02)
        assert 1 <= supervisor.watched["page"].restarts <= 4
        assert supervisor.watched["page"].wait > running.FIRST_WAIT


def test_one_that_keeps_dying_disturbs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with Supervisor({"page": _command("raise SystemExit(3)"), "judge": _command(ROLE, file)}) as supervisor:
        _eventually(lambda: _written(file))
        before = supervisor.pid("judge")
        for _ in range(50):
            supervisor.look()
            time.sleep(0.02)
        assert supervisor.pid("judge") == before


def test_stop_leaves_no_process_and_takes_less_than_five_seconds(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "two", "three")]
    with Supervisor({file.name: _command(ROLE, file) for file in files}) as supervisor:
        _eventually(lambda: all(map(_written, files)))
        pids = [supervisor.pid(file.name) for file in files]
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not any(_alive(pid) for pid in pids if pid is not None)


def test_a_role_deaf_to_the_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "GRACE", 0.3)
    file = tmp_path / "deaf"
    with Supervisor({"store": _command(STUBBORN, file)}) as supervisor:
        _eventually(lambda: _written(file))
        pid = supervisor.pid("store")
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert pid is not None
    assert not _alive(pid)


def test_a_role_ends_itself_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with subprocess.Popen(_command(PARENT, ROLE, file)) as parent:
        _eventually(lambda: _written(file))
        pid = int(file.read_text())
        assert _alive(pid)
        parent.kill()
    _eventually(lambda: not _alive(pid), within=5)


def test_supervise_returns_when_told_to_stop(tmp_path: Path) -> None:
    file, stop = tmp_path / "pid", threading.Event()
    thread = threading.Thread(target=supervise, args=({"one": _command(ROLE, file)}, stop))
    thread.start()
    _eventually(lambda: _written(file))
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert not _alive(int(file.read_text()))


def test_a_role_is_run_by_the_same_python() -> None:
    command = role_command("site.toml", "judge", ["--data", "there"])
    assert command == [sys.executable, "-m", "collector.cli", "run", "site.toml", "--role", "judge", "--data", "there"]


def test_each_role_has_a_function_of_its_own() -> None:
    assert list(running.ROLES) == ["collect", "judge", "store", "announce", "page"]
    assert len(set(running.ROLES.values())) == 5
