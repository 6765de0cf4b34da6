"""A time of failure as a band, and what it means for a warning. Never a bare date.

Constraints. Times are s from a moment the caller knows. Not a fit: the detectors of slope/ make the bands.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.detector import Verdict
from detectors.knots import DAY, Answer


@dataclass(frozen=True, slots=True)
class Band:
    """Time of failure in s from a moment; None = no bound on that side."""

    best: float
    earliest: float | None
    latest: float | None


def checked_within(within: float) -> None:
    """Raises ValueError for a warning time that cannot be meant."""
    if not 60 <= within <= 366 * DAY:
        raise ValueError(f"within is {within} s; give how long before failure to warn, like '24h'")


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
