"""Distances from the median of the readings before. Oracles: a plain loop over NumPy's median, scipy.ndimage's median
filter, the false-flag rates of the centred Hampel filter (shared reference: statistics 7, 2e6 points)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import binom, median_abs_deviation, norm

from detectors import hampel
from detectors.detector import Subjects
from detectors.hampel import CONSISTENT, Look, Windows, look, median_and_mad
from detectors.hampel_limit import at_least, chance, limit_of
from detectors.reading import FAULTS, Batch, Quality

PUBLISHED = {3: 0.0477, 5: 0.0286, 10: 0.0141, 20: 0.0077}
"""Half-window -> part of iid normal readings that a centred filter of 3 robust deviations flags."""


def centred(limit: float, half: int) -> float:
    """The flagged part where the window holds the tested reading itself: the same integral, one reading fewer.

    Given the median u the tested one is any other with equal chance; where it lies beyond limit > 1 times the MAD it is
    not among the nearer half, so that half comes from the remaining 2 half - 1.
    """
    u = np.linspace(0, 8 / np.sqrt(half), 200)[:, None]
    distance = np.linspace(0.02, 8, 400)[None, :]
    v = distance / (CONSISTENT * limit)
    below, above = norm.cdf(u), norm.sf(u)
    p, q = (below - norm.cdf(u - v)) / below, (above - norm.sf(u + v)) / above
    high = norm.pdf(u + distance) / above * at_least(half, half, p, half - 1, q)
    low = norm.pdf(u - distance) / below * at_least(half, half - 1, p, half, q)
    weight = binom.pmf(half, 2 * half, below) * (2 * half + 1) * norm.pdf(u)
    flagged = half / (2 * half + 1) * weight * (high + low)
    return 2 * float(np.trapezoid(np.trapezoid(flagged, distance[0], axis=1), u[:, 0]))


@pytest.mark.parametrize("half", PUBLISHED)
def test_the_integral_gives_the_published_rates_of_the_centred_filter(half: int) -> None:
    assert centred(3.0, half) == pytest.approx(PUBLISHED[half], abs=2e-4)


@pytest.mark.parametrize(("limit", "window"), [(3.0, 15), (3.0, 31), (2.5, 61), (6.0, 15)])
def test_the_chance_is_that_of_drawn_windows(limit: float, window: int) -> None:
    rng, count = np.random.default_rng(1), 200_000
    median, mad = median_and_mad(rng.normal(size=(count, window)))
    share = float(np.mean(np.abs(rng.normal(size=count) - median) > limit * CONSISTENT * mad))
    wanted = chance(limit, window)
    assert share == pytest.approx(wanted, abs=3 * np.sqrt(wanted * (1 - wanted) / count))


def test_a_wide_window_leaves_the_normal_tail() -> None:
    beyond = [chance(3.0, window) for window in (61, 121, 241)]
    assert beyond[0] > beyond[1] > beyond[2] > 2 * norm.sf(3)
    assert 2 * beyond[2] - beyond[1] == pytest.approx(2 * norm.sf(3), rel=0.05)


@pytest.mark.parametrize("wished", [0.05, 1e-4, 1.5e-8])
def test_the_limit_is_the_inverse_of_the_chance(wished: float) -> None:
    assert chance(limit_of(wished, 61), 61) == pytest.approx(wished, rel=1e-6)


def test_successes_of_two_kinds_are_a_convolution() -> None:
    both = np.convolve(binom.pmf(range(8), 7, 0.2), binom.pmf(range(5), 4, 0.6))
    found = [float(at_least(k, 7, np.array(0.2), 4, np.array(0.6))) for k in range(13)]
    np.testing.assert_allclose(found, [*np.cumsum(both[::-1])[::-1], 0.0], rtol=1e-12)


def test_median_and_mad_are_scipys() -> None:
    values = np.random.default_rng(2).normal(0, 1, 500)
    median, mad = median_and_mad(np.lib.stride_tricks.sliding_window_view(values, 31))
    np.testing.assert_array_equal(median, median_filter(values, 31)[15:-15])
    wanted = [median_abs_deviation(values[k : k + 31]) for k in range(470)]
    np.testing.assert_array_equal(mad, wanted)


def fresh(count: int, window: int, limit: float, noise: float, quantum: float) -> Windows:
    return Windows(**hampel.empty(Subjects.simple(count, noise=noise, quantum=quantum), window, np.full(count, limit)))


def looked(state: Windows, batch: Batch) -> Look:
    return look(state, batch, (batch.quality & (FAULTS & ~int(Quality.OUT_OF_SPAN))) == 0)


def plainly(values: NDArray[Any], good: NDArray[Any], window: int, limit: float, noise: float, quantum: float) -> Any:
    """(how far, order) of each value, with NumPy's median over the good ones before."""
    out = []
    for k, value in enumerate(values):
        before = values[:k][good[:k]]
        if len(before) < window:
            out.append((hampel.BACK, hampel.LEARNING))
            continue
        median = np.median(before[-window:])
        mad = np.median(np.abs(before[-window:] - median))
        bound = limit * max(CONSISTENT * np.sqrt(mad * mad + quantum * quantum / 4), noise)
        away = value - median
        far = int(np.sign(away)) * (int(abs(away) > hampel.RETURN * bound) * hampel.BETWEEN + int(abs(away) > bound))
        out.append((far if bound > 0 else hampel.FLAT, len(before)))
    return out


@st.composite
def series(draw: st.DrawFn) -> NDArray[Any]:
    """Noise with ties, steps, spikes and offsets at which rounding matters."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.normal(0, 1, draw(st.integers(16, 160)))
    values += draw(st.sampled_from([0.0, 1.0, 30.0])) * np.repeat(rng.integers(0, 2, len(values)), 9)[: len(values)]
    values[rng.random(len(values)) < 0.05] *= 10
    step = draw(st.sampled_from([0.0, 0.25, 1.0, 3.0]))
    values = np.round(values / step) * step if step else values
    return np.asarray(values * draw(st.sampled_from([1.0, 1e-6])) + draw(st.sampled_from([0.0, 101325.0, 1e9])))


@given(
    values=series(), window=st.sampled_from([15, 17, 31]), limit=st.sampled_from([2.0, 3.0, 8.0]),
    noise=st.sampled_from([0.0, 1.0]), quantum=st.sampled_from([0.0, 0.25]), one_by_one=st.booleans(),
    piece=st.integers(1, 200), out_of_span=st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_what_is_cheap_is_exact(
    values: NDArray[Any], window: int, limit: float, noise: float, quantum: float, one_by_one: bool, piece: int,
    out_of_span: bool,
) -> None:  # fmt: skip
    marks = np.where((np.arange(len(values)) % 7 == 3) & out_of_span, int(Quality.OUT_OF_SPAN), 0).astype(np.uint8)
    state, found, measured = fresh(1, window, limit, noise, quantum), [], []
    for begin in range(0, len(values), 1 if one_by_one else piece):
        part = slice(begin, begin + (1 if one_by_one else piece))
        times = np.arange(len(values))[part]
        seen = looked(state, Batch.of(10**9, np.zeros(len(times), int), times, values[part], quality=marks[part]))
        found += list(zip(seen.far.tolist(), seen.order.tolist(), strict=True))
        measured += (~np.isnan(seen.usual)).tolist()
    assert found == plainly(values, marks == 0, window, limit, noise, quantum)
    assert all(sure or far == hampel.BACK for (far, _), sure in zip(found, measured, strict=True))


@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(1, 4000), (40, 100)])
def test_little_is_measured(noise: float, shape: tuple[int, int]) -> None:
    sensors, ticks = shape
    state = fresh(sensors, 31, 8.0, noise, 0.0)
    values = np.random.default_rng(3).normal(0, 1, (ticks, sensors))
    measured = 0
    for tick in range(1 if sensors == 1 else ticks):
        rows = values.reshape(-1) if sensors == 1 else values[tick]
        who = np.zeros(len(rows), int) if sensors == 1 else np.arange(sensors)
        seen = looked(state, Batch.of(10**9, who, np.arange(len(rows)), rows))
        measured += int((~np.isnan(seen.usual)).sum())
        assert not (np.abs(seen.far) >= hampel.BEYOND).any()
    assert measured < 0.1 * values.size
