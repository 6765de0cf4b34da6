"""Whether a sensor can serve a rule at all: its span reaches the limit, it reads often enough for the window.

Constraints. Asked where a person proposes a site, never of one in force: a version that asks more must still judge by
what an older one took (gas.ceiling, which always asked, asks at its start). Where span or interval are not declared
nothing is asked. Not here: whether a limit is the right one (limits/*.toml), what a sensor in fact sends (health/*).
"""

from __future__ import annotations

import numpy as np

from detectors.detector import Subjects
from detectors.reading import Floats


def reaches(subjects: Subjects, high: Floats, limit: Floats) -> None:
    """Raises ValueError for a subject whose sensor ends, at `high` (N,), below its `limit` (N,)."""
    for k in np.flatnonzero(high < limit).tolist():
        raise ValueError(
            f"limit is {limit[k]:g} {subjects.unit[k]}; {subjects.id[k]} ends at {high[k]:g}: give one it can show"
        )


def reads_often(subjects: Subjects, window: float, least: int) -> None:
    """Raises ValueError for a sensor of which a `window` of s never holds `least` readings."""
    for k in np.flatnonzero(subjects.interval * (least - 1) >= window).tolist():
        every = float(subjects.interval[k])
        raise ValueError(
            f"window is {window:g} s; {subjects.input_id[k]} reads each {every:g} s and {least} readings are needed: "
            f"give above {every * (least - 1):g} s"
        )
