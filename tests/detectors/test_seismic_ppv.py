"""seismic.ppv. Oracles: max|v| on ObsPy's example data, sines of known frequency, the corners of each clause."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality, Wave
from detectors.seismic.ppv import Ppv
from detectors.vibration import CURVES, vibration_limit
from tests.contract import Said, Sample, run
from tests.strategies import SECOND, Stream
from tests.waves import BEGIN, packets, stream_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import obspy

RATE = 200.0
DWELLING = Ppv("din4150-3", "dwelling", window=2.0)


def trace(seed: int, seconds: float = 30.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    samples = rng.normal(0, 0.3, len(time))
    for onset in (0.3 * seconds, 0.65 * seconds):
        after = np.maximum(0.0, time - onset)
        samples += 30 * (time > onset) * np.exp(-after / 0.4) * np.sin(2 * np.pi * 14 * after)
    return samples


def stream(seed: int, inputs: int) -> Stream:
    return stream_of(seed, inputs, trace, 90, RATE)


SAMPLE = Sample(DWELLING, lambda n: Subjects.simple(n, unit="mm/s", rate=RATE), stream)


def said(detector: Ppv, waves: list[Wave], unit: str = "mm/s", full: float = np.inf) -> Said:
    state = detector.start(Subjects.simple(1, unit=unit, rate=waves[0].rate, span=(-full, full)))
    return run(detector, state, [Batch.of(w.arrived, waves=[w]) for w in waves])


def column(found: Said, name: str) -> list[float]:
    return [value for *_, value, _ in found.columns.get(name, [])]


def sine(amplitude: float, hertz: float, seconds: float = 12.0, rate: float = RATE) -> np.ndarray:
    return np.asarray(amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + 0.3))


@pytest.mark.parametrize("channel", range(3))
def test_the_peak_of_obspys_example_is_its_greatest_magnitude(channel: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = obspy.read()[channel].data.astype(np.float64)
    found = said(Ppv("usbm", "drywall", window=5.0), packets(samples, [77] * 38, 100.0), unit="um/s")
    kept = samples[: 5 * 100 * len(column(found, "ppv"))]
    assert len(kept) >= 2500
    assert max(column(found, "ppv")) == np.abs(kept).max()


@pytest.mark.parametrize("hertz", [2.0, 5.0, 11.0, 23.0, 41.0])
def test_a_sine_has_its_amplitude_and_its_frequency(hertz: float) -> None:
    found = said(Ppv("din4150-3", "sensitive", window=3.0), packets(sine(1.0, hertz), [64] * 30, RATE))
    assert column(found, "ppv")[1] == pytest.approx(1.0, rel=1 - np.cos(np.pi * hertz / RATE) + 1e-9)
    assert column(found, "frequency")[1] == pytest.approx(hertz, rel=0.03)
    expected = 1.0 / vibration_limit("din4150-3", "sensitive", np.array([hertz]))[0]
    assert column(found, "of_limit")[1] == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(
    ("curve", "building", "corners"),
    [
        ("din4150-3", "industrial", {1: 20, 10: 20, 30: 30, 50: 40, 75: 45, 100: 50, 200: 50}),
        ("din4150-3", "dwelling", {1: 5, 10: 5, 30: 10, 50: 15, 100: 20}),
        ("din4150-3", "sensitive", {1: 3, 10: 3, 50: 8, 100: 10}),
        ("usbm", "drywall", {2: 9.576, 10: 19.05, 40: 50.8, 100: 50.8}),
        ("usbm", "plaster", {1: 4.788, 5: 12.7, 20: 25.53, 40: 50.8}),
        ("cfr816", "301-5000ft", {1: 25.4, 80: 25.4}),
        ("gb6722", "rock-slope", {10: 50, 10.1: 80, 50: 80, 50.1: 100}),
        ("gb6722", "mine-roadway", {5: 150, 30: 180, 60: 200}),
        ("gb6722", "adobe", {5: 1.5, 30: 4.5, 60: 9}),
    ],
)
def test_the_curves_pass_through_the_corners_of_their_clause(curve: str, building: str, corners: dict) -> None:
    limits = vibration_limit(curve, building, np.array(list(corners), np.float64))
    assert limits == pytest.approx(list(corners.values()), rel=1e-3)


def test_the_displacement_bounds_of_usbm_meet_its_plateaus() -> None:
    assert 2 * np.pi * 4 * 0.762 == pytest.approx(19.05, rel=0.006)
    assert 2 * np.pi * 40 * 0.2032 == pytest.approx(50.8, rel=0.006)


@pytest.mark.parametrize("curve", CURVES)
def test_no_curve_falls_with_frequency(curve: str) -> None:
    hertz = np.linspace(0.1, 150, 3000)
    for building in CURVES[curve]:
        assert (np.diff(vibration_limit(curve, building, hertz)) >= 0).all()


@given(st.lists(st.integers(1, 700), max_size=12), st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_any_packets_give_the_same_columns_bit_for_bit(sizes: list[int], seed: int) -> None:
    samples = trace(seed, 12.0)
    whole = said(DWELLING, packets(samples, [40] * 60, RATE))
    parts = said(DWELLING, packets(samples, [*sizes, 1, 2], RATE))
    for name in DWELLING.columns:
        assert column(parts, name)[:5] == column(whole, name)[:5]
    assert [f.verdict for f in parts.findings][:2] == [f.verdict for f in whole.findings][:2]


@pytest.mark.parametrize(("hertz", "alarms"), [(8.0, True), (30.0, False)])
def test_what_a_slow_swing_may_not_a_fast_one_may(hertz: float, alarms: bool) -> None:
    found = said(DWELLING, packets(sine(8.0, hertz), [100] * 24, RATE))
    assert any(f.verdict is Verdict.ACTIVE for f in found.findings) == alarms
    assert any(f.verdict is Verdict.CLEAR for f in found.findings) != alarms


def test_it_alarms_at_the_half_wave_and_clears_after_a_whole_quiet_window() -> None:
    samples = np.concatenate([sine(0.5, 9, 5.0), sine(12.0, 9, 1.0), sine(0.5, 9, 8.0)])
    findings = said(DWELLING, packets(samples, [50] * 60, RATE)).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    onset = (findings[1].time - BEGIN) / SECOND
    assert 5.0 < onset <= 5.0 + 1 / 9
    assert findings[1].limit == pytest.approx(5.0)
    assert findings[1].why.numbers["frequency"] == pytest.approx(9, rel=0.05)
    assert (findings[2].time - BEGIN) // SECOND == 8


def test_a_swing_that_does_not_end_is_judged_by_the_frequency_it_can_at_most_have() -> None:
    found = said(DWELLING, packets(np.concatenate([sine(0.1, 9, 4.0), np.full(400, 12.0)]), [20] * 60, RATE))
    active = next(f for f in found.findings if f.verdict is Verdict.ACTIVE)
    assert active.limit is not None
    assert active.limit <= 12.0
    assert (active.time - BEGIN) / SECOND < 4.2


def test_a_gap_is_not_quiet() -> None:
    waves = packets(sine(0.5, 9), [100] * 24, RATE)
    findings = said(DWELLING, waves[:9] + waves[10:18]).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]
    assert (findings[2].time - BEGIN) // SECOND == 8


def test_an_alarm_stands_over_a_gap() -> None:
    samples = np.concatenate([sine(12.0, 9, 4.0), sine(0.5, 9, 8.0)])
    waves = packets(samples, [100] * 24, RATE)
    findings = said(DWELLING, waves[:7] + waves[9:10]).findings
    assert [f.verdict for f in findings] == [Verdict.ACTIVE]


def test_a_clipped_channel_is_never_below_its_limit() -> None:
    samples = np.clip(sine(6.0, 40, 6.0), -4.0, 4.0)
    assert said(DWELLING, packets(samples, [100] * 12, RATE), full=4.0).findings == []
    assert [f.verdict for f in said(DWELLING, packets(samples, [100] * 12, RATE), full=5.0).findings] == [Verdict.CLEAR]


def test_what_was_clear_and_stands_at_full_scale_is_not_known() -> None:
    samples = np.concatenate((sine(1.0, 40, 6.0), np.clip(sine(6.0, 40, 6.0), -4.0, 4.0), sine(1.0, 40, 6.0)))
    findings = said(DWELLING, packets(samples, [100] * 36, RATE), full=4.0).findings
    assert [(f.verdict, f.why.key.rpartition(".")[2]) for f in findings] == [
        (Verdict.CLEAR, "below"), (Verdict.UNKNOWN, "clipped"), (Verdict.CLEAR, "below"),
    ]  # fmt: skip


def test_an_out_of_span_packet_may_raise() -> None:
    waves = [
        Wave(0, 0, w.time, w.arrived, w.rate, w.samples, int(Quality.OUT_OF_SPAN))
        for w in packets(sine(12.0, 9, 3.0), [100] * 6, RATE)
    ]
    assert [f.verdict for f in said(DWELLING, waves).findings] == [Verdict.ACTIVE]


def test_units_are_those_of_the_channel() -> None:
    one, other = said(DWELLING, packets(sine(12.0, 9), [100] * 24, RATE)), said(
        DWELLING, packets(sine(1.2, 9), [100] * 24, RATE), unit="cm/s"
    )
    assert other.findings[0].limit == pytest.approx(0.5)
    assert column(other, "of_limit") == pytest.approx(column(one, "of_limit"))


def shaken(at: float, seconds: float = 12.0) -> np.ndarray:
    samples = sine(0.1, 40, seconds)
    samples[round(at * RATE) : round((at + 0.3) * RATE)] += sine(20.0, 20, 0.3)
    return samples


def overlapping(samples: np.ndarray, size: int, step: int) -> list[Wave]:
    """Records of `size` samples, each beginning `step` after the one before."""
    return [packets(samples[k : k + size], [], RATE, begin=BEGIN + round(k * SECOND / RATE))[0]
            for k in range(0, len(samples) - size + 1, step)]  # fmt: skip


@pytest.mark.parametrize(("size", "step"), [(200, 100), (100, 99), (400, 100), (150, 50)])
def test_of_records_that_overlap_each_sample_counts_once(size: int, step: int) -> None:
    samples = shaken(5.1)
    whole, twice = said(DWELLING, packets(samples, [100] * 24, RATE)), said(DWELLING, overlapping(samples, size, step))
    for name in DWELLING.columns:
        assert column(twice, name)[:4] == column(whole, name)[:4]
    assert [(f.time, f.verdict, f.value) for f in twice.findings] == [
        (f.time, f.verdict, f.value) for f in whole.findings
    ]


@pytest.mark.parametrize("back", [SECOND // 60, SECOND // 4])
def test_a_blast_in_the_packet_after_a_clock_was_set_back_is_seen(back: int) -> None:
    waves = packets(shaken(6.3), [100] * 24, RATE)
    later = [replace(w, time=w.time - back) for w in waves[12:]]
    verdicts = [f.verdict for f in said(DWELLING, waves[:12] + later).findings]
    assert verdicts == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_a_packet_that_comes_after_the_one_behind_it_may_raise_and_clears_nothing() -> None:
    waves = packets(shaken(6.1), [100] * 24, RATE)
    findings = said(DWELLING, [*waves[:12], waves[13], waves[12], *waves[14:]]).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.ACTIVE, Verdict.CLEAR]
    assert findings[2].time == said(DWELLING, waves).findings[1].time
    assert findings[2].at == waves[12].arrived
    assert findings[2].why.numbers["quality"] == Quality.LATE
    assert "quality" not in said(DWELLING, waves).findings[1].why.numbers
    quiet = packets(sine(0.1, 40), [100] * 24, RATE)
    late = said(DWELLING, [*quiet[:12], quiet[13], quiet[12], *quiet[14:]]).findings
    assert late == said(DWELLING, [*quiet[:12], *quiet[13:]]).findings


def test_a_packet_that_comes_again_raises_nothing_again() -> None:
    waves = packets(shaken(2.1), [100] * 24, RATE)
    again = replace(waves[4], arrived=waves[15].arrived)
    once, twice = said(DWELLING, waves), said(DWELLING, [*waves[:16], again, *waves[16:]])
    assert twice.text() == once.text()
    assert [f.verdict for f in once.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_where_a_clock_was_set_back_by_an_hour_it_is_not_called_quiet_and_measured_again() -> None:
    waves = packets(shaken(30.1, 60.0), [100] * 120, RATE)
    later = [replace(w, time=w.time - 3600 * SECOND) for w in waves[20:]]
    findings = said(DWELLING, waves[:20] + later).findings
    said_of = [(f.verdict, f.why.key.rpartition(".")[2]) for f in findings]
    assert said_of == [(Verdict.CLEAR, "below"), (Verdict.UNKNOWN, "gap"), (Verdict.CLEAR, "below"),
                       (Verdict.ACTIVE, "above"), (Verdict.CLEAR, "below")]  # fmt: skip
    assert 10.0 <= (findings[1].at - waves[19].arrived) / SECOND <= 12.0


def resent(waves: list[Wave], at: int, faster: float) -> list[Wave]:
    """The packets again from the instant `at` on, so many times as fast as they were measured."""
    return [replace(w, arrived=at + round((w.time - waves[0].time) / faster)) for w in waves]


def after_a_silence(waves: list[Wave], faster: float, spoilt: bool) -> list[Wave]:
    """Packets of 0.5 s to 21 s; silence for 15 s, perhaps a bad one, all but the first again, and what follows."""
    silent = waves[41].arrived + 15 * SECOND
    bad = [replace(waves[42], quality=int(Quality.NO_VALUE))] if spoilt else []
    again = resent(waves[2:], silent, faster)
    return [*waves[:42], *bad, *again]


@pytest.mark.parametrize("spoilt", [False, True])
@pytest.mark.parametrize("faster", [1e6, 10.0, 1.6])
def test_what_is_sent_again_after_a_silence_clears_nothing_and_tells_nothing_twice(faster: float, spoilt: bool) -> None:
    waves = packets(shaken(20.6, 60.0), [100] * 120, RATE)
    found = said(DWELLING, after_a_silence(waves, faster, spoilt))
    said_of = [(f.verdict, f.why.key.rpartition(".")[2]) for f in found.findings]
    assert said_of == [(Verdict.CLEAR, "below"), (Verdict.ACTIVE, "above"), (Verdict.CLEAR, "below")]
    assert found.findings[2].time == said(DWELLING, waves).findings[2].time
    times = [time for _, time, *_ in found.columns["ppv"]]
    assert times == sorted(set(times))


def test_one_straggler_before_what_is_sent_again_does_not_make_it_a_clock_set_back() -> None:
    waves = packets(shaken(20.6, 60.0), [100] * 120, RATE)
    straggler = replace(waves[2], arrived=waves[41].arrived + SECOND)
    found = said(DWELLING, [*waves[:42], straggler, *after_a_silence(waves, 1e6, False)[42:]])
    assert [f.verdict for f in found.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_after_a_clock_was_set_back_nothing_before_the_instant_that_raised_clears() -> None:
    waves = packets(np.concatenate([shaken(20.6, 21.0), sine(0.1, 40, 99.0)]), [100] * 240, RATE)
    later = [replace(w, time=w.time - 40 * SECOND) for w in waves[42:]]
    findings = said(DWELLING, waves[:42] + later).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert findings[2].time > findings[1].time
    assert findings[2].at - findings[1].at >= 40 * SECOND


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"curve": "din", "building": "dwelling"}, "give one of din4150-3, usbm"),
        ({"curve": "usbm", "building": "dwelling"}, "usbm has plaster, drywall"),
        ({"curve": "usbm", "building": "plaster", "window": 0.1}, "give 1 s to a day"),
    ],
)
def test_nonsense_is_refused(parameters: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Ppv(**parameters)


def test_what_is_no_velocity_is_refused() -> None:
    with pytest.raises(ValueError, match="ground velocity is asked for"):
        DWELLING.start(Subjects.simple(1, unit="mm/s2", rate=RATE))
    with pytest.raises(ValueError, match="declares no rate"):
        DWELLING.start(Subjects.simple(1, unit="mm/s"))
    with pytest.raises(ValueError, match="one axis a subject"):
        DWELLING.start(Subjects.simple(1, unit="mm/s", rate=RATE, members=3))


GB_6722 = {
    "adobe": (1.5, 4.5, 9), "dwelling": (15, 20, 25), "industrial": (25, 35, 42), "heritage": (1, 2, 3),
    "control-room": (5, 6, 7), "hydraulic-tunnel": (70, 80, 100), "traffic-tunnel": (100, 120, 150),
    "mine-roadway": (150, 180, 200), "rock-slope": (50, 80, 100), "concrete-0-3d": (15, 20, 25),
    "concrete-3-7d": (30, 40, 50), "concrete-7-28d": (70, 80, 100),
}  # fmt: skip
"""mm/s at up to 10, 10 to 50 and above 50 Hz: lower ends of GB 6722-2014 table 2 (shared reference: seismic 2.3)."""


@pytest.mark.parametrize("building", CURVES["gb6722"])
def test_every_row_of_gb_6722_is_that_of_the_table(building: str) -> None:
    found = vibration_limit("gb6722", building, np.array([5.0, 10.0, 10.01, 50.0, 50.01, 90.0]))
    low, middle, high = GB_6722[building]
    assert found == pytest.approx([low, low, middle, middle, high, high])


def test_the_open_swing_has_the_frequency_of_twice_its_length() -> None:
    """From -0.1 at sample 99 to 12 at 100 it crosses at 99 + 0.1/12.1; it is judged when 119 is the newest."""
    found = said(DWELLING, packets(np.concatenate([np.full(100, -0.1), np.full(100, 12.0)]), [20] * 9, RATE))
    (active,) = (f for f in found.findings if f.verdict is Verdict.ACTIVE)
    assert active.why.numbers["frequency"] == pytest.approx(0.5 * RATE / (119 - 99 - 0.1 / 12.1), rel=1e-9)


def test_what_is_called_below_is_told_with_its_peak_also_where_no_swing_ended() -> None:
    (clear,) = said(DWELLING, packets(np.full(600, 0.5), [100] * 6, RATE)).findings
    assert (clear.verdict, clear.value) == (Verdict.CLEAR, 0.5)
