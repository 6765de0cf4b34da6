"""seismic.magnitude. Oracle: ObsPy's estimate_magnitude and estimate_wood_anderson_amplitude."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.seismic.magnitude import Magnitude, local_magnitude, wood_anderson
from tests.contract import Said, Sample, run
from tests.strategies import SECOND, Stream

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from obspy.signal.invsim import estimate_magnitude, estimate_wood_anderson_amplitude

VELOCITY_METER = {"poles": [], "zeros": [], "gain": 1.0, "sensitivity": 1.0}
"""m/s as they are."""
BEGIN = 1_700_000_000 * SECOND
BURST = Magnitude(limit=2.0, distance=0.35, floor=0.1)
PARTS = ("velocity", "frequency", "distance")
UNITS = ("mm/s", "Hz", "m")


def station(count: int, parts: tuple[str, ...] = PARTS, units: tuple[str, ...] = UNITS) -> Subjects:
    plain = Subjects.simple(count, members=len(parts), parts=parts)
    return dataclasses.replace(plain, input_unit=list(units[: len(parts)]) * count)


def stream(seed: int, inputs: int) -> Stream:
    """Each 10 s a velocity and its frequency at one time, now and then a distance."""
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(150):
        for who in range(inputs // 3):
            time = BEGIN + step * 10 * SECOND
            bad = [int(q) for q in rng.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 32], 2)]
            size = 10 ** rng.normal(0.0, 1.2)
            if step % 20 == 3:
                rows.append((3 * who + 2, time, rng.uniform(200, 900), 0))
            for part, value, quality in ((0, size, bad[0]), (1, rng.uniform(4, 60), bad[1])):
                if rng.random() > 0.03:
                    rows.append((3 * who + part, time, math.nan if quality & 1 else value, quality))
    sensor, time, value, quality = (np.array(column) for column in zip(*rows, strict=True))
    return Stream(
        sensor.astype(np.intp), time, time + SECOND, value, quality.astype(np.uint8), until=int(time[-1]) + 9 * SECOND
    )


SAMPLE = Sample(BURST, station, stream)


def said(rows: list[tuple[int, int, float, int]], detector: Magnitude = BURST, **of: Any) -> Said:
    state = detector.start(station(1, **of))
    batches = [
        Batch.of(BEGIN + t * SECOND, [part], [BEGIN + t * SECOND], [value], quality=[quality])
        for part, t, value, quality in rows
    ]
    return run(detector, state, batches)


@given(st.floats(1e-4, 500), st.floats(0.5, 300), st.floats(0.05, 400))
def test_the_magnitude_is_obspys(velocity: float, hertz: float, distance: float) -> None:
    peak_to_peak = 2 * velocity * 1e-3
    shown = estimate_wood_anderson_amplitude(VELOCITY_METER, peak_to_peak, 0.5 / hertz)
    assert wood_anderson(velocity, hertz) == pytest.approx(shown, rel=1e-12)
    ours = local_magnitude(wood_anderson(velocity, hertz), distance)
    assert ours == pytest.approx(estimate_magnitude(VELOCITY_METER, peak_to_peak, 0.5 / hertz, distance), abs=1e-12)


def test_an_event_has_its_magnitude_and_energy() -> None:
    found = said([(0, 1, 20.0, 0), (1, 1, 12.0, 0)])
    size = estimate_magnitude(VELOCITY_METER, 2 * 20e-3, 0.5 / 12, 0.35)
    assert found.columns["magnitude"][0][3] == pytest.approx(size, abs=1e-12)
    assert found.columns["log_energy"][0][3] == pytest.approx(4.8 + 1.5 * size, abs=1e-12)
    assert [f.verdict for f in found.findings] == [Verdict.ACTIVE]
    assert found.findings[0].why.numbers["distance"] == 0.35


def test_the_part_distance_goes_before_the_parameter() -> None:
    found = said([(2, 0, 700.0, 0), (1, 1, 12.0, 0), (0, 1, 20.0, 0)])
    assert found.columns["magnitude"][0][3] == pytest.approx(
        estimate_magnitude(VELOCITY_METER, 2 * 20e-3, 0.5 / 12, 0.7), abs=1e-12
    )


def test_parts_of_two_times_are_no_event() -> None:
    assert said([(0, 1, 20.0, 0), (1, 2, 12.0, 0), (0, 3, 20.0, 0)]).columns == {}


def test_below_the_floor_is_no_event_and_clears() -> None:
    found = said([(0, 1, 20.0, 0), (1, 1, 12.0, 0), (0, 2, 0.05, 0), (1, 2, 12.0, 0)])
    assert [f.why.key for f in found.findings] == ["seismic.magnitude.above", "seismic.magnitude.no_event"]
    assert len(found.columns["magnitude"]) == 1


@pytest.mark.parametrize(
    ("quality", "verdicts"),
    [
        (Quality.OUT_OF_SPAN, [Verdict.CLEAR, Verdict.ACTIVE]),
        (Quality.LATE, [Verdict.CLEAR, Verdict.ACTIVE]),
        (Quality.CALIBRATION, [Verdict.CLEAR, Verdict.UNKNOWN]),
        (Quality.NO_VALUE, [Verdict.CLEAR, Verdict.UNKNOWN]),
    ],
)
def test_what_is_clipped_may_raise_what_is_no_value_is_not_known(quality: Quality, verdicts: list[Verdict]) -> None:
    rows = [(0, 1, 0.2, 0), (1, 1, 12.0, 0), (0, 2, 90.0, int(quality)), (1, 2, 12.0, 0)]
    assert [f.verdict for f in said(rows).findings] == verdicts


def test_a_clipped_small_event_clears_nothing() -> None:
    rows = [(0, 1, 90.0, 0), (1, 1, 12.0, 0), (0, 2, 0.2, int(Quality.OUT_OF_SPAN)), (1, 2, 12.0, 0)]
    assert [f.verdict for f in said(rows).findings] == [Verdict.ACTIVE]


def test_without_a_distance_yet_it_is_not_known() -> None:
    found = said([(0, 1, 20.0, 0), (1, 1, 12.0, 0)], Magnitude(limit=2.0))
    assert found.columns == {}
    assert found.findings == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"limit": math.nan}, "give a magnitude"),
        ({"limit": 1.0, "distance": 0.0}, "give the way from the source"),
        ({"limit": 1.0, "floor": -1.0}, "nothing is an event"),
        ({"limit": 1.0, "spreading": 9.0}, "give 0.5 to 3"),
        ({"limit": 1.0, "energy_b": 0.0}, "grows with magnitude"),
    ],
)
def test_nonsense_is_refused(parameters: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Magnitude(**parameters)


def test_wrong_parts_and_units_are_refused() -> None:
    with pytest.raises(ValueError, match="give velocity and frequency"):
        BURST.start(station(1, ("velocity", "value")))
    with pytest.raises(ValueError, match="has no distance"):
        Magnitude(limit=1.0).start(station(1, PARTS[:2]))
    with pytest.raises(ValueError, match="velocity must come in a unit like mm/s"):
        BURST.start(station(1, units=("mm", "Hz", "m")))
