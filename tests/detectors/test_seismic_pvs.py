"""seismic.pvs. Oracle: the root of the sum of squares over whole traces, on ObsPy's example data too."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality, Wave
from detectors.seismic.pvs import KEPT, Pvs
from tests.contract import Said, Sample, run
from tests.detectors.test_seismic_ppv import RATE, column, sine, trace
from tests.strategies import SECOND, Stream
from tests.waves import BEGIN, packets, stream_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import obspy

VECTOR = Pvs(15.0, window=2.0)


def station(count: int, unit: str = "mm/s", rate: float = RATE, full: float = np.inf) -> Subjects:
    return Subjects.simple(count, unit=unit, rate=rate, members=3, parts=("x", "y", "z"), span=(-full, full))


def stream(seed: int, inputs: int) -> Stream:
    return stream_of(seed, inputs, lambda s: trace(s, 20.0), 90, RATE, 0.01)


SAMPLE = Sample(VECTOR, station, stream)


def together(traces: list[np.ndarray], sizes: list[int], rate: float = RATE) -> list[Wave]:
    waves = [w for k, samples in enumerate(traces) for w in packets(samples, sizes, rate, k)]
    return sorted(waves, key=lambda w: (w.arrived, w.sensor))


def said(detector: Pvs, waves: list[Wave], **station_of: float) -> Said:
    state = detector.start(station(1, rate=waves[0].rate, **station_of))
    return run(detector, state, [Batch.of(w.arrived, waves=[w]) for w in waves])


def tops(traces: list[np.ndarray], seconds: float, rate: float = RATE) -> list[float]:
    """Greatest vector of each whole window."""
    x, y, z = traces
    vector, size = np.sqrt(x * x + y * y + z * z), round(seconds * rate)
    return [vector[k : k + size].max() for k in range(0, len(vector) - size + 1, size)]


def test_the_vector_of_obspys_example_is_the_root_of_the_sum_of_squares() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traces = [channel.data.astype(np.float64) for channel in obspy.read()]
    found = said(Pvs(1e9, window=5.0), together(traces, [77] * 38, 100.0))
    expected = tops(traces, 5.0, 100.0)
    assert column(found, "pvs") == expected[: len(column(found, "pvs"))]
    assert len(column(found, "pvs")) == 5


@given(st.lists(st.lists(st.integers(1, 400), max_size=12), min_size=3, max_size=3), st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_any_packets_of_any_part_give_the_vector_of_the_whole(sizes: list[list[int]], seed: int) -> None:
    traces = [trace(seed + k, 8.0) for k in range(3)]
    parts = [w for k in range(3) for w in packets(traces[k], [*sizes[k], *[200] * 20], RATE, k)]
    found = said(VECTOR, sorted(parts, key=lambda w: (w.arrived, w.sensor)))
    assert column(found, "pvs") == pytest.approx(tops(traces, 2.0)[: len(column(found, "pvs"))], rel=1e-15)
    assert len(column(found, "pvs")) >= 3


def test_of_records_that_overlap_each_sample_counts_once() -> None:
    traces = [trace(k, 8.0) for k in range(3)]
    records = [
        packets(samples[k : k + 90], [], RATE, part, BEGIN + round(k * SECOND / RATE))[0]
        for part, samples in enumerate(traces) for k in range(0, len(samples) - 89, 60)
    ]  # fmt: skip
    found = said(VECTOR, sorted(records, key=lambda w: (w.arrived, w.sensor)))
    whole = said(VECTOR, together(traces, [90] * 20))
    assert column(found, "pvs") == pytest.approx(tops(traces, 2.0)[:3], rel=1e-15)
    assert [(f.verdict, f.time) for f in found.findings] == [(f.verdict, f.time) for f in whole.findings]
    assert found.findings


def test_a_blast_after_clocks_were_set_back_by_an_hour_is_seen() -> None:
    quiet = sine(1.0, 9, 40.0)
    loud = quiet + (np.arange(len(quiet)) > 30 * RATE) * sine(20.0, 9, 40.0)
    waves = together([quiet, quiet, loud], [100] * 80)
    turned = [replace(w, time=w.time - 3600 * SECOND) if w.time >= BEGIN + 8 * SECOND else w for w in waves]
    found = said(VECTOR, turned)
    verdicts = [f.verdict for f in found.findings]
    assert verdicts == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR, Verdict.ACTIVE]
    assert len(column(found, "pvs")) >= 12


def test_what_is_sent_again_after_a_silence_clears_nothing() -> None:
    quiet = sine(1.0, 9, 40.0)
    time = np.arange(len(quiet)) / RATE
    loud = quiet + ((time > 20.2) & (time < 20.6)) * sine(20.0, 9, 40.0)
    waves = together([quiet, quiet, loud], [100] * 80)
    silent = waves[125].arrived + 15 * SECOND
    again = [replace(w, arrived=silent) for w in waves[6:126]]
    later = [replace(w, arrived=max(w.arrived, silent)) for w in waves[126:]]
    found, plain = said(VECTOR, [*waves[:126], *again, *later]), said(VECTOR, waves)
    assert [(f.verdict, f.time) for f in found.findings] == [(f.verdict, f.time) for f in plain.findings]
    assert [f.verdict for f in plain.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert column(found, "pvs") == column(plain, "pvs")


def test_clocks_set_back_while_it_stands_clear_nothing_before_the_blast() -> None:
    quiet = sine(1.0, 9, 60.0)
    time = np.arange(len(quiet)) / RATE
    waves = together([quiet, quiet, quiet + ((time > 20.2) & (time < 20.4)) * sine(20.0, 9, 60.0)], [100] * 120)
    turned = [replace(w, time=w.time - 3600 * SECOND) if w.time >= BEGIN + 20.5 * SECOND else w for w in waves]
    assert [f.verdict for f in said(VECTOR, turned).findings] == [Verdict.CLEAR, Verdict.ACTIVE]


def test_a_part_whose_clock_alone_was_set_back_may_raise_by_itself() -> None:
    quiet = sine(1.0, 9, 60.0)
    loud = quiet + (np.arange(len(quiet)) > 50 * RATE) * sine(20.0, 9, 60.0)
    waves = together([loud, quiet, quiet], [100] * 120)
    turned = [
        replace(w, time=w.time - 3600 * SECOND) if w.sensor == 0 and w.time >= BEGIN + 8 * SECOND else w for w in waves
    ]
    findings = said(VECTOR, turned).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.ACTIVE]
    assert findings[2].why.numbers == {"quality": Quality.LATE}
    assert 50.0 <= (findings[2].at - BEGIN) / SECOND <= 51.0


def test_three_parts_below_the_limit_may_be_above_it_together() -> None:
    quiet, loud = sine(9.0, 9, 6.0), sine(9.0, 9, 6.0)
    assert [f.verdict for f in said(VECTOR, together([quiet, loud, loud], [100] * 12)).findings] == [Verdict.ACTIVE]
    assert 9.0 * 3**0.5 > 15.0
    small = sine(8.0, 9, 6.0)
    assert [f.verdict for f in said(VECTOR, together([small] * 3, [100] * 12)).findings] == [Verdict.CLEAR]


def test_it_raises_at_the_sample_and_clears_after_a_whole_quiet_window() -> None:
    samples = np.concatenate([np.full(1000, 1.0), np.full(10, 9.0), np.full(1400, 1.0)])
    findings = said(VECTOR, together([samples] * 3, [50] * 60)).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert (findings[1].time - BEGIN) / SECOND == 5.0
    assert findings[1].value == pytest.approx(9 * 3**0.5)
    assert (findings[2].time - BEGIN) / SECOND == 8.0


def test_one_part_alone_may_raise_while_another_is_dead() -> None:
    waves = [w for w in together([sine(1.0, 9), sine(20.0, 9), sine(1.0, 9)], [100] * 24) if w.sensor != 2]
    assert [f.verdict for f in said(VECTOR, waves).findings] == [Verdict.ACTIVE]


def test_without_a_part_it_is_never_quiet_and_says_so() -> None:
    waves = together([sine(1.0, 9, 40.0)] * 3, [100] * 80)
    findings = said(VECTOR, [w for w in waves if w.sensor != 2 or w.time < BEGIN + 8 * SECOND]).findings
    assert [(f.verdict, f.why.key) for f in findings] == [
        (Verdict.CLEAR, "seismic.pvs.below"),
        (Verdict.UNKNOWN, "seismic.pvs.part_missing"),
    ]


def test_a_part_that_is_back_is_taken_in_again() -> None:
    waves = together([sine(1.0, 9, 40.0)] * 3, [100] * 80)
    away = range(BEGIN + 8 * SECOND, BEGIN + 25 * SECOND)
    found = said(VECTOR, [w for w in waves if w.sensor != 2 or w.time not in away])
    assert [f.verdict for f in found.findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]
    assert column(found, "pvs")[-1] == tops([sine(1.0, 9, 40.0)] * 3, 2.0)[-2]


def test_a_gap_in_one_part_is_not_quiet() -> None:
    waves = together([sine(1.0, 9)] * 3, [100] * 24)
    lost = [w for w in waves if not (w.sensor == 1 and w.time == BEGIN + 5 * SECOND)]
    findings = said(VECTOR, lost).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]
    assert (findings[2].time - BEGIN) / SECOND == 8.0


def test_a_clipped_part_is_never_below() -> None:
    samples = np.clip(sine(6.0, 9, 6.0), -4.0, 4.0)
    assert said(VECTOR, together([samples] * 3, [100] * 12), full=4.0).findings == []


def test_an_out_of_span_packet_may_raise_and_a_bad_one_may_not() -> None:
    for quality, count in ((Quality.OUT_OF_SPAN, 1), (Quality.CALIBRATION, 0)):
        waves = [
            Wave(0, w.sensor, w.time, w.arrived, w.rate, w.samples, int(quality))
            for w in together([sine(20.0, 9, 3.0)] * 3, [100] * 6)
        ]
        assert len(said(VECTOR, waves).findings) == count


def test_a_packet_longer_than_the_buffer_is_taken() -> None:
    traces = [trace(k, 30.0) for k in range(3)]
    waves = [w for group in zip(*(packets(t, [KEPT - 100, 1000], RATE, k) for k, t in enumerate(traces)), strict=True)
             for w in group]  # fmt: skip
    found = said(VECTOR, waves)
    assert column(found, "pvs")[:6] == tops(traces, 2.0)[:6]


def test_another_rate_begins_anew_and_is_judged_by_itself() -> None:
    slow, fast = [sine(1.0, 9, 6.0)] * 3, [sine(4.0, 9, 6.0, 400.0)] * 3
    after = [
        Wave(0, w.sensor, w.time + 6 * SECOND, w.arrived + 6 * SECOND, w.rate, w.samples)
        for w in together(fast, [100] * 24, 400.0)
    ]
    found = said(VECTOR, together(slow, [100] * 12) + after)
    assert column(found, "pvs")[:2] == tops(slow, 2.0)[:2]
    assert column(found, "pvs")[-2:] == tops(fast, 2.0, 400.0)[:2]
    assert [f.verdict for f in found.findings] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="give a velocity"):
        Pvs(0.0)
    with pytest.raises(ValueError, match="give 1 s to a day"):
        Pvs(1.0, window=0.0)
    with pytest.raises(ValueError, match="give two or three axes"):
        VECTOR.start(Subjects.simple(1, unit="mm/s", rate=RATE))
    with pytest.raises(ValueError, match="declares no rate"):
        VECTOR.start(Subjects.simple(1, unit="mm/s", members=3))
    for parts in ({"rate": np.array([RATE, RATE, 100.0])}, {"input_unit": ["mm/s", "mm/s", "m/s"]}):
        with pytest.raises(ValueError, match="give axes of one unit and one rate"):
            VECTOR.start(replace(station(1), **parts))


@pytest.mark.parametrize("span", [(-4.0, 40.0), (-40.0, 4.0)])
def test_a_part_is_clipped_at_the_nearer_end_of_its_span(span: tuple[float, float]) -> None:
    traces = [np.clip(sine(8.0, 9, 6.0), *span)] * 3
    state = VECTOR.start(replace(station(1), span_low=np.full(3, span[0]), span_high=np.full(3, span[1])))
    found = run(VECTOR, state, [Batch.of(w.arrived, waves=[w]) for w in together(traces, [100] * 12)])
    assert Verdict.CLEAR not in [f.verdict for f in found.findings]
