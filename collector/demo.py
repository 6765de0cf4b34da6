"""The demo: an embedded broker, a pretended pit, all roles and the page, in one command that leaves nothing running.

Constraints. Everything is on loopback and in one data folder; the same folder again resumes with the same alarms. With
an end it judges itself: each truth of the scenario that had time must have been raised, and the ledger must balance.
It pretends readings only: broker, spool, judge, history and page are the real ones.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from collector.applying import differences, in_force, put_in_force
from collector.broker import EmbeddedBroker
from collector.config import Loaded, load
from collector.errors import Unavailable
from collector.locking import held
from collector.outcome import Expected, Outcome
from collector.running import ROLES, RUN_LOCK, RUNNING, Supervisor, role_command, stopping
from collector.spool import SpoolReader
from collector.verb import NO, OK, say, warn
from simulators.publish import run_demo
from simulators.scenario import north_pit_site, read_scenario

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
READY = 30.0
"""s within which all must be up."""
SETTLE = 20.0
"""s in which, at the end, every reader must come to the end of what it follows."""
TRIES = 50
SUBSCRIBED = 1.0
"""s from being let in until the broker has surely taken the subscriptions."""
RECENT = 200
"""Seals in which collect's word on the broker is looked for."""


@dataclass(slots=True)
class Demo:
    """One run of the demo. `seconds` None: until it is told to stop."""

    data: Path
    port: int
    seconds: float | None
    verbose: bool = False
    _resumed: bool = False
    _began: int = field(default_factory=time.time_ns)
    _published: list[BaseException] = field(default_factory=list)

    def run(self) -> int:
        """Run it; the exit code."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._resumed = in_force(self.data) is not None
        with held(self.data / RUN_LOCK, RUNNING), stopping() as stop, EmbeddedBroker(self.data / "broker") as broker:
            site = self.data / "north-pit.toml"
            site.write_text(north_pit_site(broker.url), encoding="utf-8")
            loaded, port = load(site), free_port(self.port)
            options = ["--data", str(self.data), "--port", str(port), *(["--verbose"] if self.verbose else [])]
            commands = {role: role_command(str(site), role, options) for role in ROLES}
            with Supervisor(commands) as supervisor:
                if not self._ready(supervisor, loaded, stop):
                    return OK if stop.is_set() else NO
                say(f"SIMULATION north-pit. Page: http://{HOST}:{port}   data: {self.data}   Ctrl-C ends it")
                say(f"In another terminal: davylamp alarms --data {self.data}")
                started, code = self._live(supervisor, broker.url, stop)
                if self.seconds is None or code != OK:
                    warn(f"ended; the same command goes on where it was, and {self.data} may be deleted")
                    return code
                self._settle(supervisor)
        return self._report(started, loaded)

    def _ready(self, supervisor: Supervisor, loaded: Loaded, stop: threading.Event) -> bool:
        """The site in force, and collect subscribed: only then may anything be published."""
        end = time.monotonic() + READY
        while not stop.is_set() and time.monotonic() < end:
            supervisor.look()
            standing = in_force(self.data)
            if standing is not None and not differences(standing, loaded.whole):
                return self._subscribed(supervisor, stop, end)
            if SpoolReader(self.data).last():
                answer = put_in_force(self.data, loaded.whole, "demo", "the pretended pit", READY)
                if answer.outcome != "taken":
                    warn(f"the site file was {answer.outcome}: {answer.reason}")
                    return False
            stop.wait(0.1)
        if not stop.is_set():
            warn(f"the roles were not up within {READY:.0f} s; does another demo run on {self.data}? See --verbose")
        return False

    def _subscribed(self, supervisor: Supervisor, stop: threading.Event, end: float) -> bool:
        while not stop.is_set() and time.monotonic() < end:
            supervisor.look()
            if connected(self.data, self._began):
                return not stop.wait(SUBSCRIBED)
            time.sleep(0.1)
        warn(f"collect did not reach the broker within {READY:.0f} s; see --verbose")
        return False

    def _live(self, supervisor: Supervisor, url: str, stop: threading.Event) -> tuple[int, int]:
        """Publish and supervise until the end; when it began (ns), and the exit code so far."""
        ended, started = threading.Event(), time.time_ns()
        publisher = threading.Thread(target=self._publish, args=(url, started, ended), name="publisher")
        publisher.start()
        end = None if self.seconds is None else time.monotonic() + self.seconds
        try:
            while not stop.wait(0.2) and (end is None or time.monotonic() < end):
                supervisor.look()
                if self._published:
                    warn(f"the simulator stopped: {self._published[0]}")
                    return started, NO
        finally:
            ended.set()
            publisher.join()
        return started, OK

    def _publish(self, url: str, start: int, ended: threading.Event) -> None:
        try:
            run_demo(url, start, ended, past=not self._resumed)
        except Exception as error:  # whatever it is, the demo must end and say so
            log.exception("publisher=failed")
            self._published.append(error)

    def _settle(self, supervisor: Supervisor) -> None:
        """Let every reader come to the end of what it follows: first collect's log stops, then the rest catches up."""
        end = time.monotonic() + SETTLE
        time.sleep(1.0)
        supervisor.stop_role("collect")
        outcome = Outcome(self.data)
        while time.monotonic() < end and not outcome.settled():
            supervisor.look()
            time.sleep(0.1)

    def _report(self, started: int, loaded: Loaded) -> int:
        outcome = Outcome(self.data)
        elapsed = (self.seconds or 0.0)
        expected = Expected.of(read_scenario("demo"), elapsed, loaded.site)
        say(outcome.raised_table(started))
        say("")
        say(outcome.ledger_text())
        problems = outcome.problems(expected, started)
        for problem in problems:
            warn(f"NOT AS EXPECTED: {problem}")
        say("" if problems else "\nas expected: every truth of the scenario was raised, and the ledger balances")
        return NO if problems else OK


def free_port(first: int) -> int:
    """`first`, or the next port nobody listens on. Raises Unavailable after TRIES."""
    for port in range(first, first + TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise Unavailable(f"no free port from {first} to {first + TRIES - 1}; give another --port")


def connected(folder: Path, since: int) -> bool:
    """True once collect has said, since a time (ns), that the broker let it in."""
    reader = SpoolReader(folder)
    try:
        recent = reader.read(max(0, reader.last() - RECENT))
    finally:
        reader.close()
    said = [m for seal in recent if seal.wall >= since for m in seal.messages if m.topic == "own/link"]
    return bool(said) and json.loads(said[-1].payload).get("value") == 1
