"""The fast fold against the model, on generated logs, cut and ticked and restored anywhere."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.bank import Rows
from detectors.judge import Judge
from detectors.reading import Batch, Quality
from detectors.records import Action, Change
from detectors.signal.limit import Limit
from detectors.site import Site, read_site, series
from detectors.snapshot import restore, snapshot
from tests.model import Model

S = 10**9
START = 1_700_000_000 * S
SENSORS = ("ch4-1", "ch4-2", "ch4-3", "fan", "mast")


def document() -> dict[str, Any]:
    """Five sensors, and every thing that a rule can be told to do."""

    def limit(value: float, reset: float, side: str = "above") -> dict[str, Any]:
        return {"kind": "signal.limit", "side": side, "limit": f"{value} %vol", "reset": f"{reset} %vol"}

    def rule(sensors: list[str], detector: dict[str, Any], priority: str = "medium", **more: Any) -> dict[str, Any]:
        return {"sensors": sensors, "detector": detector, "priority": priority, "guidance": "Look", **more}

    def vote(of: str, k: int, priority: str = "low", degrade: str = "fewer", within: str = "0s", **more: Any) -> Any:
        detector = {"kind": "network.vote", "of": of, "k": k, "within": within, "degrade": degrade}
        return {"group": f"all-{k}", "area": "face", "detector": detector, "priority": priority, **more}

    methane = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"}
    critical = {"guidance": "Leave", "consequence": "Fire", "respond_within": "2min"}
    return {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
        "sensor": {
            "ch4-1": methane,
            "ch4-2": methane,
            "ch4-3": {**methane, "area": "return"},
            "fan": {"area": "face", "states": ["stopped", "running"], "every": "7s"},
            "mast": {"area": "top", "quantity": "methane", "unit": "%vol", "span": [0, 4]},
        },
        "rule": {
            "warn": rule(["ch4-*"], limit(1.0, 0.5), ladder="gas", rung=0),
            "agreed": vote("@warn/*", 2, "critical", within="9s", on_delay="4s", off_delay="6s", **critical),
            "cut": rule(["ch4-*"], limit(1.5, 1.0), "high", ladder="gas", rung=1, latch=True),
            "out": rule(["ch4-1", "ch4-2"], limit(2.0, 1.5), "critical", ladder="gas", rung=2) | critical,
            "held": rule(["ch4-*", "mast"], limit(1.2, 1.1), "high", on_delay="12s", off_delay="8s"),
            "low": rule(["ch4-3", "mast"], limit(0.1, 0.2, "below"), "low", suppress_when="@fan-stopped"),
            "fan-stopped": rule(["fan"], {"kind": "signal.state", "alarm_on": "stopped"}, suppress_when="@pair"),
            "noted": rule(["ch4-*"], limit(0.8, 0.8), "log", suppress_when="@held"),
            "one": vote("@held/*", 1, degrade="keep", latch=True),
            "pair": vote("@cut/*", 2, "low", degrade="keep", within="3s"),
            "two-levels": vote("@agreed/all-2", 1, off_delay="5s"),
            "quiet": rule(["ch4-*"], {"kind": "health.silent", "intervals": 5}, "log", on_delay="3s"),
        },
    }  # fmt: skip


def derived() -> dict[str, Any]:
    """Rules on what rules derive, which the model does not know."""
    more = {
        "speed": {
            "sensors": ["ch4-1", "mast"], "priority": "low", "off_delay": "3s",
            "detector": {"kind": "slope.velocity", "limit": "4000 %vol/d", "window": "25s"},
        },
        "shift": {"sensors": ["ch4-2"], "priority": "low", "detector": {"kind": "gas.twa", "limit": "0.01 %vol"}},
        "fast": {
            "sensors": ["ch4-1/speed.velocity", "mast/speed.velocity"], "priority": "low", "on_delay": "2s",
            "detector": {"kind": "signal.limit", "limit": "2000 %vol/d", "reset": "1000 %vol/d"},
        },
        "either": {
            "group": "top", "priority": "low", "area": "top",
            "detector": {"kind": "network.vote", "of": ["@fast/*", "@warn/ch4-1", "@speed/*"], "k": 2, "within": "4s"},
        },
    }  # fmt: skip
    plain = document()
    sensors = {name: {**sensor, "noise": 0.001} for name, sensor in plain["sensor"].items() if "span" in sensor}
    return {**plain, "sensor": {**plain["sensor"], **sensors}, "rule": {**plain["rule"], **more}}


def lowered() -> dict[str, Any]:
    """A stricter limit, another delay, a sensor less, rules less."""
    plain = document()
    del plain["sensor"]["ch4-3"], plain["rule"]["quiet"], plain["rule"]["noted"]
    plain["rule"]["warn"]["detector"] |= {"limit": "0.6 %vol", "reset": "0.3 %vol"}
    plain["rule"]["held"] |= {"on_delay": "3s", "latch": True}
    plain["rule"]["low"]["sensors"] = ["mast"]
    return plain


SITE: Site = read_site(document())
DERIVED: Site = read_site(derived())
LOWERED: Site = read_site(lowered())
NAMES = [s.id for s in series(SITE)]
PAIRS = [(rule.name, subject.id) for rule in SITE.rules for subject in rule.subjects]
BUSY = [("cut", "ch4-1"), ("held", "ch4-2"), ("one", "all-1")]
"""Where most actions go, so that some of them meet."""


@dataclass(frozen=True)
class Row:
    """A reading in the log."""

    arrived: int
    sensor: int
    time: int
    value: float
    quality: int


@dataclass(frozen=True)
class Acted:
    """An action in the log."""

    arrived: int
    action: Action

    def apply(self, judge: Judge) -> list[Change]:
        return judge.act(self.action, self.arrived).changes


@dataclass(frozen=True)
class Revised:
    """A revision in the log."""

    arrived: int
    site: Site

    def apply(self, judge: Judge) -> list[Change]:
        before = {(key, r.alarm.active, r.alarm.latched, r.alarm.acked) for key, r in judge.alarms.standing()}
        changes = judge.revise(self.site, self.arrived, judge.revision.number + 1, "wang", "better")
        after = {(key, r.alarm.active, r.alarm.latched, r.alarm.acked) for key, r in judge.alarms.standing()}
        assert after == before, "a revision clears nothing by itself, and raises nothing"
        return changes


@dataclass(frozen=True)
class Blind:
    """Nobody listened from the entry before to this one."""

    arrived: int

    def apply(self, judge: Judge) -> list[Change]:
        return judge.blind(judge.now, self.arrived)


Log = list[Row | Acted | Revised | Blind]


def at_model(log: Log, end: int) -> Model:
    model = Model(SITE, START)
    for item in log:
        if isinstance(item, Acted):
            model.act(item.action, item.arrived)
        elif isinstance(item, Row):
            model.read(item.sensor, item.time, item.value, item.arrived, item.quality)
    model.tick(end)
    return model


def again(judge: Judge) -> Judge:
    """The judge after a restart: through bytes and JSON."""
    arrays, plain = snapshot(judge)
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return restore(judge.site, {name: stored[name] for name in stored.files}, json.loads(json.dumps(plain)))


class Fold:
    """The fast fold over a log: `lines` in the model's form, and all rows in their order."""

    def __init__(self, number_on: bool = True, site: Site = SITE) -> None:
        self.judge = Judge(site, START)
        self.changes: list[Change] = []
        self.rows: list[tuple[Any, ...]] = []
        self.number_on, self.row = number_on, 0

    def batch(self, rows: list[Row], until: int) -> None:
        """Judge one batch; readings of sensors that a revision removed are nobody's."""
        known = {name: number for number, name in enumerate(self.judge.site.sensors)}
        rows = [r for r in rows if SENSORS[r.sensor] in known]
        first = self.row if self.number_on else 0
        self.row += len(rows)
        columns = [[getattr(r, name) for r in rows] for name in ("time", "value", "arrived", "quality")]
        time, value, arrived, quality = columns
        sensor = [known[SENSORS[r.sensor]] for r in rows]
        numbers = np.arange(first, first + len(rows))
        judged = self.judge.step(
            Batch.of(until, sensor, time, value, arrived=arrived, quality=quality, row=numbers)
        )
        self.changes += judged.changes
        parts = [part for part in judged.rows if len(part)]
        if parts:
            self._note(Rows.joined(parts))

    def _note(self, rows: Rows) -> None:
        names = list(self.judge.revision.table)
        columns = (rows.series, rows.time, rows.arrived, rows.value, rows.quality)
        for series_number, *rest in zip(*(c.tolist() for c in columns), strict=True):
            self.rows.append((names[series_number], *rest))

    def run(self, log: Log, end: int, cut: Any, tick: Any, restart: Any) -> Fold:
        """`cut(k)`, `restart(k)`: whether to do so before item k. `tick(a, b)`: at which instants in [a, b] to tick."""
        waiting: list[Row] = []
        now = START
        for k, item in enumerate(log):
            ticks = [] if isinstance(item, Blind) else tick(now, item.arrived)
            if not isinstance(item, Row) or cut(k) or ticks:
                self.batch(waiting, now)
                waiting = []
                for until in ticks:
                    self.batch([], until)
            if restart(k):
                self.batch(waiting, now)
                waiting, self.judge = [], again(self.judge)
            now = item.arrived
            if isinstance(item, Row):
                waiting.append(item)
                continue
            if not isinstance(item, Blind):
                self.batch([], now)
            self.changes += item.apply(self.judge)
        self.batch(waiting, end)
        return self

    def lines(self) -> list[tuple[Any, ...]]:
        """What the model's lines say of the same changes; it knows no desks."""
        return [
            (c.now, c.time, c.rule, c.sensor, c.change, c.isa, c.occurrence, c.priority,
             None if c.value is None else float(c.value), c.limit,
             "refused" if c.change == "refused" else c.why.key, c.action)
            for c in self.changes
            if c.change != "joined"
        ]  # fmt: skip


def whole(log: Log, end: int, site: Site = SITE) -> Fold:
    return Fold(site=site).run(log, end, lambda k: False, lambda a, b: [], lambda k: False)


def text(rows: Sequence[Any]) -> list[str]:
    """Rows by their words, because no number does not equal itself."""
    return [repr(row) for row in rows]


def by_series(rows: list[Any]) -> list[Any]:
    """Within an instant series by series: the order in which one row's consequences are handed on is the fold's own."""
    return sorted(rows, key=lambda row: (row[2], NAMES.index(row[0])))


VALUES = (0.0, 0.05, 0.2, 0.3, 0.5, 0.7, 0.8, 0.99, 1.0, 1.15, 1.2, 1.3, 1.5, 2.0, 4.5, -0.2, float("nan"))
KINDS = ("acknowledge", "accept", "comment", "shelve", "unshelve", "out_of_service", "in_service", "reset", "dance")


def action_of(random: Random, number: int, now: int) -> Action:
    rule, subject = random.choice([*PAIRS, ("nobody", "ch4-1"), *BUSY * 10])
    until = random.choice([None, now, now + 5 * S, now + 400 * S, now + 400 * S, now + 10**15])
    return Action(
        f"a{number}", random.choice(KINDS), rule, subject, random.choice(["li", "li", "wang", ""]),
        note=random.choice(["works on it", "seen", ""]), occurrence=random.choice([None, None, None, 1, 2]),
        until=until, measure=random.choice(["hand-held", "hand-held", ""]),
    )  # fmt: skip


def reading_of(random: Random, now: int, past: list[Row]) -> Row:
    """Mostly a plain reading; at times late, repeated, in conflict, skewed, retained, bad."""
    sensor = random.choice((0, 0, 1, 1, 2, 3, 4))
    value = float(random.choice((0, 1, 1, 2, 0.5))) if sensor == 3 else random.choice(VALUES)
    turn = random.random()
    if past and turn < 0.12:
        old = random.choice(past[-12:])
        return Row(now, old.sensor, old.time, old.value if turn < 0.06 else value, 0)
    lag = random.choice((0, 0, 0, 0, S, 3 * S, 9 * S, -2 * S))
    if turn < 0.16:
        lag = random.choice((-301 * S, -400 * S, 91 * 24 * 3600 * S))
    quality = int(random.choice([Quality.RETAINED, Quality.CALIBRATION])) if 0.16 < turn < 0.22 else 0
    return Row(now, sensor, now - lag, value, quality)


def log_of(random: Random, length: int) -> tuple[Log, int]:
    """A log and the instant up to which it is seen."""
    log: Log = []
    now = START
    for number in range(length):
        now += random.choice((0, 0, 0, 1, S, S, 2 * S, 3 * S, 5 * S, 8 * S, 11 * S))
        if random.random() < 0.1:
            log.append(Acted(now, action_of(random, number, now)))
        else:
            log.append(reading_of(random, now, [item for item in log[-15:] if isinstance(item, Row)]))
    return log, now + random.choice((0, 1, 4 * S, 60 * S))


def ticks_of(random: Random) -> Any:
    """Now and then some instants between two arrivals, both ends included."""

    def tick(a: int, b: int) -> list[int]:
        if random.random() < 0.6:
            return []
        return sorted(random.choice((a, b, min(a + 1, b), random.randint(a, b))) for _ in range(random.randint(1, 3)))

    return tick


RANDOM = st.randoms(use_true_random=False)
"""Its draws are Hypothesis's own, so a failing log shrinks."""
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@settings(QUICK, max_examples=150)
@given(RANDOM, st.integers(0, 40))
def test_the_fold_says_what_the_model_says(random: Random, length: int) -> None:
    log, end = log_of(random, length)

    agrees(whole(log, end), at_model(log, end))


def agrees(fold: Fold, model: Model) -> None:
    assert text(fold.lines()) == text(model.lines)
    verdicts = [row[:-1] for row in fold.rows if row[0].startswith("@")]
    assert text(by_series(verdicts)) == text(by_series(model.rows))


@QUICK
@given(RANDOM, st.integers(0, 40), st.sampled_from([SITE, DERIVED]))
def test_a_log_cut_ticked_and_restarted_anywhere_gives_the_same(random: Random, length: int, site: Site) -> None:
    log, end = log_of(random, length)

    cut_anywhere(random, log, end, site)


def cut_anywhere(random: Random, log: Log, end: int, site: Site) -> None:
    often = random.choice((0.05, 0.4, 1.0))
    fold = Fold(random.random() < 0.5, site)

    fold.run(log, end, lambda k: random.random() < often, ticks_of(random), lambda k: random.random() < 0.04)

    plain = whole(log, end, site)
    assert text(fold.changes) == text(plain.changes)
    assert text(fold.rows) == text(plain.rows)
    assert [c.now for c in plain.changes] == sorted(c.now for c in plain.changes)
    assert fold.judge.gate.counts == plain.judge.gate.counts
    assert again(fold.judge).watching() == plain.judge.watching()


def revised_of(
    random: Random, length: int, sites: Sequence[Site] = (SITE, LOWERED, DERIVED)
) -> tuple[Log, int]:
    """A log with revisions of the site, to and fro, and gaps in which nobody listened."""
    log, end = log_of(random, length)
    for site in random.choices(sites, k=random.randint(0, 3)):
        place = random.randint(0, len(log))
        log.insert(place, Revised(log[place - 1].arrived if place else START, site))
    if random.random() < 0.5:
        place, gap = random.randint(0, len(log)), random.choice((3, 10, 60)) * S
        log = log[:place] + [replace(item, arrived=item.arrived + gap) for item in log[place:]]
        log.insert(place, Blind((log[place - 1].arrived if place else START) + gap))
        end += gap
    return log, end


@QUICK
@given(RANDOM, st.integers(0, 40))
def test_revisions_and_blind_times_take_their_place_whatever_the_cut(random: Random, length: int) -> None:
    log, end = revised_of(random, length)

    cut_anywhere(random, log, end, SITE)


@QUICK
@given(RANDOM, st.integers(0, 30))
def test_a_rule_that_raises_breaks_at_its_row_whatever_the_cut(random: Random, length: int) -> None:
    log, end = log_of(random, length)
    original = Limit.step

    def step(self: Limit, state: Any, batch: Batch) -> Any:
        if np.any(batch.value == 1.3) and np.any(np.asarray(self.limit) == 1.0):
            raise ZeroDivisionError("planted")
        return original(self, state, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limit, "step", step)
        cut_anywhere(random, log, end, DERIVED)


CHANGES = {
    "raised", "returned", "watched", "unwatched", "acknowledged", "accepted", "commented", "shelved", "unshelved",
    "shelf_ended", "suppressed", "unsuppressed", "out_of_service", "in_service", "service_ended", "reset", "refused",
    "joined",
}  # fmt: skip


def test_one_long_seeded_stream_wakes_every_rule_and_the_model_agrees() -> None:
    random = Random(10)
    log, end = log_of(random, 1500)
    for k in range(28):
        now, kind = log[50 * k].arrived, ("shelve", "unshelve", "out_of_service", "in_service")[k % 4]
        action = Action(f"s{k}", kind, "held", "mast", "li", "works", until=now + 400 * S, measure="hand-held")
        log.insert(50 * k + 1, Acted(now, action))

    fold = whole(log, end, DERIVED)

    raised = {(c.rule, c.sensor) for c in fold.changes if c.change == "raised"}
    assert raised == {(rule.name, subject.id) for rule in DERIVED.rules for subject in rule.subjects}
    assert {c.change for c in fold.changes} == CHANGES
    assert set(fold.judge.gate.counts) == {
        "duplicate", "no_value", "out_of_span", "late", "conflict", "skewed", "calibration", "judged",
    }  # fmt: skip
    agrees(whole(log, end), at_model(log, end))
    cut_anywhere(random, log[:400], log[400].arrived, DERIVED)
