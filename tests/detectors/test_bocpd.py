"""The run-length posterior. Oracle: brute force over all segments by their closed-form marginal likelihoods, O(n^2);
scipy.stats.t for the predictive; the Nile."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.datasets.nile as nile
from scipy.special import gammaln, logsumexp
from scipy.stats import t as student

from detectors.bocpd import PRIOR_COUNT, PRIOR_SHAPE, PRIOR_SPREAD, Posterior, advance, begun, error_of_mean
from detectors.reading import Floats

NONE = np.zeros(1)


def fed(x: Floats, hazard: float, longest: int) -> Posterior:
    posterior = begun(1, longest, 0)
    for value in x.tolist():
        posterior = advance(posterior, np.array([value]), np.array([hazard]), NONE)
    return posterior


def marginal(x: Floats) -> float:
    """Log probability of a whole segment, its mean and variance integrated out."""
    n, mean = len(x), x.mean()
    count, shape = PRIOR_COUNT + n, PRIOR_SHAPE + n / 2
    spread = PRIOR_SPREAD + ((x - mean) ** 2).sum() / 2 + PRIOR_COUNT * n * mean**2 / (2 * count)
    return float(
        gammaln(shape) - gammaln(PRIOR_SHAPE) + PRIOR_SHAPE * np.log(PRIOR_SPREAD) - shape * np.log(spread)
        + (np.log(PRIOR_COUNT) - np.log(count)) / 2 - n / 2 * np.log(2 * np.pi)
    )  # fmt: skip


def brute_force(x: Floats, hazard: float) -> Floats:
    """(n + 1,) the chance of a run of 0, 1, ..., n readings after x: every segmentation is summed over."""
    n = len(x)
    evidence = np.zeros(n + 1)
    runs = np.zeros(1)
    for end in range(1, n + 1):
        starts = np.arange(end)
        before = np.where(starts > 0, evidence[:end] + np.log(hazard), 0.0)
        stays = (end - starts - 1) * np.log1p(-hazard)
        runs = before + stays + np.array([marginal(x[s:end]) for s in starts])
        evidence[end] = logsumexp(runs)
    joint = runs[::-1] + np.log1p(-hazard)
    return np.concatenate(([hazard], np.exp(joint - evidence[n])))


def stepped(seed: int, count: int) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.normal(np.repeat(rng.normal(0, 3, 4), count // 4), rng.choice([0.3, 1.0, 2.0]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("hazard", [0.02, 1e-4])
def test_it_is_the_brute_force_posterior(seed: int, hazard: float) -> None:
    x = stepped(seed, 120)
    for count in (1, 7, 31, 62, 120):
        found = fed(x[:count], hazard, 150).chance[0]
        np.testing.assert_allclose(found[: count + 1], brute_force(x[:count], hazard), atol=1e-9, rtol=1e-9)
        assert not found[count + 1 :].any()


def test_an_outlier_breaks_nothing() -> None:
    x = stepped(9, 40)
    x[20] = 1e6
    np.testing.assert_allclose(fed(x, 1e-4, 50).chance[0, :41], brute_force(x, 1e-4), atol=1e-9)


def test_means_and_spreads_are_those_of_the_runs_readings() -> None:
    x = stepped(3, 80)
    posterior = fed(x, 1e-3, 100)
    for length in (1, 10, 79):
        part = x[-length:]
        mean = part.sum() / (PRIOR_COUNT + length)
        spread = PRIOR_SPREAD + ((part - part.mean()) ** 2).sum() / 2
        spread += PRIOR_COUNT * length * part.mean() ** 2 / (2 * (PRIOR_COUNT + length))
        assert posterior.mean[0, length] == pytest.approx(mean, rel=1e-11)
        assert posterior.spread[0, length] == pytest.approx(spread, rel=1e-11)
        scale = np.sqrt(spread / ((PRIOR_SHAPE + length / 2) * (PRIOR_COUNT + length)))
        assert error_of_mean(posterior, np.array([length]))[0] == pytest.approx(scale, rel=1e-11)


def test_the_predictive_is_students() -> None:
    """Two runs are possible: the next reading shares their chances by scipy's density of it."""
    posterior = fed(np.array([0.4]), 0.3, 10)
    after = advance(posterior, np.array([1.7]), np.array([0.3]), NONE).chance[0]
    densities = []
    for length in (0, 1):
        shape, count = PRIOR_SHAPE + length / 2, PRIOR_COUNT + length
        scale = np.sqrt(posterior.spread[0, length] * (count + 1) / (shape * count))
        densities.append(student.pdf(1.7, 2 * shape, posterior.mean[0, length], scale))
    assert after[2] / after[1] == pytest.approx(0.7 * densities[1] / (0.3 * densities[0]), rel=1e-12)


def test_chances_sum_to_one_and_a_truncated_run_keeps_its_own() -> None:
    x = stepped(5, 200)
    short, long = fed(x, 1e-3, 60), fed(x, 1e-3, 250)
    assert short.chance.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(short.chance[0, :50], long.chance[0, :50], atol=0.05)
    calm = fed(np.random.default_rng(2).normal(0, 1, 2000), 1e-4, 60)
    assert calm.chance[0, -1] > 0.99
    newest = np.random.default_rng(2).normal(0, 1, 2000)[-60:]
    assert calm.mean[0, -1] == pytest.approx(newest.sum() / (PRIOR_COUNT + 60), rel=1e-9)


def test_the_nile_changed_in_1899() -> None:
    """Its flow fell when the dam at Aswan was begun (Cobb 1978; statistics 9: index 28)."""
    flow = nile.load_pandas().data["volume"].to_numpy(np.float64)
    posterior = fed((flow - flow.mean()) / flow.std(), 0.01, 120)
    length = int(posterior.chance[0].argmax())
    assert 1871 + len(flow) - length == 1899
    assert posterior.chance[0, length - 3 : length + 4].sum() > 0.7


def test_rows_do_not_depend_on_each_other() -> None:
    x = np.stack([stepped(seed, 60) for seed in range(5)])
    together = begun(5, 80, 0)
    for column in x.T:
        together = advance(together, column, np.full(5, 1e-3), np.zeros(5))
    for k in range(5):
        alone = fed(x[k], 1e-3, 80)
        for one, all_ in zip(alone, together, strict=True):
            assert one[0].tolist() == all_[k].tolist()
