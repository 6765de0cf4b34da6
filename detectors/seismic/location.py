"""Where an event was: Geiger's fit of the onsets of several stations, with its error ellipse, and near what.

Constraints. One uniform velocity, a calibrated number of the site: check it with shots of known place. Onsets belong
together by time alone; stations stand where the site file says. A depth that the stations cannot see is not told.
Cannot find: two events within `within` of each other, layers and voids in the way of the waves, an event more than 20
widths of the array away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Column,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    per_subject,
    whole,
)
from detectors.geiger import Hypocentre, Onset, geiger
from detectors.lapse import earliest
from detectors.reading import AFTER_ROWS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

NO_TIME = np.iinfo(np.int64).min
MISFIT = 0.001
"""A fit whose residuals chance alone would pass less often is not believed."""
SHEAR = "_s"


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """`now` at which the open event is located with what there is; NEVER if none is open."""
    onset: Times = field(metadata=PER_INPUT)
    """Of the open event; NO_TIME where the station has none."""
    shear: Bools = field(metadata=SETTING)
    """(I,) its onsets are of S."""
    position: Floats = field(metadata=SETTING)
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(slots=True)
class _Told:
    """What a step says; `places` are (now, row, subject, origin in ns, where) of each event."""

    findings: list[Finding] = field(default_factory=list)
    places: list[tuple[int, int, int, int, Hypocentre]] = field(default_factory=list)


@dataclass(frozen=True)
class Location:
    """ACTIVE at an event less than `radius` and its error from a place (`east`, `north`), CLEAR at one elsewhere.

    Its error is the longer axis of the 95 % ellipse. Each reading is an onset of its station, at its device time (the
    column `onset` of seismic.pick). Onsets within `within` are one event, located when all stations have one, or `wait`
    after the first, from `least` or more. With `vs` a part whose name ends in `_s` is an S onset. Unknown for fewer
    onsets, for residuals that `error` explains less than once in 1000, and for what is too far away. The columns are of
    each event located, at its origin time; `up` is missing where depth is unconstrained.
    Source: Geiger 1912; error ellipse from (G'G)^-1, chi-square of 2 degrees of freedom (shared reference: seismic 5).

        [rule.under-the-stope]
        group = "network"
        sensors = ["geo-?/onset.onset"]
        detector = { kind = "seismic.location", vp = "5200 m/s", east = "40 m", north = "0 m", radius = "60 m" }
        priority = "low"
        guidance = "Hold entry to the stope, call rock mechanics"
    """

    kind: ClassVar[str] = "seismic.location"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"vp": "m/s", "vs": "m/s", "east": "m", "north": "m", "radius": "m"}
    columns: ClassVar[Mapping[str, str]] = {
        "east": "m",
        "north": "m",
        "up": "m",
        "semi_major": "m",
        "semi_minor": "m",
        "residual": "s",
        "gap": "deg",
    }

    vp: PerSubject
    """m/s, of P."""
    radius: PerSubject
    """m."""
    east: PerSubject = 0.0
    """m."""
    north: PerSubject = 0.0
    """m."""
    vs: PerSubject = float("nan")
    """m/s, of S; NaN: all onsets are of P."""
    error: float = 0.005
    """s; standard deviation of an onset, of picking and of the velocity together."""
    within: float = 1.0
    """s."""
    wait: float = 10.0
    """s."""
    least: int = 5

    def __post_init__(self) -> None:
        vp, vs = np.asarray(self.vp, np.float64), np.asarray(self.vs, np.float64)
        if not ((vp >= 100) & (vp <= 10_000)).all():
            raise ValueError(f"vp is {self.vp} m/s; give that of the rock, 100 to 10000 (5000 in hard rock)")
        if not (np.isnan(vs) | ((vs >= 50) & (vs < vp))).all():
            raise ValueError(f"vs is {self.vs} m/s; give 50 to less than vp ({self.vp}), near 0.58 of it")
        if not (np.asarray(self.radius) > 0).all():
            raise ValueError(f"radius is {self.radius} m; give how near an event matters")
        if not (np.isfinite(np.asarray(self.east)).all() and np.isfinite(np.asarray(self.north)).all()):
            raise ValueError(f"east is {self.east} m, north {self.north}; give the place, in the stations' coordinates")
        if not 0 < self.error <= 1:
            raise ValueError(f"error is {self.error} s; give the spread of onsets, above 0 to 1 s")
        if not 0 < self.within <= self.wait <= 3600:
            raise ValueError(f"within is {self.within} s, wait {self.wait} s; give the way across, and longer")
        if self.least < 4:
            raise ValueError(f"least is {self.least}; a place and a time need 4 onsets, 5 say how well they fit")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for too few onsets or stations, and for one without a position."""
        shear = np.array([part.endswith(SHEAR) for part in subjects.part], np.bool_)
        shear &= ~np.isnan(per_subject(self.vs, len(subjects)))[subjects.owner]
        for who, name in enumerate(subjects.id):
            mine = np.flatnonzero(subjects.owner == who)
            for k in mine.tolist():
                if not np.isfinite(subjects.position[k]).all():
                    raise ValueError(f"{subjects.input_id[k]} has no position; give position = [east, north, up] in m")
            if len(mine) < self.least:
                raise ValueError(f"least is {self.least}; {name} has {len(mine)} onsets")
            if len(np.unique(subjects.position[mine][:, :2], axis=0)) < 3:
                raise ValueError(f"{name} has fewer than 3 stations; give 4 or more, not on one line")
        return State(
            verdict=np.zeros(len(subjects), np.int8),
            due=np.full(len(subjects), NEVER),
            onset=np.full(subjects.inputs, NO_TIME),
            shear=shear,
            position=subjects.position,
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Onset by onset, with the ends of waiting between them."""
        told = _Told()
        good = batch.good.tolist()
        for row, one in enumerate(batch.sensor.tolist()):
            who, arrived = int(state.owner[one]), int(batch.arrived[row])
            if state.due[who] < arrived:
                self._locate(state, who, int(state.due[who]), AFTER_ROWS, told)
            if good[row]:
                self._take(state, who, one, int(batch.time[row]), arrived, int(batch.row[row]), told)
        for who in np.flatnonzero(state.due < batch.until).tolist():
            self._locate(state, who, int(state.due[who]), AFTER_ROWS, told)
        return Outcome(whole(told.findings), self._columns(told), earliest(state))

    def _take(self, state: State, who: int, one: int, time: int, arrived: int, row: int, told: _Told) -> None:
        """One onset: of the open event, or of the next; one long before the open event is of none."""
        mine = np.flatnonzero(state.owner == who)
        heard = state.onset[mine][state.onset[mine] != NO_TIME]
        within = round(self.within * 1e9)
        if len(heard) and time - int(heard.min()) > within:
            self._locate(state, who, arrived, row, told)
            heard = heard[:0]
        if len(heard) and (state.onset[one] != NO_TIME or int(heard.max()) - time > within):
            return
        state.onset[one] = time
        if not len(heard):
            state.due[who] = arrived + round(self.wait * 1e9)
        elif len(heard) + 1 == len(mine):
            self._locate(state, who, arrived, row, told)

    def _locate(self, state: State, who: int, at: int, row: int, told: _Told) -> None:
        """Close the open event: where it was, and what that means."""
        mine = np.flatnonzero(state.owner == who)
        used = mine[state.onset[mine] != NO_TIME]
        first = int(state.onset[used].min())
        found = geiger(self._onsets(state, who, used, first), self.error) if len(used) >= self.least else None
        state.onset[mine], state.due[who] = NO_TIME, NEVER
        numbers: dict[str, float] = {"onsets": float(len(used))}
        if found is None:
            key = "few" if len(used) < self.least else "beyond"
            self._settle(state, Finding(at, row, who, Verdict.UNKNOWN, first, None, None, _why(key, numbers)), told)
            return
        time = first + round(found.origin * 1e9)
        place, count = (self.east, self.north, self.radius), len(state.verdict)
        east, north, radius = (float(per_subject(x, count)[who]) for x in place)
        away = math.hypot(found.east - east, found.north - north)
        numbers |= {"away": away, "radius": radius, "error": found.semi_major, "gap": found.gap}
        numbers["residual"] = found.residual * 1e3
        verdict, key = _verdict(found, away, radius)
        if verdict is not Verdict.UNKNOWN:
            told.places.append((at, row, who, time, found))
        self._settle(state, Finding(at, row, who, verdict, time, None, None, _why(key, numbers)), told)

    def _onsets(self, state: State, who: int, used: Indices, first: int) -> list[Onset]:
        count = len(state.verdict)
        speeds = [float(per_subject(x, count)[who]) for x in (self.vp, self.vs)]
        columns = (state.position[used].tolist(), state.onset[used].tolist(), state.shear[used].tolist())
        return [Onset((x, y, z), (t - first) * 1e-9, speeds[s]) for (x, y, z), t, s in zip(*columns, strict=True)]

    def _settle(self, state: State, finding: Finding, told: _Told) -> None:
        """Tell it if it changes the verdict; what is unknown leaves an active one standing."""
        was = int(state.verdict[finding.subject])
        if finding.verdict != was and not (finding.verdict is Verdict.UNKNOWN and was == Verdict.ACTIVE):
            state.verdict[finding.subject] = finding.verdict
            told.findings.append(finding)

    def _columns(self, told: _Told) -> list[Column]:
        columns = []
        places = sorted(told.places, key=lambda place: place[:3])
        for name, unit in self.columns.items():
            kept = [(*place, value) for *place, where in places if (value := getattr(where, name)) is not None]
            if kept:
                arrived, row, who, time = (np.array([k[n] for k in kept], np.int64) for n in range(4))
                values, quality = np.array([k[4] for k in kept], np.float64), np.zeros(len(kept), np.uint8)
                columns.append(Column(name, unit, who.astype(np.intp), time, arrived, row, values, quality))
        return columns


def _verdict(found: Hypocentre, away: float, radius: float) -> tuple[Verdict, str]:
    if found.chance < MISFIT:
        return Verdict.UNKNOWN, "misfit"
    if away - found.semi_major <= radius:
        return Verdict.ACTIVE, "near" if found.up is not None else "near_depth_unknown"
    return Verdict.CLEAR, "elsewhere" if found.up is not None else "elsewhere_depth_unknown"


def _why(key: str, numbers: Mapping[str, float]) -> Why:
    """All that is told is in it: a finding's value is in the unit of the inputs, which are s."""
    return Why(f"seismic.location.{key}", numbers)
