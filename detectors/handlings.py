"""Tests, calibrations and blasting windows while they last, and what they do to readings, at their place in the log.

Constraints. A reading in calibration changes nothing. Each of them becomes a reading of the sensors that follow it. Not
here: why an action is refused (handling.py), what a test does to alarms (raising.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Why
from detectors.handling import BEGINS, CALIBRATION, DETAILS, ENDS, TELL, TEST, Handling, objection, seconds
from detectors.reading import Quality, Wave
from detectors.records import Action, Change, Key
from detectors.revision import Revision
from detectors.sensor import Sensor

Said = tuple[str, float]
"""A sensor that follows what people do, and its reading."""


class Handlings:
    """Those that last, by sensor; one at a time."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self.open: dict[str, Handling] = {}
        self.said: list[Said] = []
        """Readings that the last action made; the judge takes them."""

    # -- what people ask -------------------------------------------------------------------------------------------

    def act(self, action: Action, now: int, in_alarm: str) -> list[Change]:
        """Take the action or refuse it; either way one line bears its id. `in_alarm`: what stands at the sensor."""
        reason, asked = objection(action, now, self.revision.site, self.open), {"asked": action.kind}
        if not reason and action.kind == TEST and in_alarm:
            reason, asked = "in_alarm", {**asked, "alarm": in_alarm}
        if reason:
            return [self._line(action.subject, now, "refused", Why(f"judge.refused.{reason}", asked), action)]
        if action.kind in BEGINS:
            return self._begin(BEGINS[action.kind], action, now)
        if action.kind in ENDS:
            self._say(ENDS[action.kind], action.subject, 0.0)
            return self.end(self.open[action.subject], now, action)
        return self._tell(action, now) if action.kind == TELL else self._calibrated(action, now)

    def _begin(self, kind: str, action: Action, now: int) -> list[Change]:
        until = action.until or now
        self.open[action.subject] = Handling(kind, action.subject, action.id, now, until, action.by, action.note)
        self._say(kind, action.subject, 1.0)
        why = Why(f"judge.{kind}.begun", {"seconds": seconds(until - now)})
        return [self._line(action.subject, now, f"{kind}_begun", why, action)]

    def _tell(self, action: Action, now: int) -> list[Change]:
        follows = self.revision.site.sensors[action.subject].follows
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
        """One is over; what becomes of the alarms that a test raised is raising.py's."""
        del self.open[handling.sensor]
        key, numbers = "ended", dict[str, float | int | str](seconds=seconds(at - handling.begun))
        if handling.kind == TEST:
            handling.until = at
            key, numbers = handling.verdict()
            numbers["test"] = handling.id
        why = Why(f"judge.{handling.kind}.{key}", numbers)
        return [self._line(handling.sensor, at, f"{handling.kind}_ended", why, action, handling.by)]

    def adopt(self, revision: Revision) -> list[Handling]:
        """Go on under a revision; those whose sensor it removed, in order."""
        self.revision = revision
        return [one for name, one in sorted(self.open.items()) if name not in revision.site.sensors]

    # -- what they do ----------------------------------------------------------------------------------------------

    def mark(
        self, sensor: NDArray[np.intp], time: NDArray[np.int64], arrived: NDArray[np.int64], quality: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """(M,) The quality of readings, with CALIBRATION where they were measured and came in while one runs."""
        names = list(self.revision.site.sensors) if self._calibrations() else []
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

    def tested(self) -> set[str]:
        """Sensors in test."""
        return {name for name, h in self.open.items() if h.kind == TEST}

    def tests(self, pair: int) -> bool:
        """True if every sensor that feeds the pair is in test: what it says is not of the place."""
        return bool(self.revision.raw[pair]) and self.revision.raw[pair] <= self.tested()

    def tested_pairs(self) -> list[int]:
        """All such pairs."""
        return [pair for name in sorted(self.tested()) for pair in self._fed(name) if self.tests(pair)]

    def touched(self, sensor: str) -> list[Key]:
        """(rule, subject) of the pairs that this sensor feeds."""
        pairs = self.revision.pairs
        return [(pairs[k][0].name, pairs[k][1].id) for k in self._fed(sensor)]

    def _fed(self, sensor: str) -> list[int]:
        return [k for k, raw in enumerate(self.revision.raw) if sensor in raw]

    # -- words and memory ------------------------------------------------------------------------------------------

    def _say(self, kind: str, sensor: str, value: float) -> None:
        self.said += [(name, value) for name in self._followers(kind, sensor)]

    def take_said(self) -> list[Said]:
        """The readings that the last action made, once."""
        said, self.said = self.said, []
        return said

    def _followers(self, kind: str, sensor: str) -> list[str]:
        sensors: Mapping[str, Sensor] = self.revision.site.sensors
        return [name for name, one in sensors.items() if one.follows == (kind, sensor)]

    def _line(
        self, sensor: str, now: int, change: str, why: Why, action: Action | None = None, by: str = ""
    ) -> Change:  # fmt: skip
        known = self.revision.site.sensors.get(sensor)
        who, note, id = (action.by, action.note, action.id) if action else (by, "", "")
        area = known.area if known else ""
        return Change(
            now, now, area, sensor, "", "", self.revision.number, "log", 0, change, "", None, None, why,
            who, note, id,
        )  # fmt: skip

    def snapshot(self) -> list[dict[str, Any]]:
        """Plain data that `restore` takes."""
        return [dataclasses.asdict(self.open[name]) for name in sorted(self.open)]

    def restore(self, plain: Sequence[Mapping[str, Any]]) -> None:
        """Take over a snapshot."""
        self.open = {str(one["sensor"]): Handling(**one) for one in plain}
