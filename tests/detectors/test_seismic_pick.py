"""seismic.pick. Oracles: ObsPy's aic_simple (C), on its example data too; onsets that were put in."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Wave
from detectors.seismic.pick import Pick, aic
from tests.contract import Said, Sample, run
from tests.detectors.test_seismic_sta_lta import RATE, long_stream, stream, trace
from tests.strategies import SECOND
from tests.waves import BEGIN, packets

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import obspy
    from obspy.signal.trigger import aic_simple, recursive_sta_lta, trigger_onset

PICK = Pick(low=2.0, high=30.0, sta=0.2, lta=4.0, on=4.0, off=1.5)
SAMPLE = Sample(PICK, lambda n: Subjects.simple(n, unit="mm/s", rate=RATE), stream, long_stream, instants=("onset",))


def said(waves: list[Wave], detector: Pick = PICK) -> Said:
    state = detector.start(Subjects.simple(1, rate=waves[0].rate))
    return run(detector, state, [Batch.of(w.arrived, waves=[w]) for w in waves])


def onsets(found: Said, rate: float = RATE) -> list[int]:
    return [round((time - BEGIN) * rate / SECOND) for _, time, *_ in found.columns.get("onset", [])]


def oracle(samples: np.ndarray, rate: float = RATE, apart: float = 2.0) -> list[int]:
    """Onset of each trigger by ObsPy alone: band, STA/LTA, trigger, AIC from 1 s before to 0.5 s after."""
    band = np.ascontiguousarray(sosfilt(butter(4, [2.0, 30.0], btype="bandpass", fs=rate, output="sos"), samples))
    ratio = recursive_sta_lta(band, round(0.2 * rate), round(4 * rate))
    before, after, picks = round(rate), round(0.5 * rate), []
    for on, _ in trigger_onset(ratio, 4.0, 1.5).tolist():
        if on + after <= len(band) and (not picks or on - picks[-1] >= apart * rate):
            picks.append(on - before + int(aic_simple(band[on - before : on + after]).argmin()))
    return picks


@given(st.integers(0, 10_000), st.integers(3, 400))
@settings(max_examples=40, deadline=None)
def test_the_criterion_is_obspys(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 1, count) * np.where(np.arange(count) < rng.integers(1, count), 1.0, 7.0) + 3.0
    assert aic(samples) == pytest.approx(aic_simple(samples), rel=1e-9, abs=1e-9)


def test_the_criterion_of_nearly_nothing_is_obspys() -> None:
    for count in (0, 1, 2):
        assert aic(np.ones(count)).tolist() == aic_simple(np.ones(count)).tolist()


@pytest.mark.parametrize("channel", range(3))
def test_on_obspys_example_data_the_criterion_is_obspys(channel: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = obspy.read()[channel].data.astype(np.float64)
    assert aic(samples[200:700]) == pytest.approx(aic_simple(samples[200:700]), rel=1e-9)
    assert aic(samples[200:700]).argmin() == aic_simple(samples[200:700]).argmin()


@pytest.mark.parametrize("seed", range(5))
def test_onsets_are_those_that_obspys_parts_give(seed: int) -> None:
    samples = trace(seed)
    expected = oracle(samples)
    assert onsets(said(packets(samples, [37] * 120, RATE))) == expected
    assert len(expected) >= 2


def test_on_obspys_example_data_the_onset_is_that_of_its_parts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = obspy.read()[0].data.astype(np.float64)
    samples = np.concatenate([samples[:280][::-1], samples])
    picks = onsets(said(packets(samples, [100] * 40, 100.0)))
    assert picks == oracle(samples)
    assert len(picks) >= 1


@given(st.lists(st.integers(1, 900), max_size=12), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_any_packets_give_the_same_onsets(sizes: list[int], seed: int) -> None:
    samples = trace(seed)
    assert onsets(said(packets(samples, sizes, RATE))) == oracle(samples)


@pytest.mark.parametrize("seed", range(5))
def test_an_onset_lies_within_a_tenth_of_a_second_of_the_true_one(seed: int) -> None:
    picks = np.array(onsets(said(packets(trace(seed), [100] * 40, RATE)))) / RATE
    for true in (16.0, 28.0):
        assert np.abs(picks - true).min() < 0.1


def test_a_held_trigger_is_one_onset_and_then_it_clears() -> None:
    found = said(packets(trace(1), [100] * 40, RATE))
    verdicts = [f.verdict for f in found.findings]
    assert verdicts[0] is Verdict.CLEAR
    assert verdicts[1::2] == [Verdict.ACTIVE] * len(verdicts[1::2])
    assert len(onsets(found)) == len(verdicts[1::2])


def test_a_coda_is_not_picked_again() -> None:
    samples = trace(3)
    samples[2850:2860] += 400
    few = said(packets(samples, [100] * 40, RATE), Pick(low=2, high=30, lta=4, apart=30))
    assert len(onsets(few)) == 1


def test_a_gap_within_the_window_gives_no_onset() -> None:
    samples = trace(1)
    waves = packets(samples, [10] * 400, RATE)
    trigger = next(k for k, w in enumerate(waves) if oracle(samples)[0] < (w.time - BEGIN) * RATE / SECOND)
    found = said(waves[: trigger + 2] + waves[trigger + 4 : trigger + 40])
    assert onsets(found) == []
    assert [f.verdict for f in found.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"before": 9.0}, "at most lta"),
        ({"after": 0.0}, "a little of the event"),
        ({"apart": 0.1}, "how long a coda may last"),
        ({"on": 1.0, "off": 2.0}, "give 0 < off"),
    ],
)
def test_nonsense_is_refused(parameters: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pick(**parameters)


def test_a_window_too_long_for_the_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="give 8 to 1800"):
        Pick(lta=20, before=15).start(Subjects.simple(1, rate=500.0))


def test_an_onset_after_a_clock_was_set_back_is_no_coda_of_one_later_by_its_time() -> None:
    waves = packets(trace(3, 80.0), [100] * 80, RATE)
    true = onsets(said(waves))
    assert len(true) == 2
    between = round(sum(true) / 2 / RATE) - 8
    turned = waves[:between] + [replace(w, time=w.time - 3600 * SECOND) for w in waves[between:]]
    found = onsets(said(turned))
    assert found == [true[0], pytest.approx(true[1] - 3600 * RATE, abs=2)]


def test_what_is_sent_again_after_a_silence_has_no_second_onset() -> None:
    waves = packets(trace(3), [100] * 40, RATE)
    silent = waves[19].arrived + 15 * SECOND
    again = [replace(w, arrived=silent) for w in waves[2:20]]
    later = [replace(w, arrived=max(w.arrived, silent)) for w in waves[20:]]
    assert onsets(said([*waves[:20], *again, *later])) == onsets(said(waves))
