"""A time of failure as a band, asked for once a slope accelerates, and what it means for a warning. Never a bare date.

Constraints. Times are s from a moment the caller knows. Before the onset of acceleration nothing is forecast, and an
onset is more than noise makes. Not a fit: slope.inverse_velocity, slope.slo and slope.saito make the bands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from detectors.detector import Outcome, Subjects, Verdict
from detectors.knots import (
    DAY,
    FLOOR,
    KEPT,
    LEAST,
    LONG,
    SHORT,
    Answer,
    Follower,
    Pace,
    Trail,
    checked_spacing,
    excess,
    fresh,
    moves,
    paces,
)
from detectors.reading import Batch, Bools

COLUMNS: Mapping[str, str] = {"failure_from": "s", "failure_to": "s", "inverse_velocity": "d/{unit}"}


@dataclass(frozen=True, slots=True)
class Band:
    """Time of failure in s from a moment; None = no bound on that side."""

    best: float
    earliest: float | None
    latest: float | None


@dataclass(slots=True)
class Accelerating(Trail):
    """(N,) unless said."""

    onset: Bools
    """The short mean is above the long one, and since it went above was so once by more than noise makes it."""


Fit: TypeAlias = Callable[[int, int], Answer]
"""(subject, device time of the reading that ended the knot) -> what the forecast says."""


def checked(within: float, spacing: float, points: int, confidence: float) -> None:
    """Raises ValueError for parameters of a forecast that cannot be meant."""
    if not 60 <= within <= 366 * DAY:
        raise ValueError(f"within is {within} s; give how long before failure to warn, like '24h'")
    checked_spacing(spacing)
    if not LEAST <= points <= KEPT:
        raise ValueError(f"points is {points}; give {LEAST} to {KEPT} velocities (5 to 8 is usual)")
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence is {confidence}; give 0.5 to below 1 (0.95 is usual)")


def still(subjects: Subjects) -> dict[str, Any]:
    """The arrays of an Accelerating of which nothing is known, by name. Raises ValueError as knots.fresh does."""
    return {**fresh(subjects), "onset": np.zeros(len(subjects), np.bool_)}


def accelerates(state: Accelerating, who: int, long: Pace) -> bool:
    """Whether the onset has come; `long` is of the newest LONG velocities."""
    more, error = excess(long, SHORT)
    state.onset[who] = more > 0 and (state.onset[who] or more >= FLOOR * error)
    return bool(state.onset[who])


def follow(
    follower: Follower,
    state: Accelerating,
    batch: Batch,
    within: float,
    fit: Fit,
    begun: Callable[[Any, int, Pace], bool] = accelerates,
) -> Outcome:
    """Each sensor's good rows in order; `fit` at every knot for which `begun` says that the acceleration has."""

    def judge(who: int, time: int) -> Answer:
        long = paces(state, who, LONG)
        if len(long) < LEAST:
            return Answer(Verdict.UNKNOWN, "learning")
        seen = moves(state, who, long)
        if begun(state, who, long):
            answer = fit(who, time)
        elif seen:
            answer = Answer(Verdict.CLEAR, "no_acceleration")
        else:
            return Answer(Verdict.UNKNOWN, "below_floor")
        return replace(answer, derived={**answer.derived, **inverse_of(long)})

    return follower.follow(state, batch, judge, [within] * len(state.verdict))


def inverse_of(pace: Pace) -> dict[str, float]:
    """One over the newest velocity, in days per unit; nothing where noise alone could make it."""
    newest, sigma = abs(float(pace.velocity[-1])), float(pace.sigma[-1])
    return {"inverse_velocity": 1.0 / newest} if newest > 0 and newest >= FLOOR * sigma else {}


def forecast(band: Band, moment: int, time: int, within: float) -> Answer:
    """ACTIVE where the lower end, `band.earliest` s from `moment`, lies within `within` s of `time`; CLEAR if later."""
    ends = {
        name: moment * 1e-9 + end
        for name, end in (("failure_from", band.earliest), ("failure_to", band.latest))
        if end is not None
    }
    lead = None if band.earliest is None else band.earliest - (time - moment) * 1e-9
    if lead is None or band.latest is None:
        return Answer(Verdict.UNKNOWN, "no_bound", lead, ends, ends)
    if lead <= within:
        return Answer(Verdict.ACTIVE, "within", lead, ends, ends)
    return Answer(Verdict.CLEAR, "later", lead, ends, ends)
