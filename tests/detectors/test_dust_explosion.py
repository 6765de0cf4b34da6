"""dust.explosion. Oracle: arithmetic, 25 % of the MEC of Pittsburgh coal (65 g/m3) is 16.25 g/m3."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.dust.explosion import Explosion
from tests.contract import Sample
from tests.strategies import Stream, readings

COAL = Explosion(mec=65.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    return readings(seed, inputs, np.abs(rng.normal(14, 4, (300, inputs))))


SAMPLE = Sample(COAL, lambda n: Subjects.simple(n, unit="g/m3"), stream)


def test_a_quarter_of_the_mec_alarms_and_just_below_ends_it() -> None:
    findings = evaluate(COAL, [1, 2, 3], [16.24, 16.25, 16.24], unit="g/m3").findings
    assert [(f.time, f.verdict) for f in findings] == [(1, Verdict.CLEAR), (2, Verdict.ACTIVE), (3, Verdict.CLEAR)]
    assert findings[1].limit == 16.25


def test_the_reset_fraction_holds_the_alarm() -> None:
    detector = Explosion(mec=60.0, fraction=0.25, reset_fraction=0.10)
    findings = evaluate(detector, [1, 2, 3], [15.0, 6.0, 5.99], unit="g/m3").findings
    assert [(f.time, f.verdict) for f in findings] == [(1, Verdict.ACTIVE), (3, Verdict.CLEAR)]


def test_the_column_is_the_fraction_of_the_mec() -> None:
    (column,) = evaluate(COAL, [1, 2], [13.0, np.nan], unit="g/m3").columns
    assert column.value[0] == pytest.approx(0.2, rel=1e-15)
    assert np.isnan(column.value[1])


def test_a_health_sensor_in_milligrams_gets_its_mec_in_milligrams() -> None:
    assert Explosion(mec=65_000.0).start(Subjects.simple(1, unit="mg/m3")).verdict.tolist() == [0]


@pytest.mark.parametrize(("mec", "unit", "words"), [(65.0, "mg/m3", "0.065 g/m3"), (65.0, "ppm", "reads 'ppm'")])
def test_a_slip_of_units_is_refused(mec: float, unit: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Explosion(mec=mec).start(Subjects.simple(1, unit=unit))


@pytest.mark.parametrize(
    "parameters", [{"mec": 0.0}, {"mec": 65.0, "fraction": 25.0}, {"mec": 65.0, "reset_fraction": 0.5}]
)
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Explosion(**parameters)
