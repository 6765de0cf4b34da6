"""gas.ceiling. Oracle: the definition, by a walk over the values (numpy comparison)."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.gas.ceiling import Ceiling
from detectors.reading import Quality
from tests.contract import Sample
from tests.strategies import Stream, readings


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    return readings(seed, inputs, np.abs(rng.normal(150, 40, (300, inputs))))


SAMPLE = Sample(Ceiling(limit=200.0), lambda n: Subjects.simple(n, unit="ppm"), stream)


def test_it_is_above_exactly_where_the_values_are() -> None:
    values = np.random.default_rng(3).integers(190, 210, 400).astype(float)
    findings = evaluate(Ceiling(limit=200.0), np.arange(400), values).findings
    above = np.flatnonzero(np.diff((values >= 200).astype(int), prepend=-1))
    assert [f.time for f in findings] == above.tolist()
    assert [f.verdict is Verdict.ACTIVE for f in findings] == (values[above] >= 200).tolist()


def test_its_own_reset_holds_it() -> None:
    findings = evaluate(Ceiling(limit=20.0, reset=10.0), [1, 2, 3, 4], [20.0, 19.0, 10.0, 9.9]).findings
    assert [(f.time, f.verdict) for f in findings] == [(1, Verdict.ACTIVE), (4, Verdict.CLEAR)]


@pytest.mark.parametrize("quality", [Quality.LATE, Quality.OUT_OF_SPAN, Quality.CONFLICT])
def test_a_doubtful_peak_raises_and_a_doubtful_low_value_clears_nothing(quality: Quality) -> None:
    marks = [0, int(quality), int(quality)]
    findings = evaluate(Ceiling(limit=20.0), [1, 2, 3], [1.0, 25.0, 1.0], quality=marks).findings
    assert [(f.time, f.verdict) for f in findings] == [(1, Verdict.CLEAR), (2, Verdict.ACTIVE)]


def test_the_column_is_a_part_of_the_ceiling() -> None:
    (column,) = evaluate(Ceiling(limit=200.0), [1, 2], [50.0, np.nan]).columns
    assert column.value[0] == 0.25
    assert np.isnan(column.value[1])


def test_a_ceiling_that_the_sensor_cannot_show_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 ends at 100: give one it can show"):
        Ceiling(limit=200.0).start(Subjects.simple(1, unit="ppm", span=(0.0, 100.0)))


@pytest.mark.parametrize("wrong", [{"limit": 0.0}, {"limit": float("nan")}, {"limit": 10.0, "reset": 11.0}])
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Ceiling(**wrong)
