"""A small site in memory, for the page: calm or in alarm, with answers that are noted. Also served by hand:

    python -m tests.dashboards.sample [calm|alarm|behind] [PORT]
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dashboards.console.acting import Answer, Asked, Reply
from dashboards.console.reading import (
    AlarmRow,
    HazardRow,
    LedgerRow,
    LimitLine,
    Line,
    Reading,
    SensorRow,
    Status,
    Unreadable,
    Watching,
)

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
NOW = 1_795_487_467 * SECOND
"""2026-11-24 10:31:07 +08:00."""

METHANE = AlarmRow(
    "face-methane.cut", "ch4-2105", "face-2105", "signal.limit", "critical", occurrence=3, active=True, acked=False,
    value=1.52, limit=1.5, unit="%vol", why_key="signal.limit.above", since=NOW - 134 * SECOND, time=NOW - 2 * SECOND,
    guidance="Confirm power cut, withdraw 2105, call 2100", consequence="Ignition at the face",
    citation="AQ 1029-2019 table 1", respond_within=5 * MINUTE,
)  # fmt: skip
FAN = AlarmRow(
    "fan-stopped", "fan-2105", "face-2105", "signal.state", "high", occurrence=1, active=True, acked=False, value=0.0,
    states=("stopped", "running"), why_key="signal.state.entered", since=NOW - 51 * SECOND,
    guidance="Withdraw 2105; methane check before restart",
)  # fmt: skip
SILENT = AlarmRow(
    "silent", "dust-belt-3", "belt-3", "health.silent", "medium", occurrence=7, active=True, acked=False,
    why_key="health.silent.silent", why_numbers={"seconds": 90.0}, since=NOW - 14 * MINUTE,
    guidance="Check the sensor's power, cable and network. Watch the place by other means until it speaks again.",
)  # fmt: skip
WALL = AlarmRow(
    "wall-moving", "prism-17", "north-wall", "slope.velocity", "high", occurrence=2, active=True, acked=True,
    value=14.2, limit=10.0, unit="mm/d", why_key="slope.velocity.above", why_numbers={"floor": 2.1},
    since=NOW - 5 * HOUR, guidance="Close ramp 4, call geotechnical duty", accepted_by="Li Wei", note="ramp 4 closed",
)  # fmt: skip
GROUP = AlarmRow(
    "wall-confirmed", "north-wall", "north-wall", "network.vote", "critical", value=1.0, limit=2.0, unit="1",
    why_key="network.vote.few", why_numbers={"votes": 1, "unknown": 0, "members": 3},
    sensors=("prism-17", "prism-18", "prism-19"), guidance="Evacuate the pit floor below the north wall",
)  # fmt: skip
RETURNED = AlarmRow(
    "co-return", "co-2105", "face-2105", "signal.limit", "low", occurrence=1, active=False, acked=False, value=11.0,
    limit=24.0, unit="ppm", why_key="signal.limit.within", since=NOW - 9 * MINUTE, guidance="Look for heating",
)  # fmt: skip
SHELVED = AlarmRow(
    "dust-health", "dust-crusher", "plant", "signal.limit", "medium", occurrence=4, active=True, acked=True,
    hidden=frozenset({"shelved"}), value=6.2, limit=4.0, unit="mg/m3", why_key="signal.limit.above",
    since=NOW - 2 * HOUR, until=NOW + 40 * MINUTE, note="water truck on its way", guidance="Spray",
)  # fmt: skip
LEARNING = AlarmRow(
    "wall-moving", "prism-19", "north-wall", "slope.velocity", "high", watching=False,
    why_key="slope.velocity.learning", limit=10.0, unit="mm/d",
)  # fmt: skip
OUT = AlarmRow(
    "fire-co", "co-belt-3", "belt-3", "signal.limit", "high", hidden=frozenset({"out_of_service"}), limit=50.0,
    unit="ppm", why_key="signal.limit.within", until=NOW + 3 * HOUR, note="being exchanged; hand meter each hour",
)  # fmt: skip

LEFT = [
    HazardRow("face-methane.cut", "ch4-2105", 3, "face-2105", "critical", NOW - 134 * SECOND, NOW + 8 * HOUR, alarms=1),
    HazardRow("fan-stopped", "fan-2105", 1, "face-2105", "high", NOW - 80 * HOUR, NOW - 8 * HOUR, "Wang Fang", 4,
              "bearing exchanged, runs on trial"),
    HazardRow("wall-moving", "prism-17", 2, "north-wall", "high", NOW - 5 * HOUR, NOW + 67 * HOUR, "Li Wei"),
]  # fmt: skip


def _sensors() -> list[SensorRow]:
    make = SensorRow
    rows = [
        make("ch4-2105", "face-2105", "methane", "%vol", 0.42, every=5 * SECOND),
        make("ch4-2105-r", "face-2105", "methane", "%vol", 0.31, every=5 * SECOND),
        make("co-2105", "face-2105", "co", "ppm", 6.0, every=10 * SECOND),
        make("o2-2105", "face-2105", "o2", "%vol", 20.7, every=10 * SECOND),
        make("fan-2105", "face-2105", "state", "", 1.0, every=10 * SECOND, states=("stopped", "running")),
        make("dust-belt-3", "belt-3", "dust", "g/m3", 1.8, every=30 * SECOND),
        make("co-belt-3", "belt-3", "co", "ppm", 4.0, every=10 * SECOND),
        make("ch4-belt-3", "belt-3", "methane", "%vol", 0.05, every=5 * SECOND),
        make("dust-crusher", "plant", "dust", "mg/m3", 2.2, every=MINUTE),
        make("dust-screen", "plant", "dust", "mg/m3", 1.4, every=MINUTE),
        make("rain-1", "weather", "rain", "mm", 0.0, every=10 * MINUTE),
        make("wind-1", "weather", "wind", "m/s", 3.4, every=10 * SECOND),
        make("geo-1", "north-wall", "ground_velocity", "mm/s", 0.02, every=SECOND),
        make("geo-2", "ramp-4", "ground_velocity", "mm/s", 0.03, every=SECOND),
    ]
    rows += [make(f"prism-{k}", "north-wall", "displacement", "mm", 118.0 + k / 3, every=HOUR) for k in range(11, 25)]
    for k in range(40, 60):
        rows.append(make(f"ch4-21{k}", f"face-2{k // 4 * 10}", "methane", "%vol", k / 150, every=5 * SECOND))
    return [replace(s, time=NOW - 2 * SECOND, arrived=NOW - 2 * SECOND) for s in rows]


def _quiet(sensor: SensorRow) -> AlarmRow:
    why = "health.silent.heard"
    return AlarmRow("silent", sensor.sensor, sensor.area, "health.silent", "medium", why_key=why)


@dataclass
class Sample(Reading):
    """Reading and Acting over lists. `error` makes every read fail; `reply` is the answer to every action."""

    rows: list[AlarmRow]
    known: list[SensorRow] = field(default_factory=_sensors)
    behind: int = SECOND // 10
    now: int = NOW
    simulated: bool = True
    error: str = ""
    moves: bool = False
    reply: Answer = Answer(Reply.TAKEN)
    asked: list[Asked] = field(default_factory=list)
    left: list[HazardRow] = field(default_factory=list)
    reads: int = 0
    _began: float = field(default_factory=time.monotonic)

    def status(self) -> Status:
        self.reads += 1
        if self.error:
            raise Unreadable(self.error)
        out = sum(not r.watching or "out_of_service" in r.hidden for r in self.rows)
        if self.moves:
            self._move()
        watching = Watching(len(self.rows) - out, len(self.rows))
        return Status("north-pit", "Asia/Shanghai", self.simulated, 12, self.now, self.behind, watching)

    def alarms(self) -> Sequence[AlarmRow]:
        return self.rows

    def hazards(self) -> Sequence[HazardRow]:
        return self.left

    def sensors(self) -> Sequence[SensorRow]:
        return self.known

    def ledger(self) -> Sequence[LedgerRow]:
        counts = {"received messages": 184_203, "appended": 184_203, "decoded readings": 197_644, "dead bad unit": 3}
        return [LedgerRow(name, count + self.reads) for name, count in counts.items()]

    def lines(self, sensor: str, since: int) -> Sequence[Line]:
        row = next((s for s in self.known if s.sensor == sensor), None)
        if row is None:
            return []
        chance = random.Random(sensor)
        times = [t for t in range(since, self.now, 5 * SECOND) if not 400 < (self.now - t) / SECOND < 700]
        level = 0.42 if sensor == "ch4-2105" else row.value or 0.0
        values = [
            level * (1 + 0.12 * math.sin(t / 9e11) + 0.03 * chance.gauss(0, 1))
            + max(0.0, 1.1 - (self.now - t) / (300 * SECOND)) * (sensor == "ch4-2105")
            for t in times
        ]
        limits = [LimitLine(r.rule, r.priority, r.limit) for r in self.rows if r.subject == sensor and r.limit]
        lines = [Line(sensor, row.quantity, row.unit, times, values, limits if row.unit != "mm" else (), 5 * SECOND)]
        if row.unit == "mm":
            velocity = [abs(v - level) for v in values]
            name = f"{sensor}/wall-moving.velocity"
            lines.append(Line(name, "velocity", "mm/d", times, velocity, limits, 5 * SECOND))
        return lines

    def act(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.reply.reply is Reply.TAKEN and asked.kind in ("acknowledge", "accept"):
            self.rows = [
                replace(r, acked=True, accepted_by=asked.by if asked.kind == "accept" else r.accepted_by)
                if (r.rule, r.subject) == (asked.rule, asked.subject)
                else r
                for r in self.rows
            ]
        return self.reply

    def _move(self) -> None:
        step = int((time.monotonic() - self._began) * SECOND)
        self.now = NOW + step
        self.known = [
            s if s.sensor == "dust-belt-3" else
            replace(s, time=self.now - SECOND, value=s.value and round(s.value * (1 + random.gauss(0, 0.004)), 3))
            if not s.states
            else replace(s, time=self.now - SECOND)
            for s in self.known
        ]


def calm() -> Sample:
    """Nothing stands; one pair learns, one is out of service."""
    sensors = _sensors()
    rows = [_quiet(s) for s in sensors if s.sensor != "wind-1"]
    rows += [replace(r, active=False, acked=True, value=0.4, why_key="signal.limit.within") for r in (METHANE, FAN)]
    return Sample(rows + [GROUP, LEARNING, OUT], sensors)


def alarmed() -> Sample:
    """One of each: critical, high, a fault, a returned one, an acknowledged one, a shelved one."""
    sample = calm()
    raised = [METHANE, FAN, SILENT, WALL, RETURNED, SHELVED]
    keys = {(r.rule, r.subject) for r in raised}
    sample.rows = [r for r in sample.rows if (r.rule, r.subject) not in keys] + raised
    new = {"ch4-2105": {"value": 1.52}, "fan-2105": {"value": 0.0}, "dust-belt-3": {"time": NOW - 15 * MINUTE}}
    sample.known = [replace(s, **new.get(s.sensor, {})) for s in sample.known]  # type: ignore[arg-type]
    sample.left = list(LEFT)
    return sample


def behind() -> Sample:
    """In alarm, and judging 12 min behind."""
    sample = alarmed()
    sample.behind = 12 * MINUTE
    return sample


if __name__ == "__main__":
    import uvicorn

    from dashboards.console.page import page

    what = {"calm": calm, "alarm": alarmed, "behind": behind}[(sys.argv[1:] or ["alarm"])[0]]()
    what.moves = True
    port = int((sys.argv[2:] or ["8137"])[0])
    uvicorn.run(page(what, what), host="127.0.0.1", port=port, log_level="critical", timeout_graceful_shutdown=1)
