"""signal.tail. Oracle: the known tails of scipy.stats: how often the limit that it found is passed; Poisson bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Batch, Floats, Quality
from detectors.signal import tail as module
from detectors.signal.tail import State, Tail
from detectors.state import arrays_of, restore
from detectors.wished import MONTH
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

MINUTE = 60 * SECOND
DETECTOR = Tail(false_alarms=4.0, learn=1000, peaks=50)
KINDS: dict[str, Any] = {
    "normal": stats.norm, "t5": stats.t(5), "exponential": stats.expon, "lognormal": stats.lognorm(1),
    "quantised": stats.norm,
}  # fmt: skip
EACH = 60
QUANTUM = 0.1


def stream(seed: int, inputs: int) -> Stream:
    values = np.random.default_rng(seed).normal(0, 1, (1500, inputs))
    values[[1200, 1300, 1301, 1302, 1400]] += 12.0
    return readings(seed, inputs, values, every=MINUTE, bad=0.03)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="ppm", interval=60.0, quantum=0.01), stream)


def told(values: Any, detector: Tail = DETECTOR, quality: Any = None, **subject: Any) -> Outcome:
    times = np.arange(len(values)) * MINUTE
    return evaluate(detector, times, values, quality=quality, **{"unit": "ppm", "interval": 60.0, **subject})


def noise(count: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, count)


def fleet(detector: Tail, count: int, seed: int) -> tuple[State, NDArray[np.int64]]:
    """EACH sensors of each kind over `count` readings: the state, and the onsets of each sensor."""
    rng = np.random.default_rng(seed)
    total = len(KINDS) * EACH
    subjects = Subjects.simple(total, interval=60.0)
    subjects.quantum[-EACH:] = QUANTUM
    state, onsets = detector.start(subjects), np.zeros(total, np.int64)
    for k in range(0, count, 100):
        values = np.concatenate([kind.rvs(size=(100, EACH), random_state=rng) for kind in KINDS.values()], axis=1)
        values[:, -EACH:] = np.round(values[:, -EACH:] / QUANTUM) * QUANTUM
        time = np.repeat(np.arange(k, k + 100) * MINUTE, total)
        found = detector.step(state, Batch.of(count * MINUTE, np.tile(np.arange(total), 100), time, values.ravel()))
        np.add.at(onsets, [f.subject for f in found.findings if f.verdict is Verdict.ACTIVE], 1)
    return state, onsets


def test_it_alarms_as_often_as_wished_whatever_the_noise() -> None:
    """40 a month wished of 300 sensors: for each kind 95 % Poisson bounds of the rate touch the wish within 1/5."""
    detector, count = Tail(false_alarms=40.0), 20_000
    _, onsets = fleet(detector, count, 1)
    wished = EACH * (count - detector.learn) * 60.0 / MONTH * 40.0
    for k, kind in enumerate(KINDS):
        seen = int(onsets[k * EACH : (k + 1) * EACH].sum())
        low, high = stats.chi2.ppf(0.025, 2 * seen) / 2, stats.chi2.ppf(0.975, 2 * seen + 2) / 2
        least = 0.5 if kind == "quantised" else 1 / 1.2
        assert low < 1.2 * wished, (kind, seen, wished)
        assert high > least * wished, (kind, seen, wished)
    worst = [onsets[k * EACH : (k + 1) * EACH].sum() for k in range(4)]
    assert max(worst) < 1.3 * min(worst)


@pytest.mark.parametrize(("wish", "within"), [(4.0, 1.6), (0.4, 2.5), (0.04, 4.0)])
def test_rare_alarms_too_are_as_rare_as_wished(wish: float, within: float) -> None:
    """The chance to pass each limit, from the true distribution: a mean over sensors, so no rare event is awaited."""
    state, _ = fleet(Tail(false_alarms=wish), 12_000, 2)
    chance = wish * 60.0 / MONTH
    for k, (kind, true) in enumerate(KINDS.items()):
        limits = state.limit[k * EACH : (k + 1) * EACH]
        if kind == "quantised":
            limits = np.ceil((limits + QUANTUM / 2) / QUANTUM) * QUANTUM - QUANTUM / 2
        rate = float(np.mean(true.sf(limits))) / chance
        assert rate < within, kind
        assert rate > 1 / within / (2 if kind == "quantised" else 1), kind


def test_the_limit_of_sigmas_that_suits_normal_noise_suits_no_other() -> None:
    """Why this detector: at the sigmas of 4 a month lognormal noise alarms 70 times as often."""
    chance = 4.0 * 60.0 / MONTH
    sigmas = stats.norm.isf(chance)
    assert KINDS["lognormal"].sf(KINDS["lognormal"].mean() + sigmas * KINDS["lognormal"].std()) > 70 * chance
    assert KINDS["t5"].sf(sigmas * KINDS["t5"].std()) > 20 * chance


def test_the_threshold_is_the_least_of_the_greatest() -> None:
    values = noise(1000)
    state = DETECTOR.start(Subjects.simple(1, interval=60.0))
    DETECTOR.step(state, Batch.of(10**15, np.zeros(1000, int), np.arange(1000) * MINUTE, values))
    assert np.sort(state.peaks[0]).tolist() == np.sort(values)[-50:].tolist()
    assert state.threshold[0] == state.least[0] == np.sort(values)[-50]
    assert state.count[0] == 1000


def test_a_held_alarm_is_one_onset_and_ends_below_the_threshold() -> None:
    values = noise(1100)
    values[1020:1060] = 12.0
    values[1060:1065], values[1065] = 2.5, 0.0
    found = told(values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert [f.time // MINUTE for f in found[1:]] == [1020, 1065]
    assert found[1].limit is not None
    assert 3.0 < found[1].limit < 8.0
    assert found[1].why.key == "signal.tail.above"
    assert found[1].why.numbers["once"] > MONTH / 4


def test_the_return_period_is_that_of_the_fit() -> None:
    values = np.append(np.random.default_rng(3).exponential(1, 10_000), [0.0, 15.0])
    detector = Tail(false_alarms=0.4)
    state = detector.start(Subjects.simple(1, interval=60.0))
    times = np.arange(10_002) * MINUTE
    found = detector.step(state, Batch.of(10**17, np.zeros(10_002, int), times, values)).findings[-1]
    height, scale, shape = 15.0 - state.threshold[0], state.scale[0], state.shape[0]
    chance = 200 / 10_001 * stats.genpareto.sf(height, shape, scale=scale)
    assert found.why.numbers["once"] == pytest.approx(min(60.0 / chance, 3.15e9), rel=1e-9)
    assert chance > 60.0 / 3.15e9


def test_alarm_readings_never_enter_the_fit() -> None:
    values = noise(4000)
    state, wild = (DETECTOR.start(Subjects.simple(1, interval=60.0)) for _ in range(2))
    broken = values.copy()
    broken[2000:2500] = np.linspace(20, 900, 500)
    rows = np.r_[0:2000, 2500:4000]
    DETECTOR.step(state, Batch.of(10**15, np.zeros(3500, int), rows * MINUTE, values[rows]))
    DETECTOR.step(wild, Batch.of(10**15, np.zeros(4000, int), np.arange(4000) * MINUTE, broken))
    assert {n: a.tolist() for n, a in arrays_of(state).items()} == {n: a.tolist() for n, a in arrays_of(wild).items()}


def test_below_is_above_upside_down() -> None:
    values = noise(1100)
    values[1050] = 12.0
    above, below = told(values), told(-values, Tail(false_alarms=4.0, learn=1000, peaks=50, side="below"))
    assert [(f.time, f.verdict) for f in above.findings] == [(f.time, f.verdict) for f in below.findings]
    assert above.columns[0].value.tolist() == (-below.columns[0].value).tolist()
    assert [f.why.key for f in below.findings] == ["signal.tail.within", "signal.tail.below", "signal.tail.within"]


def test_with_a_memory_a_slow_drift_is_followed_and_a_step_is_not() -> None:
    rng = np.random.default_rng(5)
    values = 5e-4 * np.arange(20_000) + rng.normal(0, 1, 20_000)
    values[19_000:] += 10.0
    plain, follows = Tail(false_alarms=0.4), Tail(false_alarms=0.4, memory=500)
    fixed = [f for f in told(values[:19_000], plain).findings if f.verdict is Verdict.ACTIVE]
    found = [f for f in told(values, follows).findings if f.verdict is Verdict.ACTIVE]
    assert fixed
    assert [f.time // MINUTE for f in found] == [19_000]


def test_a_constant_or_two_valued_sensor_has_no_tail() -> None:
    assert told(np.full(2000, 7.0)).findings == []
    assert told(np.tile([0.0] * 199 + [1.0], 15)).findings == []


def test_a_declared_quantum_gives_a_repeating_sensor_a_tail() -> None:
    values = np.round(noise(3000) / 2) * 2
    values[2500] = 30.0
    found = told(values, quantum=2.0).findings
    assert [f.time // MINUTE for f in found if f.verdict is Verdict.ACTIVE] == [2500]


def test_bad_readings_neither_raise_nor_clear_nor_teach() -> None:
    values = noise(1200)
    marks = np.zeros(1200, np.uint8)
    values[1100], values[1110] = 12.0, 0.0
    marks[1101:1110], marks[1150] = int(Quality.OUT_OF_SPAN), int(Quality.NO_VALUE)
    found = told(values, quality=marks).findings
    assert [(f.verdict.name, f.time // MINUTE) for f in found[1:]] == [
        ("ACTIVE", 1100), ("CLEAR", 1110), ("UNKNOWN", 1150), ("CLEAR", 1151),
    ]  # fmt: skip


@pytest.mark.parametrize("memory", [0, 300])
def test_along_time_and_across_sensors_say_the_same(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Tail(false_alarms=4.0, learn=1000, peaks=50, memory=memory)
    values = noise(3000)
    values[[1500, 1501, 2000]] = 8.0, 4.0, 6.5
    along = told(values, detector, quantum=0.01)
    monkeypatch.setattr(module, "MANY", 0)
    across = told(values, detector, quantum=0.01)
    assert repr(along.findings) == repr(across.findings)
    assert along.columns[0].value.tolist() == across.columns[0].value.tolist()


def test_a_reading_not_newer_than_the_last_is_not_taken() -> None:
    state = DETECTOR.start(Subjects.simple(1, interval=60.0))
    DETECTOR.step(state, Batch.of(10**15, np.zeros(20, int), np.repeat(np.arange(10) * MINUTE, 2), noise(20)))
    assert state.count[0] == 10


def test_a_revised_wish_moves_the_limit_at_once() -> None:
    subjects = Subjects.simple(1, interval=60.0)
    state = DETECTOR.start(subjects)
    DETECTOR.step(state, Batch.of(10**15, np.zeros(1000, int), np.arange(1000) * MINUTE, noise(1000)))
    rarer = Tail(false_alarms=0.4, learn=1000, peaks=50)
    moved = restore(rarer.start(subjects), arrays_of(state))
    rarer.step(moved, Batch.of(10**15, [0], [1000 * MINUTE], [0.0]))
    assert moved.limit[0] > state.limit[0] + 0.1


@pytest.mark.parametrize("wrong", [{"false_alarms": 0.0}, {"side": "up"}, {"peaks": 10}, {"learn": 500},
                                   {"memory": 50}, {"memory": 20_000}])  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Tail(**wrong)


@pytest.mark.parametrize(("detector", "every", "words"), [
    (Tail(), float("nan"), "s0 declares no interval"),
    (Tail(false_alarms=1e4), 60.0, "give at most"),
    (Tail(false_alarms=0.001), 60.0, "give learn from 43834 to"),
    (Tail(false_alarms=40.0, peaks=50, learn=30_000), 60.0, "give learn from 1 to 27396"),
])  # fmt: skip
def test_a_rarity_without_meaning_is_refused(detector: Tail, every: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        detector.start(Subjects.simple(1, interval=every))
