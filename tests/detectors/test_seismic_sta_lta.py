"""seismic.sta_lta. Oracle: ObsPy's recursive_sta_lta (C) and trigger_onset, bit for bit."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from detectors.detector import Subjects, Verdict
from detectors.packets import side_by_side
from detectors.reading import Batch, Quality, Wave
from detectors.seismic.sta_lta import WIDE, StaLta
from tests.contract import Sample
from tests.strategies import SECOND, Stream

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from obspy.signal.trigger import recursive_sta_lta, trigger_onset

RATE = 100.0
BEGIN = 1_700_000_000 * SECOND
TREMOR = StaLta(low=2.0, high=30.0, sta=0.2, lta=4.0, on=4.0, off=1.5)


def trace(seed: int, seconds: float = 40.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    samples = rng.normal(0, 1.0, count)
    for onset in (0.4 * seconds, 0.7 * seconds):
        after = np.maximum(0.0, time - onset)
        samples += 40 * (time > onset) * np.exp(-after / 0.7) * np.sin(2 * np.pi * 11 * after)
    return samples


def packets(samples: np.ndarray, sizes: list[int], sensor: int = 0) -> list[Wave]:
    waves, start = [], 0
    edges = [*np.cumsum(sizes).tolist(), len(samples)]
    for stop in edges:
        part = samples[start : min(stop, len(samples))]
        if len(part):
            time = BEGIN + round(start * SECOND / RATE)
            waves.append(Wave(0, sensor, time, BEGIN + round((start + len(part)) * SECOND / RATE), RATE, part))
        start = min(stop, len(samples))
    return waves


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    waves = [w for s in range(inputs) for w in packets(trace(seed * 100 + s), [60] * 66, s)]
    waves.sort(key=lambda w: (w.arrived, w.sensor))
    kept = [w for w in waves if rng.random() > 0.03]
    spoilt = [
        Wave(0, w.sensor, w.time, w.arrived, w.rate, w.samples, int(Quality.NO_VALUE) if rng.random() < 0.02 else 0)
        for w in kept
    ]
    nothing = np.zeros(0, np.int64)
    return Stream(
        nothing.astype(np.intp), nothing, nothing, nothing.astype(np.float64), nothing.astype(np.uint8),
        tuple(spoilt), BEGIN + 41 * SECOND,
    )  # fmt: skip


def long_stream(seed: int, inputs: int) -> Stream:
    calm = [w for s in range(inputs) for w in packets(trace(seed * 100 + s, 300.0), [100] * 300, s)]
    calm.sort(key=lambda w: (w.arrived, w.sensor))
    base = stream(seed, inputs)
    return Stream(base.sensor, base.time, base.arrived, base.value, base.quality, tuple(calm), BEGIN + 301 * SECOND)


SAMPLE = Sample(TREMOR, lambda n: Subjects.simple(n, unit="mm/s", rate=RATE), stream, long_stream)


def ratios(waves: list[Wave]) -> np.ndarray:
    state = TREMOR.start(Subjects.simple(1, rate=RATE))
    parts = []
    for wave in waves:
        (ready,) = side_by_side([wave])
        parts.append(TREMOR.characteristic(state, TREMOR.resume(state, ready, [wave], []))[0][0])
    return np.concatenate(parts)


def said(waves: list[Wave]) -> list[tuple[Verdict, int]]:
    state = TREMOR.start(Subjects.simple(1, rate=RATE))
    findings = [f for w in waves for f in TREMOR.step(state, Batch.of(w.arrived, waves=[w])).findings]
    return [(f.verdict, round((f.time - BEGIN) * RATE / SECOND)) for f in findings]


def oracle(samples: np.ndarray) -> np.ndarray:
    band = sosfilt(butter(4, [2.0, 30.0], btype="bandpass", fs=RATE, output="sos"), samples)
    return np.asarray(recursive_sta_lta(np.ascontiguousarray(band), 20, 400))


@given(st.lists(st.integers(1, 900), max_size=12), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_any_packets_give_obspys_ratio_bit_for_bit(sizes: list[int], seed: int) -> None:
    samples = trace(seed)
    assert ratios(packets(samples, sizes)).tolist() == oracle(samples).tolist()


@pytest.mark.parametrize("channels", [7, WIDE, WIDE + 6])
def test_channels_side_by_side_give_the_same_bits_as_alone(channels: int) -> None:
    samples = [trace(s, 15.0) for s in range(channels)]
    samples[2][600] = 1e200
    state = TREMOR.start(Subjects.simple(channels, rate=RATE))
    alone = [TREMOR.start(Subjects.simple(1, rate=RATE)) for _ in samples]
    rows = [packets(x, [333] * 4) for x in samples]
    for packet in range(5):
        group = [replace(row[packet], sensor=k) for k, row in enumerate(rows)]
        findings = TREMOR.step(state, Batch.of(0, waves=group)).findings
        lone = [TREMOR.step(alone[k], Batch.of(0, waves=[row[packet]])).findings for k, row in enumerate(rows)]
        assert [(f.time, f.value) for f in findings] == [(f.time, f.value) for some in lone for f in some]
        for k in range(channels):
            assert np.isfinite(state.lta[k])
            assert state.sta[k] == alone[k].sta[0]
            assert state.lta[k] == alone[k].lta[0]
            assert state.filter[k].tolist() == alone[k].filter[0].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_triggers_are_obspys(seed: int) -> None:
    samples = trace(seed)
    findings = said(packets(samples, [37] * 100))
    assert findings[0] == (Verdict.CLEAR, 400)
    onsets = [place for verdict, place in findings[1:] if verdict is Verdict.ACTIVE]
    ends = [place for verdict, place in findings[1:] if verdict is Verdict.CLEAR]
    expected = trigger_onset(oracle(samples), 4.0, 1.5)
    assert len(expected) >= 2
    assert onsets == [int(on) for on, _ in expected]
    assert ends == [int(off) + 1 for _, off in expected if off < len(samples) - 1]


def test_packets_of_other_rates_and_lengths_between_them_change_nothing() -> None:
    rates, lengths = [100.0, 200.0, 100.0, 125.0], [333, 333, 100, 333]
    waves = [
        Wave(0, k, BEGIN + round(p * n * SECOND / rate), BEGIN + p * SECOND, rate, trace(k)[p * n : (p + 1) * n])
        for p in range(12)
        for k, (rate, n) in enumerate(zip(rates, lengths, strict=True))
    ]
    state = TREMOR.start(Subjects.simple(4, rate=RATE))
    column = TREMOR.step(state, Batch.of(0, waves=waves)).columns[0]
    assert (np.diff(column.arrived) >= 0).all()
    for k in range(4):
        alone = TREMOR.start(Subjects.simple(1, rate=RATE))
        own = [replace(w, sensor=0) for w in waves if w.sensor == k]
        values = [v for w in own for c in TREMOR.step(alone, Batch.of(0, waves=[w])).columns for v in c.value.tolist()]
        assert column.value[column.subject == k].tolist() == values
        assert state.filter[k].tolist() == alone.filter[0].tolist()


def test_stationary_noise_settles_around_one() -> None:
    samples = np.random.default_rng(3).normal(0, 1, 60_000)
    assert np.mean(ratios(packets(samples, [500] * 120))[2000:]) == pytest.approx(1.0, abs=0.05)


def test_silence_gives_no_nan() -> None:
    assert np.isfinite(ratios(packets(np.zeros(200_000), [2000] * 100))).all()


def test_a_gap_starts_the_windows_again_and_leaves_an_alarm_standing() -> None:
    samples = trace(1)
    waves = packets(samples, [100] * 40)
    quiet = said([*waves[:10], *waves[12:15]])
    assert quiet[-1][0] is Verdict.UNKNOWN
    onset = next(k for k in range(5, 40) if said(waves[: k + 1])[-1][0] is Verdict.ACTIVE)
    assert said([*waves[: onset + 1], *waves[onset + 2 : onset + 4]])[-1][0] is Verdict.ACTIVE


def test_after_a_gap_it_is_as_fresh() -> None:
    samples = trace(3)
    waves = packets(samples, [500] * 8)
    state = TREMOR.start(Subjects.simple(1, rate=RATE))
    TREMOR.step(state, Batch.of(0, waves=waves[:3]))
    column = TREMOR.step(state, Batch.of(0, waves=waves[4:])).columns[0]
    expected = oracle(samples[2000:])
    assert column.value.tolist() == [expected[k : k + 500].max() for k in range(0, 2000, 500)]


@pytest.mark.parametrize(("size", "step"), [(200, 100), (100, 99), (400, 50)])
def test_records_that_overlap_trigger_where_obspy_does(size: int, step: int) -> None:
    samples = trace(3)
    begins = range(0, len(samples) - size + 1, step)
    records = [packets(samples[k : k + size], [])[0] for k in begins]
    placed = [
        replace(w, time=BEGIN + round(k * SECOND / RATE), arrived=BEGIN + round((k + size) * SECOND / RATE))
        for k, w in zip(begins, records, strict=True)
    ]
    assert said(placed) == said(packets(samples, [100] * 40))
    assert len(said(placed)) >= 4


def test_a_clock_set_back_by_an_hour_starts_the_windows_again() -> None:
    waves = packets(trace(3), [100] * 40)
    later = [replace(w, time=w.time - 3600 * SECOND) for w in waves[10:]]
    found = said(waves[:10] + later)
    assert [v for v, _ in found] == [
        Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR,
    ]  # fmt: skip
    true = [sample for verdict, sample in said(waves) if verdict is Verdict.ACTIVE][-1]
    assert next(s for v, s in found if v is Verdict.ACTIVE) + 3600 * RATE == pytest.approx(true, abs=5)


def test_what_is_sent_again_after_a_silence_triggers_nothing_and_clears_nothing() -> None:
    waves = packets(trace(3), [100] * 40)
    silent = waves[16].arrived + 15 * SECOND
    found = said([*waves[:17], *(replace(w, arrived=silent) for w in waves[2:])])
    assert found == said(waves)
    assert Verdict.ACTIVE in [v for v, _ in found]


def test_a_clock_set_back_while_it_is_triggered_clears_nothing_before_the_trigger() -> None:
    waves = packets(trace(3, 60.0), [100] * 60)
    assert Verdict.ACTIVE is said(waves[:25])[-1][0]
    later = [replace(w, time=w.time - 40 * SECOND) for w in waves[25:]]
    assert said(waves[:25] + later) == said(waves[:25])


def test_the_column_is_the_greatest_ratio_of_the_packet() -> None:
    samples = trace(2)
    waves = packets(samples, [500] * 8)
    state = TREMOR.start(Subjects.simple(1, rate=RATE))
    expected = oracle(samples)
    for k, wave in enumerate(waves):
        outcome = TREMOR.step(state, Batch.of(wave.arrived, waves=[wave]))
        part = expected[k * 500 : k * 500 + len(wave.samples)]
        if part.any():
            assert outcome.columns[0].value.tolist() == [part.max()]


def test_a_band_above_the_nyquist_frequency_is_refused() -> None:
    with pytest.raises(ValueError, match="high must be below 25 Hz"):
        TREMOR.start(Subjects.simple(1, rate=50.0))


@pytest.mark.parametrize("parameters", [{"low": 0.0}, {"sta": 5.0, "lta": 1.0}, {"on": 1.0, "off": 2.0}])
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give 0 <"):
        StaLta(**parameters)
