"""One process per role, watched: what dies is started again, what is told to stop stops, nothing is left behind.

Constraints. A role runs in a process of its own and in its own session, so Ctrl-C reaches the supervisor alone, which
then stops the roles in the order it decides. A role whose supervisor died ends itself (Linux tells it). Processes are
signalled by the id of a child we started, never by name. This is no init system: it restarts, it does not judge health.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

ROLES: Mapping[str, str] = {
    "collect": "collector.collecting:collect",
    "judge": "collector.judging:judge",
    "store": "collector.storing:store",
    "announce": "collector.announce:announce",
    "page": "collector.page_role:serve",
}
"""Each role's function, called as `function(settings, stop)`; it returns when `stop` is set."""

SUPERVISOR = "DAVYLAMP_SUPERVISOR"
"""Environment: the process id of who started a role."""
GRACE = 4.0
"""s a role may take to stop before it is killed; the whole stops within 5 s."""
FIRST_WAIT, LONGEST_WAIT, HEALTHY_AFTER = 0.25, 10.0, 30.0
RUN_LOCK = "run.lock"
"""Beside the roles' own: one `davylamp run` or `demo` on a data folder, so that a second one is told once and ends."""
RUNNING = "`davylamp run` or `davylamp demo`"
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Watched:
    """One role's process and its restarts."""

    role: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    wait: float = FIRST_WAIT
    restarts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Starts one process per command and keeps it running until `stop`; a with-block stops them at its end."""

    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)

    def __enter__(self) -> Supervisor:
        for role, command in self.commands.items():
            self.watched[role] = Watched(role, command)
            self._start(self.watched[role])
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pid(self, role: str) -> int | None:
        """The process id of a role that is running now."""
        process = self.watched[role].process
        return None if process is None or process.poll() is not None else process.pid

    def look(self) -> None:
        """Notice what died and start it again once its wait is over. Call it a few times a second."""
        now = time.monotonic()
        for one in self.watched.values():
            if one.process is not None and one.process.poll() is not None:
                self._died(one, now)
            if one.process is None and now >= one.restart_at:
                one.restarts += 1
                self._start(one)

    def stop(self) -> None:
        """Ask all to stop, kill after GRACE what did not, and wait for each."""
        _stop([one.process for one in self.watched.values() if one.process is not None])

    def stop_role(self, role: str) -> None:
        """Stop one role for good; the others go on."""
        one = self.watched.pop(role)
        if one.process is not None:
            _stop([one.process])

    def _start(self, one: Watched) -> None:
        environment = {**os.environ, **self.environment, SUPERVISOR: str(os.getpid())}
        one.process = subprocess.Popen(one.command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        one.started = time.monotonic()
        log.info("role=%s started pid=%d", one.role, one.process.pid)

    def _died(self, one: Watched, now: float) -> None:
        assert one.process is not None
        if now - one.started > HEALTHY_AFTER:
            one.wait = FIRST_WAIT
        log.error("role=%s ended code=%s restart-in=%.2fs", one.role, one.process.returncode, one.wait)
        one.process, one.restart_at = None, now + one.wait
        one.wait = min(one.wait * 2, LONGEST_WAIT)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    end = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("role=killed pid=%d reason=did-not-stop after=%.0fs", process.pid, GRACE)
            process.kill()
            process.wait()


def role_command(site: str, role: str, options: Sequence[str] = ()) -> list[str]:
    """The command that runs one role alone."""
    return [sys.executable, "-m", "collector.cli", "run", site, "--role", role, *options]


def supervise(commands: Mapping[str, Sequence[str]], stop: threading.Event) -> None:
    """Run all commands until `stop` is set."""
    with Supervisor(commands) as supervisor:
        while not stop.wait(0.2):
            supervisor.look()


def run_role(role: str, settings: Any, stop: threading.Event) -> None:
    """Run one role in this process; it returns when `stop` is set."""
    module, _, name = ROLES[role].partition(":")
    function: Callable[[Any, threading.Event], None] = getattr(import_module(module), name)
    function(settings, stop)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of what they did before; also when our supervisor dies."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    end_with_supervisor(stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_supervisor(stop: threading.Event) -> None:
    """Have Linux send SIGTERM when the supervisor dies; elsewhere, and if it died before, look each second."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch_parent, args=(int(supervisor), stop), name="supervisor-watch", daemon=True).start()


def _watch_parent(supervisor: int, stop: threading.Event) -> None:
    while os.getppid() == supervisor:
        if stop.wait(1.0):
            return
    stop.set()
