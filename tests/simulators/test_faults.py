"""Faults change what they name, when they say, compose, and come out the same however time is cut."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.reading import Quality
from detectors.sensor import Sensor
from simulators import faults, link
from simulators.faults import Fault
from simulators.instrument import SECOND, Readings
from simulators.kinds import FAULTS, make
from simulators.world import World

SENSOR = Sensor("ch4", "face", "methane", "%vol", span=(0, 4), every=2 * SECOND, quantum=0.01, noise=0.02)
START = 1_795_500_000 * SECOND
LASTS = 200

EXAMPLES: dict[str, dict[str, float | bool]] = {
    "silent": {"start": 20, "end": 40},
    "stuck": {"start": 21, "end": 60},
    "spike": {"start": 21, "by": 1.5},
    "spikes": {"start": 21, "by": 1.5, "every": 17, "end": 120},
    "drift": {"start": 20, "end": 90, "rate": 0.01},
    "saturation": {"start": 20, "at": 0.13},
    "negative_cell": {"start": 50, "to": -0.4},
    "wrong_unit": {"start": 50, "end": 90, "factor": 20},
    "no_value": {"start": 20, "end": 40},
    "calibration": {"start": 20, "end": 120, "gas": 2.0},
    "dropout": {"start": 0, "share": 0.3, "burst": 3},
    "gateway_loss": {"start": 30, "end": 90, "keeps": True},
    "late": {"start": 30, "end": 90, "rate": 5},
    "flapping": {"start": 10, "end": 150, "up": 11, "down": 7, "keeps": True},
    "duplicates": {"start": 10, "share": 0.5, "after": 3},
    "reordering": {"start": 10, "share": 0.5, "most": 9},
    "half_payload": {"start": 10, "share": 0.3},
    "broker_storm": {"start": 50, "end": 70, "copies": 6, "apart": 0.5},
    "clock": {"start": 50, "end": 100, "by": -30.0},
}


def fault(kind: str, **changes: float) -> Fault:
    made = make(kind, {**EXAMPLES[kind], **changes})
    made.begin(SENSOR, np.random.default_rng(5))
    assert isinstance(made, Fault)
    return made


def sent(broken: list[Fault], cuts: tuple[float, ...] = ()) -> Readings:
    world = World([SENSOR], seed=4, start=START, faults={"ch4": broken})
    pieces = [one for cut in (*cuts, LASTS, LASTS + 900) for one in world.readings(START + round(cut * SECOND))]
    whole = pieces[0]
    for piece in pieces[1:]:
        assert piece.sent[0] >= whole.sent[-1]
        whole = whole.then(piece)
    return whole.take(whole.sent < START + LASTS * SECOND)


def second(times: np.ndarray) -> np.ndarray:
    return (times - START) / SECOND


def same(one: Readings, other: Readings) -> bool:
    columns = ("time", "value", "quality", "sent", "half")
    return all(np.array_equal(getattr(one, c), getattr(other, c), equal_nan=c == "value") for c in columns)


SOUND = sent([])
AT = second(SOUND.time)


def test_every_fault_has_an_example_here():
    assert EXAMPLES.keys() == FAULTS.keys()


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_changes_something_and_nothing_before_its_start(kind):
    spoilt = sent([fault(kind)])
    assert not same(SOUND, spoilt)
    begin = EXAMPLES[kind]["start"]
    early = second(spoilt.sent) < begin
    assert same(SOUND.take(begin > AT), spoilt.take(early))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(0, LASTS), max_size=6).map(sorted),
)
def test_any_faults_together_are_the_same_however_time_is_cut(kinds, cuts):
    whole = sent([fault(kind) for kind in kinds])
    assert same(whole, sent([fault(kind) for kind in kinds], tuple(cuts)))


def test_a_silent_sensor_sends_nothing_from_start_to_end():
    at = second(sent([fault("silent")]).time)
    assert set(AT) - set(at) == {s for s in AT if 20 <= s < 40}


def test_a_stuck_sensor_repeats_its_first_value():
    value = sent([fault("stuck")]).value
    inside = (AT >= 21) & (AT < 60)
    assert set(value[inside]) == {SOUND.value[inside][0]}
    assert np.array_equal(value[~inside], SOUND.value[~inside])


def test_a_spike_is_one_reading_and_spikes_come_each_turn():
    off = sent([fault("spike")]).value - SOUND.value
    assert off[off != 0].tolist() == pytest.approx([1.5])
    assert AT[off != 0][0] == AT[AT >= 21][0]
    off = sent([fault("spikes")]).value - SOUND.value
    turns = (AT[off != 0] - 21) // 17
    assert turns.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_drift_grows_with_time_ends_and_is_shown_in_whole_quanta():
    value = sent([fault("drift")]).value
    off = value - SOUND.value
    inside = (AT >= 20) & (AT < 90)
    assert off[inside] == pytest.approx(0.01 * (AT[inside] - 20), abs=0.0051)
    assert (off[~inside] == 0).all()
    assert value / 0.01 == pytest.approx(np.round(value / 0.01), abs=1e-6)


def test_a_saturated_device_shows_nothing_above_its_end():
    value = sent([fault("saturation")]).value
    assert value[AT >= 20].max() == 0.13 < SOUND.value[AT >= 20].max()


def test_a_failed_cell_goes_below_the_span_and_stays():
    value = sent([fault("negative_cell")]).value
    assert (value[AT >= 56] == -0.4).all()


def test_a_wrong_unit_multiplies():
    value = sent([fault("wrong_unit")]).value
    inside = (AT >= 50) & (AT < 90)
    assert value[inside] == pytest.approx(20 * SOUND.value[inside])


def test_a_device_without_a_number_still_sends():
    value = sent([fault("no_value")]).value
    assert np.isnan(value).sum() == 10


def test_a_calibration_shows_zero_then_gas_and_says_so_only_if_flagged():
    told, untold = sent([fault("calibration")]), sent([fault("calibration", flagged=False)])
    inside = (AT >= 20) & (AT < 120)
    assert told.value[(AT > 60) & (AT < 70)].mean() < 0.1
    assert told.value[(AT > 115) & inside].mean() > 1.8
    assert ((told.quality == Quality.CALIBRATION) == inside).all()
    assert (untold.quality == 0).all()
    assert np.array_equal(told.value, untold.value)


@pytest.mark.parametrize(("share", "burst"), [(0.1, 1.0), (0.1, 8.0), (0.4, 4.0)])
def test_a_dropout_loses_its_share_in_bursts_of_its_length(share, burst):
    rows = make("dropout", {"start": 0, "share": share, "burst": burst})
    rows.begin(SENSOR, np.random.default_rng(2))
    count = 60_000
    kept = rows.carry(link.Rows.of(np.arange(count) * 1.0, np.arange(count) * SECOND)).source
    gaps = np.diff(kept) - 1
    assert 1 - len(kept) / count == pytest.approx(share, rel=0.08)
    assert gaps[gaps > 0].mean() == pytest.approx(burst if burst > 1 else 1 / (1 - share), rel=0.12)


@pytest.mark.parametrize("kind", ["late", "gateway_loss"])
def test_kept_readings_come_after_the_end_with_their_own_times_in_order(kind):
    rows = sent([fault(kind, rate=10)])
    kept = (second(rows.time) >= 30) & (second(rows.time) < 90)
    assert sorted(rows.time.tolist()) == sorted(SOUND.time.tolist())
    assert second(rows.sent[kept]) == pytest.approx(90 + np.arange(kept.sum()) / 10)
    assert np.array_equal(rows.time[kept], SOUND.time[(AT >= 30) & (AT < 90)])
    assert (np.diff(rows.time) < 0).any()


def test_a_gateway_that_keeps_nothing_loses_it():
    at = second(sent([fault("gateway_loss", keeps=False)]).time)
    assert set(AT) - set(at) == {s for s in AT if 30 <= s < 90}


def test_a_flapping_link_sends_what_it_kept_when_it_is_up():
    rows = sent([fault("flapping")])
    waited = second(rows.sent) - second(rows.time)
    down = (second(rows.time) >= 10) & (second(rows.time) < 150) & ((second(rows.time) - 10) % 18 >= 11)
    assert ((waited > 0) == down).all()
    turns = (second(rows.sent[down]) - 10) / 18
    assert turns == pytest.approx(np.round(turns), abs=1e-9)
    lost = sent([fault("flapping", keeps=False)])
    assert len(lost) == len(SOUND) - down.sum()


def test_duplicates_are_the_same_reading_later():
    rows = sent([fault("duplicates")])
    assert {round(s, 6) for s in (second(rows.sent) - second(rows.time)).tolist()} == {0.0, 3.0}
    times, counts = np.unique(rows.time, return_counts=True)
    assert set(counts) == {1, 2}
    assert len(times) == len(SOUND)
    assert 0.3 < (counts == 2).mean() < 0.65


def test_a_storm_sends_each_reading_many_times():
    rows = sent([fault("broker_storm")])
    times, counts = np.unique(rows.time, return_counts=True)
    inside = (second(times) >= 50) & (second(times) < 70)
    assert set(counts[inside]) == {6}
    assert set(counts[~inside]) == {1}


def test_reordered_readings_are_overtaken_and_none_is_lost():
    rows = sent([fault("reordering")])
    assert (np.diff(rows.time) < 0).any()
    assert (second(rows.sent) - second(rows.time)).max() <= 9
    assert set(rows.time.tolist()) <= set(SOUND.time.tolist())
    assert len(rows) >= len(SOUND) - 5


def test_half_payloads_are_marked():
    rows = sent([fault("half_payload")])
    assert 0.15 < rows.half.mean() < 0.45
    assert np.array_equal(rows.value, SOUND.value)


def test_a_clock_that_steps_back_and_one_that_gains():
    rows = sent([fault("clock")])
    inside = (AT >= 50) & (AT < 100)
    assert np.array_equal(rows.sent, SOUND.sent)
    assert second(rows.time[inside]) == pytest.approx(AT[inside] - 30)
    assert np.array_equal(rows.time[~inside], SOUND.time[~inside])
    rows = sent([fault("clock", by=0.0, fast=8640.0)])
    assert second(rows.time[inside]) - AT[inside] == pytest.approx(0.1 * (AT[inside] - 50))


def test_faults_compose_in_their_order():
    stuck_then_silent = sent([fault("stuck", start=10, end=inf), fault("silent", start=20, end=40)])
    assert set(stuck_then_silent.value[second(stuck_then_silent.time) >= 10]) == {SOUND.value[AT >= 10][0]}
    assert not ((second(stuck_then_silent.time) >= 20) & (second(stuck_then_silent.time) < 40)).any()


def test_a_faults_chance_is_the_sensors_own():
    def shares(seed: int) -> list[int]:
        made = make("dropout", {"start": 0, "share": 0.3})
        made.begin(SENSOR, np.random.default_rng(seed))
        return made.carry(link.Rows.of(np.arange(50) * 1.0, np.arange(50) * SECOND)).source.tolist()

    assert shares(1) == shares(1) != shares(2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: faults.Stuck(start=5, end=5), "end > start"),
        (lambda: faults.NegativeCell(start=0, to=1), "to < 0"),
        (lambda: faults.Calibration(start=0, gas=1), "not endless"),
        (lambda: link.Dropout(start=0, share=1), "share between 0 and 1"),
        (lambda: link.Dropout(start=0, share=0.9, burst=2), "burst"),
        (lambda: link.Late(start=0), "not endless"),
        (lambda: link.Clock(start=0), "by .s. or fast"),
        (lambda: link.Flapping(start=0, up=0, down=1), "up and down > 0"),
        (lambda: link.Storm(start=0, copies=1), "2 copies"),
    ],
)
def test_nonsense_is_refused(wrong: Callable[[], Fault], words: str):
    with pytest.raises(ValueError, match=words):
        wrong()
