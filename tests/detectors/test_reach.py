"""Rules that a sensor could never serve are refused where they are proposed, and judged where they are in force.

Oracle: what the averages of a sensor can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.dust.projection import Projection
from detectors.dust.shift_twa import ShiftTwa
from detectors.gas.stel import Stel
from detectors.gas.twa import Twa
from detectors.reach import reads_often
from detectors.signal.rate import Rate
from detectors.signal.trend import Trend
from detectors.site import SiteMistakes, read_site
from tests.strategies import SECOND

BEGIN = 1_700_000_000 // 60 * 60 * SECOND


def ends_at(top: float, **more: Any) -> Subjects:
    return Subjects.simple(2, unit="ppm", span=(0.0, top), interval=60.0, **more)


@pytest.mark.parametrize(
    ("detector", "reach", "parts"),
    [
        (Stel(limit=100.0), 100.0, {}),
        (Twa(limit=25.0), 25.0, {}),
        (Twa(limit=25.0, shift_hours=12.0), 12.5, {}),
        (Projection(limit=2.0, begins=("08:00",), utc_offset=0), 2.0, {}),
        (ShiftTwa(limit=1.5, factor=0.5), 3.0, {"members": 1, "parts": ("dust",)}),
        (ShiftTwa(limit=1.5, factor=0.5, shift_hours=12.0, over="8h"), 2.0, {"members": 1, "parts": ("dust",)}),
    ],
)
def test_an_average_that_the_span_never_reaches_is_refused(detector: Any, reach: float, parts: dict[str, Any]) -> None:
    detector.reach(ends_at(reach, **parts))
    with pytest.raises(ValueError, match="s0 ends at .*: give one it can show"):
        detector.reach(ends_at(reach * 0.99, **parts))
    assert len(detector.start(ends_at(reach * 0.99, **parts)).verdict) == 2


def test_at_the_end_of_its_span_a_sensor_reaches_the_limit_that_is_allowed() -> None:
    times = BEGIN + np.arange(40) * 60 * SECOND
    found = evaluate(Stel(limit=100.0), times, np.full(40, 100.0), unit="ppm", span=(0.0, 100.0), interval=60.0)
    assert [f.verdict for f in found.findings] == [Verdict.ACTIVE]


@pytest.mark.parametrize(("detector", "needed"), [(Rate(limit=1.0, window=700.0), 8), (Trend(window=900.0), 10)])
def test_a_sensor_too_slow_for_the_window_is_refused(detector: Any, needed: int) -> None:
    slowest = detector.window / (needed - 1)
    detector.reach(Subjects.simple(1, interval=slowest * 0.99))
    with pytest.raises(ValueError, match=f"{needed} readings are needed: give above {detector.window:g} s"):
        detector.reach(Subjects.simple(1, interval=slowest))
    assert len(detector.start(Subjects.simple(1, interval=slowest)).verdict) == 1


@pytest.mark.parametrize("every", [99.0, 87.5])
def test_what_is_not_refused_is_judged(every: float) -> None:
    times = BEGIN + np.rint(np.arange(40) * every * 1e9).astype(np.int64)
    found = evaluate(Rate(limit=1.0, window=700.0), times, np.arange(40) * every / 15, unit="ppm", interval=every)
    assert [f.verdict for f in found.findings] == [Verdict.ACTIVE]


def test_where_nothing_is_declared_nothing_is_asked() -> None:
    reads_often(Subjects.simple(3), 1.0, 100)
    Stel(limit=1e9).reach(Subjects.simple(1))


def test_a_site_in_force_is_read_and_the_same_site_proposed_is_refused() -> None:
    sensor = {"area": "face", "quantity": "co", "unit": "ppm", "span": [0, 100], "every": "10s"}
    detector = {"kind": "gas.stel", "limit": "200 ppm", "excursion": "30 ppm"}
    rule = {"sensors": ["co-1"], "detector": detector, "priority": "high"}
    document = {"site": {"id": "pit", "timezone": "UTC"}, "sensor": {"co-1": sensor}, "rule": {"stel": rule}}
    assert [one.name for one in read_site(document).rules if one.name == "stel"] == ["stel"]
    with pytest.raises(SiteMistakes) as refused:
        read_site(document, proposed=True)
    assert [mistake.path for mistake in refused.value.mistakes] == [("rule", "stel", "detector", "limit")]
    rule["detector"] = {**detector, "limit": "90 ppm"}
    assert read_site(document, proposed=True) == read_site(document)
