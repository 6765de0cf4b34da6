"""Run lengths of control charts. Oracle: the tables of the shared reference (statistics 2 and 3, performance 8) to
their last digit, Siegmund's closed form, and the integral equation itself for what a baseline's errors cost."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.run_length import (
    NoLimit,
    cusum_excess,
    cusum_limit,
    cusum_run_length,
    ewma_excess,
    ewma_limit,
    ewma_run_length,
    limits,
    run_length,
)

SHIFTS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3)
CUSUM = {
    4.0: ("167.68", "74.22", "26.63", "13.29", "8.383", "4.747", "3.343", "2.194"),
    5.0: ("465.44", "139.49", "38.00", "17.05", "10.376", "5.747", "4.009", "2.573"),
    4.77: ("368.56", "121.31", "35.21", "16.17", "9.917", "5.517", "3.855", "2.484"),
}
EWMA_SHIFTS = (0, 0.25, 0.5, 1, 1.5, 2, 3)
EWMA = {
    (0.40, 3.054): ("499.95", "223.7", "71.2", "14.26", "5.87", "3.52", "2.02"),
    (0.25, 2.998): ("499.84", "170.3", "48.3", "11.14", "5.46", "3.61", "2.26"),
    (0.20, 2.962): ("499.74", "150.2", "41.8", "10.54", "5.50", "3.74", "2.38"),
    (0.10, 2.814): ("499.58", "106.3", "31.3", "10.33", "6.08", "4.36", "2.87"),
    (0.05, 2.615): ("499.93", "84.0", "28.8", "11.38", "7.11", "5.22", "3.50"),
}
SIEGMUND = {4.0: 335.37, 5.0: 930.89, 8.0: 18_966.0, 10.0: 140_265.0}
FLEET = [(2e4, 8.0, 4.1), (2e5, 10.3, 5.3), (2e6, 12.6, 6.4), (1.2e7, 14.4, 7.3), (1.2e8, 16.7, 8.5), (6e8, 18.4, 9.3)]
"""One-sided ARL0, h at k = 0.5 and k = 1 (performance 8)."""


def printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize(("h", "wanted"), CUSUM.items())
def test_cusum_is_the_table_to_its_last_digit(h: float, wanted: tuple[str, ...]) -> None:
    found = tuple(printed(cusum_run_length(0.5, h, d), like) for d, like in zip(SHIFTS, wanted, strict=True))
    assert found == wanted


@pytest.mark.parametrize(("chart", "wanted"), EWMA.items())
def test_ewma_is_the_table_to_its_last_digit(chart: tuple[float, float], wanted: tuple[str, ...]) -> None:
    found = tuple(printed(ewma_run_length(*chart, d), like) for d, like in zip(EWMA_SHIFTS, wanted, strict=True))
    assert found == wanted


@pytest.mark.parametrize(("h", "one_sided"), SIEGMUND.items())
def test_one_side_alarms_half_as_often(h: float, one_sided: float) -> None:
    assert 2 * cusum_run_length(0.5, h) == pytest.approx(one_sided, abs=0.6)


@pytest.mark.parametrize(("one_sided", "h_half", "h_one"), FLEET)
def test_the_fleets_budget_gives_the_tables_limits(one_sided: float, h_half: float, h_one: float) -> None:
    assert cusum_limit(0.5, one_sided / 2) == pytest.approx(h_half, abs=0.07)
    assert cusum_limit(1.0, one_sided / 2) == pytest.approx(h_one, abs=0.07)


@pytest.mark.parametrize("length", [30.0, 465.44, 9_500.0, 6e7])
def test_a_limit_gives_the_wished_length(length: float) -> None:
    assert length * 0.99999 <= cusum_run_length(0.5, cusum_limit(0.5, length)) < length * 1.002
    assert length * 0.99999 <= ewma_run_length(0.1, ewma_limit(0.1, length)) < length * 1.01


def test_long_runs_are_siegmunds() -> None:
    b = 18.4 + 1.166
    assert 2 * cusum_run_length(0.5, 18.4) == pytest.approx(2 * (np.exp(b) - b - 1), rel=0.01)


def averaged(rate: object, unsure: tuple[float, float]) -> float:
    """By brute force: the integral equation at each error of the baseline."""
    x, w = np.polynomial.hermite_e.hermegauss(9)
    total = 0.0
    for shift, a in zip(x * np.sqrt(unsure[0]), w / w.sum(), strict=True):
        for spread, b in zip(np.exp((x * np.sqrt(unsure[1]) + unsure[1] / 2) / 2), w / w.sum(), strict=True):
            total += a * b * rate(shift, spread)  # type: ignore[operator]
    return total / rate(0.0, 1.0)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize(("h", "unsure"), [(5.0, (0.002, 0.008)), (9.0, (0.002, 0.004)), (9.0, (0.0, 0.002))])
def test_what_a_baselines_errors_cost_is_the_integral_equations(h: float, unsure: tuple[float, float]) -> None:
    wanted = averaged(lambda d, s: 1 / cusum_run_length(0.5 / s, h / s, d / s), unsure)
    assert cusum_excess(0.5, h, unsure) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(("weight", "limit"), [(0.05, 4.5), (0.1, 3.0), (0.1, 4.5), (0.3, 4.0)])
def test_what_it_costs_an_ewma_as_well(weight: float, limit: float) -> None:
    unsure = (0.002, 0.004)
    wanted = averaged(lambda d, s: 1 / ewma_run_length(weight, limit / s, d / s), unsure)
    assert ewma_excess(weight, limit, unsure) == pytest.approx(wanted, rel=0.03)


def test_an_estimated_baseline_gets_a_higher_limit_or_none() -> None:
    known, learned = cusum_limit(0.5, 6e7), cusum_limit(0.5, 6e7, (0.0014, 0.0086))
    assert known + 1 < learned < known + 3
    assert ewma_limit(0.1, 6e7) < ewma_limit(0.1, 6e7, (0.0014, 0.007))
    for limit in (lambda: cusum_limit(0.5, 6e7, (0.014, 0.11)), lambda: ewma_limit(0.1, 6e7, (0.014, 0.11))):
        with pytest.raises(NoLimit, match="learn from more"):
            limit()


@pytest.mark.parametrize("unsure", [(0.0014, 0.0086), (0.0, 0.02)])
def test_the_limit_for_an_estimated_baseline_makes_up_for_it(unsure: tuple[float, float]) -> None:
    h, limit = cusum_limit(0.5, 1e5, unsure), ewma_limit(0.1, 1e5, unsure)
    assert cusum_run_length(0.5, h) / cusum_excess(0.5, h, unsure) == pytest.approx(1e5, rel=0.005)
    assert ewma_run_length(0.1, limit) / ewma_excess(0.1, limit, unsure) == pytest.approx(1e5, rel=0.01)


def test_false_alarms_a_month_are_a_run_length() -> None:
    assert run_length(60.0, 4.4) == pytest.approx(30.44 * 1440 / 4.4, rel=1e-3)
    with pytest.raises(ValueError, match="give it `every`"):
        run_length(np.nan, 0.04)
    with pytest.raises(ValueError, match="give 3e-09 to 1.5"):
        run_length(86_400.0, 100.0)


def test_limits_are_each_subjects_own() -> None:
    seen: list[float] = []

    def limit_of(length: float, unsure: tuple[float, float]) -> float:
        seen.append(length)
        if unsure[1] > 0.5:
            raise NoLimit("none")
        return length + unsure[1]

    every, wishes = np.array([1.0, np.nan, 10.0]), np.array([1.0, 1.0, 4.0])
    given = np.array([np.nan, 5.0, np.nan])
    found = limits(limit_of, given, every, wishes, [[(0.0, 0.0), (0.0, 0.25), (0.0, 1.0)]] * 3)
    first, last = run_length(1.0, 1.0), run_length(10.0, 4.0)
    np.testing.assert_array_equal(found, [[first, first + 0.25, np.nan], [5.0] * 3, [last, last + 0.25, np.nan]])
    assert seen == [first] * 3 + [last] * 3
    assert limits(limit_of, 5.0, np.zeros(0), 1.0, []).shape[0] == 0
    with pytest.raises(NoLimit):
        limits(limit_of, given, every, wishes, [[(0.0, 1.0)]] * 3)


def test_that_there_is_no_limit_is_found_out_once_and_not_for_each_subject() -> None:
    asked: list[tuple[float, tuple[float, float]]] = []

    def limit_of(length: float, errors: tuple[float, float]) -> float:
        asked.append((length, errors))
        if errors[1] > 0:
            raise NoLimit
        return 4.0

    found = limits(limit_of, np.nan, np.full(500, 60.0), 0.04, [[(0.0, 0.0), (0.0, 1.0), (0.0, 2.0)]] * 500)

    assert found[:, 0].tolist() == [4.0] * 500
    assert np.isnan(found[:, 1:]).all()
    assert len([1 for _, errors in asked if errors[1] > 0]) == 1
