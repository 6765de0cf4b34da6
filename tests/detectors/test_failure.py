"""What all forecasts of failure have in common. Oracle: creep that does not accelerate, or no more, has no failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.failure import Band, forecast
from detectors.slope.inverse_velocity import InverseVelocity
from detectors.slope.saito import Saito
from detectors.slope.slo import Slo
from tests.creep import DAY, creep, said

ALL = pytest.mark.parametrize("made", [InverseVelocity, Saito, Slo])
Made = Callable[..., Any]


@ALL
@pytest.mark.parametrize("seed", range(4))
def test_a_still_slope_and_steady_creep_forecast_nothing(made: Made, seed: int) -> None:
    days = np.arange(0, 100, 0.25)
    noise = np.random.default_rng(seed).normal(0, 0.5, 400)
    detector = made(within=8 * DAY, spacing=DAY)
    assert not said(detector, days, noise, 0.5).findings
    creeping = said(detector, days, 5 * days + noise, 0.5)
    assert [f.verdict for f in creeping.findings] == [Verdict.CLEAR]
    (inverse,) = creeping.columns
    assert (inverse.name, inverse.unit) == ("inverse_velocity", "d/{unit}")
    assert np.median(inverse.value) == pytest.approx(1 / 5, rel=0.05)


@ALL
def test_slowing_down_ends_the_alarm(made: Made) -> None:
    days = np.arange(0, 75.0)
    moved = creep(np.minimum(days, 57)) + np.maximum(0, days - 57) * 2
    verdicts = [f.verdict for f in said(made(within=8 * DAY, spacing=DAY), days, moved).findings]
    assert verdicts[-2:] == [Verdict.ACTIVE, Verdict.CLEAR]


@ALL
@pytest.mark.parametrize("parameters", [{"within": 1.0}, {"spacing": 0.0}, {"points": 3}, {"confidence": 95.0}])
def test_nonsense_is_refused(made: Made, parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        made(**{"within": DAY, "spacing": DAY, **parameters})
    with pytest.raises(ValueError, match="declares no noise"):
        made(DAY, DAY).start(Subjects.simple(1))


@pytest.mark.parametrize(
    ("earliest", "latest", "verdict", "key"),
    [
        (3000.0, 9000.0, "ACTIVE", "within"),
        (3000.5, 9000.0, "CLEAR", "later"),
        (None, 9000.0, "UNKNOWN", "no_bound"),
        (10.0, None, "UNKNOWN", "no_bound"),
    ],
)
def test_the_lower_end_warns_and_an_end_without_bound_is_no_forecast(
    earliest: float | None, latest: float | None, verdict: str, key: str
) -> None:
    answer = forecast(Band(5000.0, earliest, latest), 10**12, 10**12 + 600 * 10**9, 2400.0)
    assert answer.verdict is Verdict[verdict]
    assert answer.key == key
    ends = {"failure_from": earliest, "failure_to": latest}
    assert answer.derived == pytest.approx({name: 1000 + end for name, end in ends.items() if end is not None})
