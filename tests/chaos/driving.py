"""The one driver of all faults: real roles under the real supervisor, a real broker, steady readings, a desk.

Constraints. A fault is done to it from outside (faults.py); meanwhile the publisher goes on. Afterwards `tally`
compares what was sent with log, history, journal and desk, the roles being at rest. Signals go to children, by
their id.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from collector.actions import ask_revision
from collector.config import load
from collector.history import History
from collector.journal import verify
from collector.judged import Judged, every_line
from collector.ledger import read_at_rest, read_counts
from collector.replaying import replay
from collector.running import Supervisor, role_command
from tests.at_rest import judge_log
from tests.chaos.desk import Desk
from tests.chaos.numbers import LIMIT, RESET, SENSORS, Numbers, sensor
from tests.chaos.tap import Tap
from tests.servers import Mosquitto

ROLES = ("collect", "judge", "store", "announce")
WITHIN = 60.0
"""s in which all must be where it belongs after a fault has ended."""
KEEPALIVE = 5
"""s; the shortest that a site file may have."""
SITE = """
[site]
id = "chaos"
timezone = "Asia/Shanghai"
simulated = true
data = "data"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
keepalive = {keepalive}
alarm_after = "4s"
[announce]
webhooks = [{{ name = "desk", url = "{desk}" }}]
[payload.plain]
topic = "chaos/{{area}}/{{sensor}}"
json = {{ value = "v", unit = "u", time = "t" }}
[sensor]
{sensors}
[rule.gas]
sensors = ["quantity:methane"]
detector = {{ kind = "signal.limit", limit = "{limit} %vol", reset = "{reset} %vol" }}
priority = "critical"
guidance = "Leave"
consequence = "Fire"
respond_within = "30min"
"""
SENSOR = '{name} = {{ area = "a", quantity = "methane", unit = "%vol", span = [0, 4], every = "60s" }}'


@dataclass(slots=True)
class Tally:
    """What came of the readings that were sent, and of the alarms in them."""

    sent: int = 0
    lost: int = 0
    twice: int = 0
    missed: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)
    """What else does not hold: ledger, hash chain, replay, an alarm that ended without a good reading."""


@dataclass
class Drive:
    """A site that runs and is fed. `more` is TOML for its file, `environment` what its roles see beside ours."""

    folder: Path
    rate: int = 200
    more: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    data: Path = field(init=False)

    def __post_init__(self) -> None:
        self.data = self.folder / "data"

    def __enter__(self) -> Drive:
        self.broker = Mosquitto(self.folder / "mosquitto").start()
        self.tap, self.desk = Tap(self.broker.port), Desk()
        self.site = self._write()
        loaded = load(self.site)
        ask_revision(self.data, loaded.document, "chaos", "first")
        self._run()
        self._await_session()
        self.numbers = Numbers(self.broker.port, self.rate)
        return self

    def __exit__(self, *_: object) -> None:
        self._halt()
        self.tap.__exit__()
        self.broker.stop()
        self.desk.close()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """All roles are stopped in order meanwhile, and started again afterwards; readings keep coming."""
        self._halt()
        yield
        self._run()

    def _run(self) -> None:
        self.roles = Supervisor({role: self._command(role) for role in ROLES}, self.environment)
        self._looking = threading.Event()
        self.roles.__enter__()
        self._looker = threading.Thread(target=self._look, name="supervisor", daemon=True)
        self._looker.start()

    def _halt(self) -> None:
        self._looking.set()
        self._looker.join()
        for role in ROLES:
            if (pid := self.roles.pid(role)) is not None:
                os.kill(pid, signal.SIGCONT)
        self.roles.stop()

    def _write(self) -> Path:
        path = self.folder / "site.toml"
        sensors = "\n".join(SENSOR.format(name=sensor(k)) for k in range(SENSORS))
        given = {"port": self.tap.port, "keepalive": KEEPALIVE, "desk": self.desk.url, "limit": LIMIT, "reset": RESET}
        path.write_text(SITE.format(sensors=sensors, **given) + self.more)
        return path

    def _command(self, role: str) -> list[str]:
        return ["sh", "-c", 'exec "$@" >> "$0" 2>&1', str(self.log(role)), *role_command(str(self.site), role)]

    def log(self, role: str) -> Path:
        """Where a role says what it has to say."""
        return self.folder / f"{role}.log"

    def says(self, role: str, what: str, after: int, within: float = 20.0) -> None:
        """Wait until a role has said something, behind so many bytes of its log."""
        log = self.log(role)
        eventually(lambda: what in log.read_bytes()[after:].decode(), within, f"{role} does not say {what!r}: {log}")

    def _look(self) -> None:
        while not self._looking.wait(0.1):
            self.roles.look()

    def _await_session(self) -> None:
        """Until the broker knows our session: from then on it keeps what comes for us."""
        log = self.folder / "mosquitto" / "mosquitto.log"
        eventually(lambda: b"davylamp-chaos" in log.read_bytes(), 30, f"collect did not connect: {self.log('collect')}")
        time.sleep(0.5)

    def signal(self, role: str, what: int) -> None:
        """Send a signal to the process that has the role now."""
        eventually(lambda: self.roles.pid(role) is not None, 20, f"{role} does not run: {self.log(role)}")
        pid = self.roles.pid(role)
        assert pid is not None
        os.kill(pid, what)

    def stored(self) -> int:
        """Readings of the publisher's that history holds."""
        return sum(times.size for times in self._history().values())

    def _history(self) -> dict[str, np.ndarray]:
        history = History(self.data)
        try:
            return {name: history.window(name, 0, 2**62)[0] for name in map(sensor, range(SENSORS))}
        finally:
            history.close()

    def recovered(self, within: float = WITHIN) -> float:
        """s until all that was sent before now is in history. Raises TimeoutError."""
        sent = self.numbers.sent
        return eventually(lambda: self.stored() >= sent, within, f"history does not get to {sent} readings")

    def tally(self, settle: bool = True) -> Tally:
        """Stop sending, let all arrive (without `settle` some may never), stop the roles, compare."""
        self.numbers.finish()
        time.sleep(2.5)
        end = time.monotonic() + WITHIN
        while time.monotonic() < end and not ((self.stored() >= self.numbers.sent or not settle) and self._followed()):
            time.sleep(0.2)
        self.__exit__()
        found = Tally(self.numbers.sent)
        self._readings(found)
        self._alarms(found)
        self._records(found)
        return found

    def _followed(self) -> bool:
        """True at a moment when judge, every store and the desk have dealt with all there is."""
        counts, judged = read_counts(self.data), Judged(self.data)
        lines = judged.journal(counts.get("announce.desk.cursor", 0), 1)
        judged.close()
        waiting = [number for name, number in counts.items() if name.endswith((".waiting", ".waiting_seals"))]
        return not any(waiting) and not lines

    def _readings(self, found: Tally) -> None:
        for k, (_, times) in enumerate(self._history().items()):
            once = np.unique(times).size
            found.lost += self.numbers.of(k) - once
            found.twice += times.size - once

    def _alarms(self, found: Tally) -> None:
        judged = Judged(self.data)
        lines = [line for _, text, _ in every_line(judged) if (line := json.loads(text))["rule"] == "gas"]
        judged.close()
        raised = Counter(line["sensor"] for line in lines if line["change"] == "raised")
        notices: dict[tuple[str, int], set[str]] = {}
        for heard in self.desk.heard:
            if heard.change["rule"] == "gas" and heard.change["change"] == "raised":
                notices.setdefault((heard.change["sensor"], heard.change["occurrence"]), set()).add(heard.notice)
        told = Counter(name for name, _ in notices)
        for k in range(SENSORS):
            name, rises = sensor(k), self.numbers.rises(k)
            found.missed += max(0, rises - raised[name]) + max(0, raised[name] - told[name])
            found.again += max(0, raised[name] - rises)
        found.again += sum(len(ids) - 1 for ids in notices.values())
        ended = [line for line in lines if line["change"] == "returned" and not (line["value"] or LIMIT) < RESET]
        found.wrong += [f"{line['sensor']} returned at {line['value']}" for line in ended]

    def _records(self, found: Tally) -> None:
        found.wrong += [str(one) for one in read_at_rest(self.data)[1]]
        judge_log(self.data)  # collect may have sealed once more after the judge had stopped
        judged = Judged(self.data)
        live = [text for _, text, _ in every_line(judged)]
        judged.close()
        if (problem := verify(live)) is not None:
            found.wrong.append(f"the journal's chain: {problem}")
        journal = self.folder / "replayed.jsonl"
        replay(load(self.site).site, self.data, journal)
        again = journal.read_text().splitlines()
        if again != live:
            at = next((k for k, pair in enumerate(zip(live, again, strict=False)) if pair[0] != pair[1]), len(live))
            found.wrong.append(f"{len(live)} lines live, {len(again)} replayed, the first other: {again[at : at + 1]}")


def eventually(condition: object, within: float, otherwise: str) -> float:
    """s until a condition holds. Raises TimeoutError, which says what did not happen."""
    assert callable(condition)
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > within:
            raise TimeoutError(f"not within {within:g} s: {otherwise}")
        time.sleep(0.1)
    return time.monotonic() - begun
