"""What tests, calibrations and blasting windows do to readings and alarms, at their place in the log's order.

Constraints. A test hides nothing: alarms of the sensor's rules are raised, marked, and end with it; what is beyond its
limit then is raised anew as real. A reading in calibration changes nothing. Each becomes a reading of the sensors that
follow it. Silence in a test is real: no gas makes a sensor silent. Not here: why an action is refused (handling.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.alarm import Cause, advance
from detectors.detector import Why
from detectors.handling import BEGINS, CALIBRATION, DETAILS, ENDS, TELL, TEST, Handling, objection, seconds
from detectors.levels import SILENCE
from detectors.reading import Quality, Wave
from detectors.records import Action, Change, Key, Record, spelled
from detectors.revision import Revision
from detectors.rule import Priority
from detectors.sensor import Sensor

Said = tuple[str, float]
"""A sensor that follows what people do, and its reading."""


class Alarms(Protocol):
    """What is needed of the records (settling.py)."""

    revision: Revision
    records: dict[Key, Record]
    active: set[int]

    def activate(self, pair: int, at: int, test: str) -> list[Change]: ...
    def resuppress(self, key: Key, at: int) -> list[Change]: ...


class Handlings:
    """Those that last, by sensor; one at a time."""

    def __init__(self, alarms: Alarms) -> None:
        self.alarms = alarms
        self.open: dict[str, Handling] = {}
        self.said: list[Said] = []
        """Readings that the last action made; the judge takes them."""

    @property
    def _revision(self) -> Revision:
        return self.alarms.revision

    # -- what people ask -------------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> list[Change]:
        """Take the action or refuse it; either way one line bears its id."""
        reason, asked = objection(action, now, self._revision.site, self.open), {"asked": action.kind}
        if not reason and action.kind == TEST and (alarm := self._in_alarm(action.subject)):
            reason, asked = "in_alarm", {**asked, "alarm": alarm}
        if reason:
            return [self._line(action.subject, now, "refused", Why(f"judge.refused.{reason}", asked), action)]
        if action.kind in BEGINS:
            return self._begin(BEGINS[action.kind], action, now)
        if action.kind in ENDS:
            self._say(ENDS[action.kind], action.subject, 0.0)
            return self.end(self.open[action.subject], now, action)
        return self._tell(action, now) if action.kind == TELL else self._calibrated(action, now)

    def _in_alarm(self, sensor: str) -> str:
        """An alarm of a rule that this sensor feeds, if any stands; priority log is none."""
        for key, record in sorted(self.alarms.records.items()):
            alarm, pair = record.alarm, self._revision.pair_of.get(key)
            mine = key[1] == sensor or (pair is not None and sensor in self._revision.raw[pair])
            if mine and (alarm.active or alarm.latched) and record.priority is not Priority.LOG:
                return spelled(*key, alarm.occurrence)
        return ""

    def _begin(self, kind: str, action: Action, now: int) -> list[Change]:
        until = action.until or now
        self.open[action.subject] = Handling(kind, action.subject, action.id, now, until, action.by, action.note)
        self._say(kind, action.subject, 1.0)
        why = Why(f"judge.{kind}.begun", {"seconds": seconds(until - now)})
        return [self._line(action.subject, now, f"{kind}_begun", why, action)]

    def _tell(self, action: Action, now: int) -> list[Change]:
        follows = self._revision.site.sensors[action.subject].follows
        what = follows[0] if follows else ""
        self._say(what, action.subject, 1.0)
        return [self._line(action.subject, now, "told", Why("judge.told", {"what": what}), action)]

    def _calibrated(self, action: Action, now: int) -> list[Change]:
        """The record of a calibration; it ends the one that runs."""
        self._say(CALIBRATION, action.subject, 2.0)
        details = {name: action.details[name] for name in DETAILS if name in action.details}
        out = [self._line(action.subject, now, "calibrated", Why("judge.calibrated", details), action)]
        running = self.open.get(action.subject)
        return out + (self.end(running, now) if running is not None else [])

    def reached(self, test: str, sensor: str, occurrence: str, channel: str, now: int) -> list[Change]:
        """A channel took the notice of an alarm that a test raised."""
        handling = next((one for one in self.open.values() if one.id == test), None)
        numbers: dict[str, float | int | str] = {"test": test, "alarm": occurrence, "channel": channel}
        if handling is not None:
            if channel in handling.reached:
                return []
            handling.reached[channel] = now
            numbers["seconds"] = seconds(now - handling.raised.get(occurrence, handling.begun))
            sensor = handling.sensor
        return [self._line(sensor, now, "reached", Why("judge.test.reached", numbers))]

    # -- their end -------------------------------------------------------------------------------------------------

    def ends(self, until: int) -> list[Handling]:
        """Those that end by themselves before `until`, in order."""
        return sorted((h for h in self.open.values() if h.until < until), key=lambda h: (h.until, h.sensor))

    def endings(self, until: int) -> Iterator[tuple[int, Sequence[Said]]]:
        """The instants before `until` at which one ends that is followed, and the readings that are made of it."""
        for handling in self.ends(until):
            said = [(name, 0.0) for name in self._followers(handling.kind, handling.sensor)]
            if said:
                yield handling.until, said

    def end(self, handling: Handling, at: int, action: Action | None = None) -> list[Change]:
        """One is over. What a test had raised ends with it, and is raised anew where it is still beyond its limit."""
        del self.open[handling.sensor]
        key, numbers = "ended", dict[str, float | int | str](seconds=seconds(at - handling.begun))
        if handling.kind == TEST:
            handling.until = at
            key, numbers = handling.verdict()
            numbers["test"] = handling.id
        why = Why(f"judge.{handling.kind}.{key}", numbers)
        out = [self._line(handling.sensor, at, f"{handling.kind}_ended", why, action, handling.by)]
        return out + self._settle_marked([k for k, r in self.alarms.records.items() if r.test == handling.id], at)

    def _settle_marked(self, keys: Sequence[Key], at: int) -> list[Change]:
        pair_of = self._revision.pair_of
        keys = sorted(keys, key=lambda key: (pair_of.get(key, -1), key))
        out = [line for key in keys for line in self._unmark(key, at)]
        for key in keys:
            pair = pair_of.get(key)
            if pair is not None and pair in self.alarms.active:
                out += self.alarms.activate(pair, at, self.test_of(pair))
        return out + [line for key in keys for line in self.alarms.resuppress(key, at)]

    def _unmark(self, key: Key, at: int) -> list[Change]:
        record = self.alarms.records[key]
        active, standing = record.alarm.active, record.alarm.standing
        for cause in (Cause.ACKNOWLEDGE, Cause.RETURN, Cause.RESET):
            record.alarm = advance(record.alarm, cause)
        over = Why("judge.test.over", {})
        line = record.line(key, at, self._revision.number, "returned" if active else "acknowledged", why=over)
        record.test = ""
        return [line] if standing else []

    def revised(self, now: int) -> list[Change]:
        """A sensor that a revision removed is handled no more."""
        gone = [h for name, h in sorted(self.open.items()) if name not in self._revision.site.sensors]
        return [line for handling in gone for line in self.end(handling, now)]

    # -- what they do ----------------------------------------------------------------------------------------------

    def mark(
        self, sensor: NDArray[np.intp], time: NDArray[np.int64], arrived: NDArray[np.int64], quality: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """(M,) The quality of readings, with CALIBRATION where they were measured and came in while one runs."""
        names = list(self._revision.site.sensors) if self._calibrations() else []
        for handling in self._calibrations():
            mine = (sensor == names.index(handling.sensor)) & (arrived <= handling.until) & (time >= handling.begun)
            quality = np.where(mine, quality | np.uint8(Quality.CALIBRATION), quality)
        return quality

    def mark_waves(self, waves: Sequence[Wave]) -> Sequence[Wave]:
        """The same for blocks of samples."""
        if not waves or not self._calibrations():
            return waves
        sensor, time, arrived = (
            np.array([getattr(w, name) for w in waves], np.int64) for name in ("sensor", "time", "arrived")
        )
        quality = self.mark(sensor, time, arrived, np.array([w.quality for w in waves], np.uint8)).tolist()
        return [dataclasses.replace(wave, quality=q) for wave, q in zip(waves, quality, strict=True)]

    def _calibrations(self) -> list[Handling]:
        return [h for h in self.open.values() if h.kind == CALIBRATION]

    def test_of(self, pair: int) -> str:
        """The test that explains an alarm of this pair, if one does; nothing while another input is in real alarm."""
        if self._revision.pairs[pair][0].detector.kind in SILENCE:
            return ""
        if not self.open:
            return ""
        raw = self._revision.raw[pair]
        tests = {name: self.open[name].id for name in sorted(raw & self._tested())}
        if not tests or self._really(pair, raw - tests.keys()):
            return ""
        return next(iter(tests.values()))

    def _tested(self) -> set[str]:
        return {name for name, h in self.open.items() if h.kind == TEST}

    def _really(self, pair: int, others: frozenset[str]) -> bool:
        """True if another rule has a real alarm on one of these sensors."""
        pair_of = self._revision.pair_of
        real = [pair_of[key] for key, r in self.alarms.records.items() if others and key in pair_of and _real(r)]
        return any(self._revision.raw[q] & others for q in real if q != pair)

    def raised(self, pair: int, key: Key, record: Record, at: int) -> list[Change]:
        """An alarm was raised: note what a test raised; a real one makes those real that tests alone explained."""
        name = spelled(*key, record.alarm.occurrence)
        for handling in self.open.values():
            told = record.test and record.priority is not Priority.LOG
            if told and handling.sensor in self._revision.raw[pair] and handling.kind == TEST:
                handling.raised[name] = at
        if not self._tested() or not _real(record):
            return []
        pair_of, marked = self._revision.pair_of, [k for k, r in self.alarms.records.items() if r.test]
        real = [k for k in marked if k in pair_of and self._revision.raw[pair_of[k]] & self._revision.raw[pair]]
        return self._settle_marked([k for k in real if not self.test_of(pair_of[k])], at)

    def tested(self, pair: int) -> bool:
        """True if every sensor that feeds the pair is in test: what it says is not of the place."""
        return bool(self._revision.raw[pair]) and self._revision.raw[pair] <= self._tested()

    def tested_pairs(self) -> list[int]:
        """All such pairs."""
        return [pair for name in sorted(self._tested()) for pair in self._fed(name) if self.tested(pair)]

    def touched(self, sensor: str) -> list[Key]:
        """(rule, subject) of the pairs that this sensor feeds."""
        pairs = self._revision.pairs
        return [(pairs[k][0].name, pairs[k][1].id) for k in self._fed(sensor)]

    def _fed(self, sensor: str) -> list[int]:
        return [k for k, raw in enumerate(self._revision.raw) if sensor in raw]

    # -- words and memory ------------------------------------------------------------------------------------------

    def _say(self, kind: str, sensor: str, value: float) -> None:
        self.said += [(name, value) for name in self._followers(kind, sensor)]

    def take_said(self) -> list[Said]:
        """The readings that the last action made, once."""
        said, self.said = self.said, []
        return said

    def _followers(self, kind: str, sensor: str) -> list[str]:
        sensors: Mapping[str, Sensor] = self._revision.site.sensors
        return [name for name, one in sensors.items() if one.follows == (kind, sensor)]

    def _line(
        self, sensor: str, now: int, change: str, why: Why, action: Action | None = None, by: str = ""
    ) -> Change:  # fmt: skip
        known = self._revision.site.sensors.get(sensor)
        who, note, id = (action.by, action.note, action.id) if action else (by, "", "")
        area = known.area if known else ""
        return Change(
            now, now, area, sensor, "", "", self._revision.number, "log", 0, change, "", None, None, why,
            who, note, id,
        )  # fmt: skip

    def snapshot(self) -> list[dict[str, Any]]:
        """Plain data that `restore` takes."""
        return [dataclasses.asdict(self.open[name]) for name in sorted(self.open)]

    def restore(self, plain: Sequence[Mapping[str, Any]]) -> None:
        """Take over a snapshot."""
        self.open = {str(one["sensor"]): Handling(**one) for one in plain}


def _real(record: Record) -> bool:
    """An alarm that says something of the place: no test, no fault, no entry of the log."""
    fault = record.kind.startswith("health.")
    return record.alarm.active and not record.test and not fault and record.priority is not Priority.LOG
