"""gas.oxygen. Oracle: 29 CFR 1910.146(b) and GB/T 50493 (19.5, 23.5 %vol), by two signal.limit rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.gas.oxygen import Oxygen
from detectors.reading import Quality
from detectors.signal.limit import Limit
from tests.contract import Sample
from tests.strategies import Stream, readings


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    return readings(seed, inputs, rng.normal(21.2, 1.8, (300, inputs)))


SAMPLE = Sample(Oxygen(low_reset=20.0), lambda n: Subjects.simple(n, unit="%vol"), stream)


def said(values: Any, detector: Oxygen | None = None, **more: Any) -> list[tuple[int, Verdict, str, float | None]]:
    found = evaluate(detector or Oxygen(), np.arange(len(values)), values, unit="%vol", **more).findings
    return [(f.time, f.verdict, f.why.key.rpartition(".")[2], f.limit) for f in found]


def test_both_sides_trip_at_their_value_and_end_within() -> None:
    assert said([20.9, 19.5, 19.51, 23.49, 23.5, 20.9]) == [
        (0, Verdict.CLEAR, "normal", 19.5),
        (1, Verdict.ACTIVE, "deficient", 19.5),
        (2, Verdict.CLEAR, "normal", 19.5),
        (4, Verdict.ACTIVE, "enriched", 23.5),
        (5, Verdict.CLEAR, "normal", 19.5),
    ]


def test_it_is_active_exactly_where_one_of_two_limits_is() -> None:
    values = np.random.default_rng(2).normal(21.0, 1.5, 500).round(1)
    times = np.arange(500)

    def active(detector: Any) -> set[int]:
        changes = {f.time: f.verdict is Verdict.ACTIVE for f in evaluate(detector, times, values, unit="%vol").findings}
        on, out = False, set()
        for t in range(500):
            on = changes.get(t, on)
            out |= {t} if on else set()
        return out

    one_sided = active(Limit(limit=19.5, side="below")) | active(Limit(limit=23.5))
    assert active(Oxygen()) == one_sided


def test_one_side_may_be_left_out() -> None:
    assert [s[2] for s in said([18.0, 25.0], Oxygen(side="deficient"))] == ["deficient", "normal"]
    assert [s[2] for s in said([18.0, 25.0], Oxygen(side="enriched"))] == ["normal", "enriched"]


def test_a_reset_holds_the_alarm() -> None:
    detector = Oxygen(low_reset=20.5, high_reset=22.0)
    assert [s[0] for s in said([19.5, 20.5, 20.51, 23.5, 22.0, 21.9], detector)] == [0, 2, 3, 5]


def test_a_failed_cell_neither_clears_nor_is_normal() -> None:
    marks = [0, 0, int(Quality.OUT_OF_SPAN), int(Quality.NO_VALUE)]
    assert [s[1] for s in said([20.9, 19.0, 30.0, np.nan], quality=marks)] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert [s[2] for s in said([20.9, np.nan])] == ["normal", "no_value"]


def test_the_column_is_the_distance_from_fresh_air() -> None:
    (column,) = evaluate(Oxygen(), [1], [19.9], unit="%vol").columns
    assert column.value[0] == pytest.approx(-1.0)


def test_a_sensor_of_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="reads 'ppm'; give"):
        Oxygen().start(Subjects.simple(1, unit="ppm"))


@pytest.mark.parametrize(
    "wrong", [{"low": 21.0}, {"high": 20.0}, {"side": "left"}, {"low_reset": 19.0}, {"high_reset": 24.0}]
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Oxygen(**wrong)
