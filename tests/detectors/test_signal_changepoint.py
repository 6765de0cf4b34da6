"""signal.changepoint. Oracles: the posterior of test_bocpd (brute force), the Nile, ruptures on simulated steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import ruptures
import statsmodels.datasets.nile as nile
from scipy.signal import lfilter

from detectors import evaluate
from detectors.bocpd import Posterior, advance, begun
from detectors.detector import Finding, Outcome, Subjects, Verdict
from detectors.reading import Batch, Floats, Quality
from detectors.signal.changepoint import Changepoint, State
from detectors.state import size_of
from tests.contract import SMALL, Sample
from tests.strategies import SECOND, Stream, readings

MINUTE = 60 * SECOND
SHORT: dict[str, Any] = {"window": 20, "longest": 40, "learn": 60}
DETECTOR = Changepoint(**SHORT)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    level = np.repeat([5.0, 9.0, 2.0, 2.0], [120, 60, 60, 60])[:, None]
    return readings(seed, inputs, level + rng.normal(0, 1, (300, inputs)), every=MINUTE, bad=0.04, gap=(280, 290))


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="Pa", interval=60.0, quantum=0.01), stream)


def told(values: Any, detector: Changepoint = DETECTOR, quality: Any = None, **subject: Any) -> Outcome:
    times = np.arange(len(values)) * MINUTE
    return evaluate(detector, times, values, quality=quality, **{"unit": "Pa", "interval": 60.0, **subject})


def onsets(outcome: Outcome) -> list[Finding]:
    return [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]


def changed(finding: Finding) -> int:
    """The reading with which the new mean began."""
    return round(float(finding.why.numbers["changed"]) / 60)


def noise(*shape: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, shape)


def held(values: Floats, detector: Changepoint = DETECTOR, **subject: Any) -> State:
    state = detector.start(Subjects.simple(1, **{"interval": 60.0, **subject}))
    rows = np.arange(len(values))
    detector.step(state, Batch.of(10**17, np.zeros(len(values), int), rows * MINUTE, values))
    return state


def test_the_columns_are_the_posteriors() -> None:
    """Learned mean, deviation and correlation by NumPy, then the kernel that test_bocpd holds to brute force."""
    values = 40 + 3 * np.asarray(lfilter([1], [1, -0.6], noise(400)))
    values[250:] += 20.0
    learned = values[: DETECTOR.learn]
    phi = 1 - np.mean(np.diff(learned) ** 2) / (2 * np.var(learned, ddof=1))
    scale = np.std(learned, ddof=1) * np.sqrt(1 - phi**2)
    assert phi > 0.3
    x = (values[1:] - learned.mean() - phi * (values[:-1] - learned.mean())) / scale
    posterior, wanted = begun(1, DETECTOR.longest, DETECTOR.learn), []
    for one in x[DETECTOR.learn - 1 :].tolist():
        posterior = advance(posterior, np.array([one]), np.array([DETECTOR.hazard]), np.zeros(1))
        wanted.append((posterior.chance[0, 1 : DETECTOR.window + 1].sum(), level(posterior)))
    columns = {c.name: c.value for c in told(values).columns}
    np.testing.assert_allclose(columns["probability"], [w[0] for w in wanted], atol=1e-9)
    levels = learned.mean() + np.array([w[1] for w in wanted]) * scale / (1 - phi)
    np.testing.assert_allclose(columns["level"], levels, rtol=1e-9)


def level(posterior: Posterior) -> float:
    return float(posterior.mean[0, posterior.chance[0].argmax()])


def test_the_nile_changed_in_1899() -> None:
    flow = nile.load_pandas().data["volume"].to_numpy(np.float64)
    detector = Changepoint(window=15, longest=60, learn=20, hazard=0.01)
    found = onsets(evaluate(detector, np.arange(1871, 1971) * SECOND, flow, unit="m3"))
    assert [f.why.key for f in found] == ["signal.changepoint.fell"]
    assert found[0].why.numbers["changed"] in (1898.0, 1899.0)
    assert found[0].time <= 1908 * SECOND
    assert found[0].why.numbers["before"] == pytest.approx(flow[:28].mean(), rel=0.05)
    assert found[0].why.numbers["after"] == pytest.approx(flow[28:].mean(), rel=0.1)


@pytest.mark.parametrize("seed", range(12))
def test_it_finds_the_places_that_ruptures_finds(seed: int) -> None:
    """PELT sees the whole series and uses sigma; this sees the past alone: the places agree within 3 readings."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(120, 260, 4)
    steps = rng.choice([-1.0, 1.0], 3) * rng.uniform(2.5, 6.0, 3)
    values = np.repeat(np.concatenate(([0.0], np.cumsum(steps))), lengths) + rng.normal(0, 1, lengths.sum())
    places = ruptures.Pelt(model="l2", jump=1).fit(values).predict(pen=5 * np.log(len(values)))[:-1]
    found = onsets(told(values, Changepoint(window=60, learn=100)))
    assert len(found) == len(places) == 3
    for finding, place, step in zip(found, places, steps, strict=True):
        assert abs(changed(finding) - place) <= 3
        assert 4 <= finding.time // MINUTE - place <= 30
        size = float(finding.why.numbers["after"]) - float(finding.why.numbers["before"])
        assert size == pytest.approx(step, abs=1.5)


def test_a_step_that_stays_is_one_onset_and_is_then_normal() -> None:
    values = noise(500)
    values[200:] += 5.0
    found = told(values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert [f.why.key.rpartition(".")[2] for f in found] == ["steady", "rose", "steady"]
    assert changed(found[1]) == 200
    assert 204 <= found[1].time // MINUTE <= 206
    assert found[2].time // MINUTE == pytest.approx(200 + DETECTOR.window, abs=2)


def test_noise_of_300_sensors_raises_next_to_nothing_and_two_deviations_are_found_in_ten_readings() -> None:
    values = noise(1500, 300)
    values[1200:] += 2.0
    detector = Changepoint()
    state, found = detector.start(Subjects.simple(300, interval=60.0)), []
    for k in range(0, 1500, 100):
        time = np.repeat(np.arange(k, k + 100) * MINUTE, 300)
        batch = Batch.of(10**17, np.tile(np.arange(300), 100), time, values[k : k + 100].ravel())
        found += [f for f in detector.step(state, batch).findings if f.verdict is Verdict.ACTIVE]
    false, true = ([f for f in found if (f.time >= 1200 * MINUTE) is late] for late in (False, True))
    assert len(false) <= 2
    assert len({f.subject for f in true}) >= 297
    assert np.median([f.time // MINUTE - 1200 for f in true]) <= 10
    assert np.mean([abs(changed(f) - 1200) <= 3 for f in true]) > 0.9


def test_correlated_noise_is_whitened() -> None:
    values = np.asarray(lfilter([1], [1, -0.7], noise(20_000)))
    state = held(values[:2000], Changepoint(learn=1000))
    assert state.phi[0] == pytest.approx(0.7, abs=0.1)
    assert len(onsets(told(values, Changepoint(learn=1000)))) <= 1
    assert held(noise(400), Changepoint(learn=300)).phi[0] == 0.0


def test_spikes_and_a_change_of_the_spread_alone_are_no_change_of_the_mean() -> None:
    values = noise(600)
    values[[150, 220, 221, 330]] += 40.0
    assert onsets(told(values)) == []
    wider = noise(600)
    wider[300:] *= 4.0
    assert onsets(told(wider)) == []


def test_a_change_below_the_limit_or_a_quantum_does_not_matter() -> None:
    values = noise(300)
    values[150:] += 4.0
    assert onsets(told(values, Changepoint(limit=6.0, **SHORT))) == []
    (found,) = onsets(told(values, Changepoint(limit=3.0, **SHORT)))
    assert found.limit == 3.0
    still = np.full(300, 5.0)
    still[10:40:7] = 6.0
    still[150:] = 6.0
    assert onsets(told(still, quantum=1.0)) == []
    still[150:] = 8.0
    assert [changed(f) for f in onsets(told(still, quantum=1.0))] == [150]


def test_a_ramp_is_a_few_changes_each_further_up() -> None:
    values = noise(600)
    values[150:450] += 0.3 * np.arange(300)
    values[450:] += 90.0
    outcome = told(values)
    found = onsets(outcome)
    assert 1 <= len(found) <= 6
    assert {f.why.key for f in found} == {"signal.changepoint.rose"}
    assert np.all(np.diff([float(f.why.numbers["after"]) for f in found]) > 0)
    assert outcome.findings[-1].verdict is Verdict.CLEAR


def test_a_sensor_that_never_moved_learns_on() -> None:
    assert told(np.full(500, 7.0)).findings == []
    assert told(np.full(500, 7.0)).columns == []
    moves = np.concatenate((np.full(100, 7.0), 7.0 + 0.1 * noise(100)))
    assert [f.time // MINUTE for f in told(moves).findings] == [101]


def test_across_a_gap_the_reading_before_tells_nothing() -> None:
    values = 10 + np.asarray(lfilter([1], [1, -0.8], noise(120)))
    times = np.arange(120) * MINUTE
    times[100:] += 1000 * MINUTE
    far = evaluate(DETECTOR, times, values, interval=60.0).columns[1].value
    near = told(values).columns[1].value
    assert near[:40].tolist() == far[:40].tolist()
    assert near[40] != far[40]


def test_bad_readings_neither_raise_nor_clear_nor_count() -> None:
    values = noise(300)
    values[150:] += 5.0
    marks = np.zeros(300, np.uint8)
    marks[160:], values[160:] = int(Quality.OUT_OF_SPAN), 0.0
    assert [f.verdict for f in told(values, quality=marks).findings] == [Verdict.CLEAR, Verdict.ACTIVE]
    marks[:] = 0
    marks[100] = int(Quality.NO_VALUE)
    found = told(noise(120), quality=marks[:120]).findings
    assert [(f.verdict.name, f.time // MINUTE) for f in found] == [("CLEAR", 60), ("UNKNOWN", 100), ("CLEAR", 101)]


def test_what_no_number_should_be_stays_finite() -> None:
    values = noise(200)
    values[[100, 150]] = 1e150, -1e30
    outcome = told(values)
    assert all(np.isfinite(c.value).all() for c in outcome.columns)


def test_it_keeps_to_the_memory_of_a_subject() -> None:
    assert size_of(Changepoint().start(Subjects.simple(3))) / 3 < 6_000
    largest = Changepoint(longest=500, window=250, learn=1000)
    assert size_of(largest.start(Subjects.simple(3))) / 3 <= SMALL


@pytest.mark.parametrize("wrong", [{"limit": -1.0}, {"confidence": 1.0}, {"hazard": 0.0}, {"longest": 1000},
                                   {"window": 150}, {"confirm": 60}, {"learn": 60}])  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Changepoint(**wrong)
