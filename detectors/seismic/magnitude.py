"""Local magnitude of an event from the peak velocity, its frequency and the distance of one station.

Constraints. Velocity and frequency belong together by their time: give it two columns of one seismic.ppv. One station,
one number; the mean of several is network's task. Only as good as the distance and the site's attenuation.
Cannot find: the distance; a magnitude of what is clipped (a lower bound, which may raise); whether it was a blast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.reading import FAULTS, NEVER_RAISES, Batch, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING
from detectors.units import UnitError, convert

PARTS: Mapping[str, str] = {"velocity": "mm/s", "frequency": "Hz", "distance": "km"}
VELOCITY, FREQUENCY, DISTANCE = range(3)
POLES = (-6.283 + 4.7124j, -6.283 - 4.7124j)
GAIN = 2080.0
"""Of a Wood-Anderson seismometer, to displacement."""
NOT_HEARD = np.iinfo(np.int64).min


def wood_anderson(velocity: float, frequency: float) -> float:
    """mm that a Wood-Anderson seismometer shows at a peak velocity (mm/s) of a frequency (Hz)."""
    jw = 2j * math.pi * frequency
    return velocity * GAIN * abs(jw / ((jw - POLES[0]) * (jw - POLES[1])))


def local_magnitude(amplitude: float, distance: float, spreading: float = 1.0, absorption: float = 0.00301) -> float:
    """ML of a Wood-Anderson amplitude (mm) at a hypocentral distance (km).

    Source: Bakun and Joyner 1984, Bull. Seismol. Soc. Am. 74, eq. 3, as obspy.signal.invsim.estimate_magnitude.
    """
    return math.log10(amplitude) + spreading * math.log10(distance / 100) + absorption * (distance - 100) + 3.0


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    far: Floats
    """km; NaN until a distance is heard."""
    time: Times = field(metadata=PER_INPUT)
    """Of a velocity or frequency that waits for the other."""
    value: Floats = field(metadata=PER_INPUT)
    quality: NDArray[np.int64] = field(metadata=PER_INPUT)
    part: NDArray[np.int64] = field(metadata=SETTING)
    other: Indices = field(metadata=SETTING)
    """(I,) the input that belongs to it; itself for a distance."""
    factor: Floats = field(metadata=SETTING)
    """(I,) its unit in mm/s, Hz, km."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(frozen=True)
class Magnitude:
    """ACTIVE at an event of magnitude `limit` or more, CLEAR at a smaller one.

    ML = log10 A + spreading log10(R/100 km) + absorption (R - 100 km) + 3, A in mm on a Wood-Anderson seismometer. R is
    the part `distance`, or the parameter. A peak below `floor` is no event: it clears and has no magnitude. The column
    `log_energy` is log10 of J, energy_a + energy_b ML (Gutenberg and Richter 4.8 and 1.5; a site fit is better).
    Source: Bakun and Joyner 1984, made for central California and tens of km: near a mine it is a reference, and
    spreading and absorption are to be fitted to the site.

        [rule.rockburst]
        group = "station-1"
        sensors = { velocity = "geo-1-peak", frequency = "geo-1-frequency" }
        detector = { kind = "seismic.magnitude", limit = 2.0, distance = "350 m", floor = "0.5 mm/s" }
        priority = "high"
        guidance = "Withdraw from the stope, call rock mechanics"
    """

    kind: ClassVar[str] = "seismic.magnitude"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {"distance": "km", "floor": "mm/s"}
    columns: ClassVar[Mapping[str, str]] = {"magnitude": "1", "log_energy": "1"}
    compares: ClassVar[str] = "1"

    limit: PerSubject
    distance: PerSubject = float("nan")
    """km, hypocentral; where no part gives it."""
    floor: PerSubject = 0.0
    """mm/s."""
    spreading: float = 1.0
    absorption: float = 0.00301
    """a km."""
    energy_a: float = 4.8
    energy_b: float = 1.5

    def __post_init__(self) -> None:
        if not np.isfinite(np.asarray(self.limit, np.float64)).all():
            raise ValueError(f"limit is {self.limit}; give a magnitude, like 2.0")
        if (np.asarray(self.distance) <= 0).any():
            raise ValueError(f"distance is {self.distance} km; give the way from the source, like '350 m'")
        if not (np.asarray(self.floor) >= 0).all():
            raise ValueError(f"floor is {self.floor} mm/s; give the velocity below which nothing is an event")
        if not (0.5 <= self.spreading <= 3 and 0 <= self.absorption <= 1):
            raise ValueError(
                f"spreading is {self.spreading}, absorption {self.absorption} a km; give 0.5 to 3 and 0 to 1"
            )
        if not self.energy_b > 0:
            raise ValueError(f"energy_b is {self.energy_b}; give how log10 of energy grows with magnitude (1.5)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for parts that are missing, unknown or of another unit."""
        n = len(subjects)
        other = np.arange(subjects.inputs)
        far = per_subject(self.distance, n)
        for who, name in enumerate(subjects.id):
            mine = {subjects.part[k]: k for k in np.flatnonzero(subjects.owner == who).tolist()}
            if not {"velocity", "frequency"} <= set(mine) <= set(PARTS):
                raise ValueError(f"{name} has the parts {sorted(mine)}; give velocity and frequency (and distance)")
            if "distance" not in mine and np.isnan(far[who]):
                raise ValueError(f"{name} has no distance; give distance = '350 m' or a part `distance`")
            other[mine["velocity"]], other[mine["frequency"]] = mine["frequency"], mine["velocity"]
        return State(
            verdict=np.zeros(n, np.int8),
            far=np.full(n, np.nan),
            time=np.full(subjects.inputs, NOT_HEARD),
            value=np.zeros(subjects.inputs),
            quality=np.zeros(subjects.inputs, np.int64),
            part=np.array([list(PARTS).index(part) for part in subjects.part], np.int64),
            other=other,
            factor=np.array([_factor(u, p) for u, p in zip(subjects.input_unit, subjects.part, strict=True)]),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; an event where velocity and frequency of one time are both there."""
        findings: list[Finding] = []
        told: list[tuple[int, int, float, float]] = []
        for row, one in enumerate(batch.sensor.tolist()):
            value, quality = float(batch.value[row]) * float(state.factor[one]), int(batch.quality[row])
            if state.part[one] == DISTANCE:
                if not quality & FAULTS and value > 0:
                    state.far[state.owner[one]] = value
                continue
            state.time[one], state.value[one], state.quality[one] = batch.time[row], value, quality
            if state.time[state.other[one]] == state.time[one]:
                self._event(state, one, batch, row, findings, told)
        rows, who, *values = (np.array(c) for c in zip(*told, strict=True)) if told else (np.zeros(0, np.intp),) * 4
        columns = [
            Column.of(name, unit, who, batch, rows, value)
            for (name, unit), value in zip(self.columns.items(), values, strict=True)
        ]
        return Outcome(whole(findings), columns if told else ())

    def _event(
        self,
        state: State,
        one: int,
        batch: Batch,
        row: int,
        findings: list[Finding],
        told: list[tuple[int, int, float, float]],
    ) -> None:
        pair = (one, int(state.other[one])) if state.part[one] == VELOCITY else (int(state.other[one]), one)
        who, quality = int(state.owner[one]), int(state.quality[pair[0]] | state.quality[pair[1]])
        state.time[list(pair)] = NOT_HEARD
        count = len(state.verdict)
        limit, floor = (float(per_subject(x, count)[who]) for x in (self.limit, self.floor))
        far = float(state.far[who])
        far = float(per_subject(self.distance, count)[who]) if math.isnan(far) else far
        size = self._size(float(state.value[pair[0]]), float(state.value[pair[1]]), far, floor)
        verdict, key = _verdict(size, limit, quality, far)
        if size is not None and math.isfinite(size) and not quality & FAULTS:
            told.append((row, who, size, self.energy_a + self.energy_b * size))
        was = int(state.verdict[who])
        clears = verdict is Verdict.CLEAR and quality & FAULTS
        if clears or was == verdict or (verdict is Verdict.UNKNOWN and was == Verdict.ACTIVE):
            return
        state.verdict[who] = verdict
        value = size if size is not None and math.isfinite(size) else None
        why = Why(f"seismic.magnitude.{key}", {"distance": far} if far == far else {})
        at, time = int(batch.arrived[row]), int(batch.time[row])
        findings.append(Finding(at, int(batch.row[row]), who, verdict, time, value, limit, why))

    def _size(self, velocity: float, hertz: float, far: float, floor: float) -> float | None:
        """The magnitude; minus infinity for what is no event, None where it cannot be told."""
        if velocity != velocity or not hertz > 0 or far != far:
            return None
        if velocity <= 0 or velocity < floor:
            return -math.inf
        return local_magnitude(wood_anderson(velocity, hertz), far, self.spreading, self.absorption)


def _verdict(size: float | None, limit: float, quality: int, far: float) -> tuple[Verdict, str]:
    if far != far:
        return Verdict.UNKNOWN, "no_distance"
    if size is None or quality & NEVER_RAISES:
        return Verdict.UNKNOWN, "no_value"
    if size >= limit:
        return Verdict.ACTIVE, "above"
    return Verdict.CLEAR, "below" if math.isfinite(size) else "no_event"


def _factor(unit: str, part: str) -> float:
    try:
        return convert(1.0, unit or "1", PARTS[part])
    except UnitError as error:
        raise ValueError(f"{part} must come in a unit like {PARTS[part]}: {error}") from None
