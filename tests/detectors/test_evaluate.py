"""detectors.evaluate: one detector over one sensor, for a notebook."""

from __future__ import annotations

import numpy as np

from detectors import evaluate
from detectors.detector import Verdict
from detectors.dust.explosion import Explosion
from detectors.health.silent import Silent
from detectors.signal.limit import Limit
from detectors.signal.state import StateIs


def test_times_may_be_numpys_own() -> None:
    times = np.array(["2024-05-01T00:00:00", "2024-05-01T00:00:05"], "datetime64[s]")
    (clear, active) = evaluate(Limit(limit=1.0), times, [0.5, 1.5]).findings
    assert (clear.time, active.time) == (1_714_521_600_000_000_000, 1_714_521_605_000_000_000)
    assert active.verdict is Verdict.ACTIVE


def test_what_the_sensor_is_can_be_said() -> None:
    assert evaluate(StateIs(alarm_on="open"), [1], [1], states=("shut", "open")).findings[0].verdict is Verdict.ACTIVE
    assert evaluate(Explosion(mec=60.0), [1], [30.0], unit="g/m3").columns[0].value.tolist() == [0.5]


def test_nothing_is_a_stream_too_and_may_be_seen_far() -> None:
    assert evaluate(Limit(limit=1.0)).findings == []
    assert [f.at for f in evaluate(Silent(), until=10**10, interval=1.0).findings] == [3 * 10**9]
