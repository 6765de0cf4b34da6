"""The generalised Pareto fit. Oracle: scipy.stats.genpareto, and Monte Carlo for what the doubt of a fit must cost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import genpareto

from detectors.pareto import HEAVIEST, LIGHTEST, excess_at, fit, predicted_excess, survival
from detectors.reading import Floats

SHAPES = (-0.25, -0.1, 0.0, 1e-12, 0.2, 0.44)


def sample(shape: float, runs: int, count: int, seed: int = 1) -> Floats:
    drawn = genpareto.rvs(shape, scale=2.0, size=(runs, count), random_state=np.random.default_rng(seed))
    return np.sort(np.asarray(drawn, np.float64), axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_survival_and_its_inverse_are_scipys(shape: float) -> None:
    excess = np.array([0.0, 0.1, 1.0, 5.0, 7.9, 40.0])
    scales, shapes = np.full(6, 2.0), np.full(6, shape)
    np.testing.assert_allclose(survival(excess, scales, shapes), genpareto.sf(excess, shape, scale=2.0), atol=1e-12)
    chance = np.array([0.9, 0.5, 1e-2, 1e-4, 1e-6, 1e-8])
    np.testing.assert_allclose(excess_at(chance, scales, shapes), genpareto.isf(chance, shape, scale=2.0), rtol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_fit_finds_scale_and_shape(shape: float) -> None:
    scale, found = fit(sample(shape, 400, 1000))
    assert np.mean(found) == pytest.approx(shape, abs=0.02)
    assert np.mean(scale) == pytest.approx(2.0, rel=0.03)


def test_the_fit_scatters_as_hosking_and_wallis_say() -> None:
    scale, shape = fit(sample(0.0, 4000, 500))
    assert np.var(shape) * 500 == pytest.approx(4 / 3, rel=0.1)
    assert np.var(scale / 2) * 500 == pytest.approx(7 / 3, rel=0.1)
    assert np.cov(scale / 2, shape)[0, 1] * 500 == pytest.approx(-4 / 3, rel=0.1)


def test_each_row_is_fitted_as_if_alone() -> None:
    rows = sample(0.1, 7, 199)
    scale, shape = fit(rows)
    for k in range(7):
        one = fit(rows[k : k + 1])
        assert (one[0][0], one[1][0]) == (scale[k], shape[k])


def test_a_shape_beyond_what_can_be_trusted_keeps_the_mean() -> None:
    flat = np.linspace(0.0, 1.0, 200)[None, :]
    scale, shape = fit(flat)
    assert (shape[0], scale[0] / (1 - shape[0])) == (LIGHTEST, pytest.approx(0.5))
    wild = np.sort(1 / np.linspace(1.0, 1e-4, 200))[None, :]
    assert fit(wild)[1][0] == HEAVIEST


def test_equal_excesses_of_nothing_have_no_scale() -> None:
    assert fit(np.zeros((1, 50)))[0][0] == 0.0


@pytest.mark.parametrize("shape", [-0.15, 0.0, 0.2])
@pytest.mark.parametrize("chance", [1e-2, 1e-4])
def test_the_next_one_passes_as_often_as_wished_doubt_included(shape: float, chance: float) -> None:
    """On the whole the plain quantile is passed 4 to 10 times too often at 1e-4, the predicted one less than twice."""
    scale, found = fit(sample(shape, 6000, 199))
    wished = np.full(len(scale), chance)
    plain = genpareto.sf(excess_at(wished, scale, found), shape, scale=2.0)
    passed = genpareto.sf(predicted_excess(scale, found, 199, wished), shape, scale=2.0)
    assert chance / 2 < np.mean(passed) < 2 * chance
    assert np.mean(plain) > (1.1 if chance > 1e-3 else 3.5) * chance


def test_without_doubt_it_is_the_plain_quantile() -> None:
    scale, shape, chance = np.array([2.0, 2.0]), np.array([-0.2, 0.3]), np.array([1e-4, 1e-4])
    found = predicted_excess(scale, shape, 10**9, chance)
    np.testing.assert_allclose(found, excess_at(chance, scale, shape), rtol=2e-3)
