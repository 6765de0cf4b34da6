"""A named state of a machine or contact: fan stopped, relay open, door unlocked.

Cannot find: a contact that is welded or wired wrongly, a state that comes and goes between two readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, Subjects, Verdict, findings_at
from detectors.reading import Batch, Floats, Quality
from detectors.says import Says
from detectors.state import SETTING

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "signal.state.entered",
    Verdict.CLEAR: "signal.state.left",
    Verdict.UNKNOWN: "signal.state.not_a_state",
}


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    alarm: Floats = field(metadata=SETTING)
    """Number of the state that alarms."""
    count: Floats = field(metadata=SETTING)
    """How many states the sensor has."""


@dataclass(frozen=True)
class StateIs:
    """ACTIVE while the sensor says `alarm_on`, CLEAR while it says another of its states.

    Readings are the states' numbers (0, 1, ...) in the order of the sensor's `states`; any other number is unknown.
    Source: plain logic (30 CFR 75.342, AQ 1029 fan rows act on such contacts).

        [rule.fan-stopped]
        sensors = ["fan-2105"]
        detector = { kind = "signal.state", alarm_on = "stopped" }
        priority = "high"
        guidance = "Withdraw 2105; methane check before restart"
    """

    kind: ClassVar[str] = "signal.state"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    alarm_on: str

    def __post_init__(self) -> None:
        if not self.alarm_on:
            raise ValueError("alarm_on is empty; give one of the sensor's states, like 'stopped'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError if a sensor does not have the state."""
        for sensor, states in zip(subjects.input_id, subjects.states, strict=True):
            if self.alarm_on not in states:
                raise ValueError(f"alarm_on is {self.alarm_on!r}; {sensor} has the states {list(states)}")
        alarm = [float(list(states).index(self.alarm_on)) for states in subjects.states]
        count = [float(len(states)) for states in subjects.states]
        return State(np.zeros(len(subjects), np.int8), np.array(alarm), np.array(count))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows; findings at the rows that changed a verdict."""
        value, who = batch.value, batch.sensor
        known = (value >= 0) & (value < state.count[who]) & (value == np.floor(value))
        alarm = value == state.alarm[who]
        says = batch.steady(alarm, known & ~alarm)
        says[batch.good & ~known] = Says.BLUR
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        return Outcome(findings_at(batch, rows, verdicts, who[rows], None, WHY))
