"""dust.hybrid. Oracle: the two curves themselves; a mixture at part f, made f times leaner, lies on its curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import Outcome, Subjects, Verdict
from detectors.dust.hybrid import Hybrid, bartknecht, le_chatelier
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

COAL = Hybrid(mec="65 g/m3", lfl="5 g/m3")
SHARE = st.floats(0, 3, allow_subnormal=False)


def groups(count: int) -> Subjects:
    return Subjects.simple(count, unit="g/m3", interval=1.0, members=2, parts=("dust", "gas"))


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    scale = np.resize([4.0, 0.5], inputs)
    return readings(seed, inputs, np.abs(rng.normal(1.0, 0.5, (200, inputs))) * scale, gap=(80, 90))


SAMPLE = Sample(COAL, groups, stream)


def said(detector: Hybrid, rows: list[tuple[Any, ...]]) -> Outcome:
    times = [round(r[0] * SECOND) for r in rows]
    quality = [int(r[3]) if len(r) > 3 else 0 for r in rows]
    batch = Batch.of(times[-1] + 1, [r[1] for r in rows], times, [r[2] for r in rows], quality=quality)
    return detector.step(detector.start(groups(1)), batch)


@given(SHARE, SHARE)
def test_a_mixture_made_leaner_by_its_part_lies_on_bartknechts_curve(dust: float, gas: float) -> None:
    part = bartknecht(dust, gas)
    if part > 1e-6:
        assert dust / part == pytest.approx((1 - gas / part) ** 2, abs=1e-9)
        assert gas / part <= 1 + 1e-12


@given(SHARE, SHARE)
def test_bartknecht_is_never_less_careful_than_le_chatelier(dust: float, gas: float) -> None:
    assert bartknecht(dust, gas) >= le_chatelier(dust, gas) * (1 - 1e-12)


@pytest.mark.parametrize(("dust", "gas"), [(0.25, 0.0), (0.0, 0.25), (1.0, 0.0), (0.0, 1.0)])
def test_alone_each_is_its_own_part_by_both(dust: float, gas: float) -> None:
    assert bartknecht(dust, gas) == pytest.approx(dust + gas, rel=1e-15)


@pytest.mark.parametrize(("curve", "alarms"), [("bartknecht", True), ("le-chatelier", False)])
def test_a_mixture_between_the_two_curves(curve: Any, alarms: bool) -> None:
    """25 % of the MEC and 50 % of the LFL explode by Bartknecht (0.25 = (1 - 0.5)^2), not by Le Chatelier (0.75)."""
    detector = Hybrid(mec="60 g/m3", lfl="4 g/m3", fraction=1.0, curve=curve)
    last = said(detector, [(1, 0, 15.0), (2, 1, 2.0)]).findings[-1]
    assert (last.verdict is Verdict.ACTIVE) is alarms
    assert last.why.numbers == {"dust": 0.25, "gas": 0.5}


def test_dust_alone_may_raise_and_only_both_clear() -> None:
    findings = said(COAL, [(1, 0, 17.0), (2, 0, 1.0), (3, 1, 0.1)]).findings
    assert [(f.time // SECOND, f.verdict) for f in findings] == [(1, Verdict.ACTIVE), (3, Verdict.CLEAR)]


def test_a_failed_gas_sensor_makes_it_unknown() -> None:
    findings = said(COAL, [(1, 0, 1.0), (2, 1, 0.1), (3, 1, np.nan, Quality.NO_VALUE)]).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("detector", "parts", "words"),
    [
        (COAL, ("dust", "dust2"), "give { dust"),
        (Hybrid(mec="65 mg/m3", lfl="5 g/m3"), ("dust", "gas"), "mec is 0.065 g/m3; give"),
        (Hybrid(mec="65 g/m3", lfl="5 %vol"), ("dust", "gas"), "give it in g/m3"),
    ],
)
def test_a_group_that_is_no_hybrid_is_refused(detector: Hybrid, parts: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        detector.start(Subjects.simple(1, unit="g/m3", members=2, parts=parts))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mec": "65"},
        {"lfl": "0 %vol"},
        {"fraction": 25.0},
        {"reset_fraction": 0.5},
        {"curve": "straight"},
        {"max_hold": -1.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Hybrid(**{"mec": "65 g/m3", "lfl": "5 %vol", **wrong})
