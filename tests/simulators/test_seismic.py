"""The ground. Oracles: distances and speeds, Sadovsky's and Gutenberg-Richter's forms, ObsPy's noise model."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.signal import welch

from detectors.sensor import Sensor
from scripts.simulated_noise import HIGH_NOISE
from simulators.faults import Saturation, Stuck
from simulators.geophone import Geophone
from simulators.instrument import SECOND
from simulators.link import Late, Silent
from simulators.seismic import Shake, _burst
from simulators.shaking import Blasts, OneShake, Swarm, Tremor, corner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from obspy.signal.spectral_estimation import get_nhnm

RATE = 200.0


def sensor(east: float, name: str = "gp-z", noise: float = 1e-6, rate: float = RATE, high: float = 1000) -> Sensor:
    return Sensor(
        name, "pit", "ground_velocity", "mm/s", span=(-high, high), rate=rate, noise=noise, position=(east, 0.0, 0.0)
    )


def samples(channel: Geophone, seconds: float, cuts: tuple[float, ...] = ()) -> np.ndarray:
    blocks = [b for cut in (*cuts, seconds) for b in channel.take(round(cut * SECOND))]
    return np.concatenate([block.samples for block in blocks])


def channel(one: Sensor, *shakes: Shake, faults=()) -> Geophone:
    return Geophone.of(one, 0, 0.5, shakes, 3, faults)


def test_p_and_s_arrive_by_distance_and_speed():
    tremor = Tremor(start=2.0, position=(0, 0, 0), magnitude=0.5, quality=1e9)
    one = sensor(9600.0)
    moved = samples(channel(one, *tremor.shakes()), 12.0)
    begins = np.flatnonzero(np.abs(moved) > 1e-4)[0] / RATE
    assert begins == pytest.approx(2.0 + 9600 / 5500, abs=0.03)
    s_wave = 2.0 + 9600 / 3200
    before, after = moved[: round(s_wave * RATE)], moved[round(s_wave * RATE) :]
    assert np.abs(after).max() > 1.5 * np.abs(before).max()
    assert np.abs(after).argmax() / RATE < 0.5


def test_a_wave_is_its_formula():
    second, moved = np.arange(1200) / RATE, np.zeros(1200)
    _burst(moved, second, 2.0, 0.333, 9.0, 0.3, 0.2)
    after = second - 0.333
    formula = 2 * (1 - np.exp(-9 * after)) * np.exp(-after / 0.3) * np.sin(2 * np.pi * 9 * after + 0.2)
    assert moved == pytest.approx(np.where(after >= 0, formula, 0.0), abs=2e-6)


def test_amplitude_falls_with_distance_and_with_q():
    shake = Shake("tremor", 0.0, 10.0, (0, 0, 0), (10.0, 20.0), fall_off=1.0, s_speed=2000, quality=50)
    assert shake.strength(100) == pytest.approx(10)
    assert shake.strength(1100) == pytest.approx(10 / 11 * np.exp(-np.pi * 10 * 1000 / (50 * 2000)))
    peaks = [np.abs(samples(channel(sensor(east), shake), 8.0)).max() for east in (100.0, 400.0, 1100.0)]
    assert peaks == pytest.approx([shake.strength(east) for east in (100, 400, 1100)], rel=0.05)


def test_the_coda_fades_as_it_says():
    shake = Shake("tremor", 0.0, 10.0, (0, 0, 0), (5.0, 10.0), coda=2.0)
    moved = samples(channel(sensor(50.0), shake), 16.0)
    spread = [moved[round(s * RATE) : round((s + 1) * RATE)].std() for s in (5, 7, 9)]
    assert np.log(spread[0] / spread[2]) / 4 == pytest.approx(1 / 2.0, rel=0.25)


def test_a_blast_has_sadovskys_velocity():
    blast = Blasts(start=1, position=(0, 0, 0), charge=64, k=150, alpha=1.5)
    (shake,) = blast.shakes()
    assert shake.strength(400) / 10 == pytest.approx(150 * (64 ** (1 / 3) / 400) ** 1.5)
    assert np.abs(samples(channel(sensor(400.0), shake), 8.0)).max() == pytest.approx(shake.strength(400), rel=0.02)


def test_holes_go_off_by_their_delay():
    blast = Blasts(start=1, position=(0, 0, 0), charge=20, holes=4, delay=0.5, hertz=(40, 60))
    moved = samples(channel(sensor(100.0), *blast.shakes()), 8.0)
    loud = np.abs(moved) > 0.35 * np.abs(moved).max()
    at = np.flatnonzero(loud) / RATE - (1 + 100 / 3500)
    assert {round(s / 0.5) for s in at if (s + 0.1) % 0.5 < 0.2} == {0, 1, 2, 3}


def test_a_schedule_of_blasts_is_kept():
    blasts = Blasts(start=10, position=(0, 0, 0), charge=20, every=30, count=3)
    assert [shake.start for shake in blasts.shakes()] == [10, 40, 70]
    assert blasts.end == 76


def test_a_swarm_is_gutenberg_richters_with_its_b():
    swarm = Swarm(start=0, end=86400, position=(0, 0, 0), count=20_000, b=1.2, smallest=-1, largest=3, seed=2)
    _, magnitude, places = swarm.catalogue()
    assert np.log10(np.e) / (magnitude.mean() + 1) == pytest.approx(1.2, rel=0.03)
    assert magnitude.min() >= -1
    assert magnitude.max() <= 3
    assert places.std(axis=0) == pytest.approx([50, 50, 50], rel=0.05)


@pytest.mark.parametrize("p", [0.8, 1.0, 1.3])
def test_a_decaying_swarm_follows_omori_and_an_accelerating_one_its_mirror(p):
    swarm = dict(start=100.0, end=86_500.0, position=(0, 0, 0), count=40_000, c=300.0, p=p)
    after = Swarm(law="decaying", **swarm).catalogue()[0] - 100
    edges = np.geomspace(30, 80_000, 12)
    counted = np.histogram(after, edges)[0] / np.diff(edges)
    middle = np.sqrt(edges[1:] * edges[:-1])
    fit = np.polyfit(np.log(middle + 300), np.log(counted), 1)
    assert -fit[0] == pytest.approx(p, rel=0.08)
    before = 86_500 - Swarm(law="accelerating", **swarm).catalogue()[0]
    assert np.sort(before) == pytest.approx(np.sort(after), abs=1e-6)


def test_a_swarm_is_the_same_by_seed_and_its_times_ascend():
    one, other = (Swarm(start=0, end=100, position=(0, 0, 0), count=50, seed=s).catalogue()[0] for s in (1, 2))
    assert (np.diff(one) >= 0).all()
    assert not np.array_equal(one, other)


def test_greater_tremors_are_slower_waves():
    assert corner(2, 3200) == pytest.approx(corner(0, 3200) / 10)
    assert 10 < corner(1, 3200) < 80


def test_ground_noise_has_the_shape_of_the_high_noise_model_and_the_declared_spread():
    noise = samples(channel(sensor(0.0, noise=0.01)), 2000.0)
    assert noise.std() == pytest.approx(0.01, rel=0.02)
    hertz, power = welch(noise, RATE, nperseg=2048)
    band = (hertz > 5) & (hertz < 10)
    of = hertz[band]
    periods, acceleration = get_nhnm()
    order = np.argsort(periods)
    ground = np.interp(np.log10(1 / of), np.log10(periods[order]), acceleration[order]) - 20 * np.log10(2 * np.pi * of)
    seen = ground + 10 * np.log10(of**4 / (of**4 + 4.5**4))
    difference = 10 * np.log10(power[band]) - seen
    assert difference.std() < 0.5
    assert np.polyfit(np.log10(of), difference, 1)[0] == pytest.approx(0, abs=1.5)
    wide = (hertz > 30) & (hertz < 60)
    slope = np.polyfit(np.log10(hertz[wide]), 10 * np.log10(power[wide]), 1)[0]
    assert slope == pytest.approx(-16, abs=5)
    assert power[(hertz > 0.2) & (hertz < 1)].mean() < 0.1 * power[(hertz > 4) & (hertz < 6)].mean()


def test_the_pages_two_points_of_the_high_noise_model_are_obspys():
    periods, acceleration = get_nhnm()
    order = np.argsort(periods)
    for hertz, decibel in HIGH_NOISE:
        assert np.interp(np.log10(1 / hertz), np.log10(periods[order]), acceleration[order]) == pytest.approx(
            decibel, abs=0.2
        )


def test_noise_begins_as_it_goes_on():
    firsts = [Geophone.of(sensor(0.0, f"g{k}", 0.01), 0, 0.5, (), 3).take(SECOND // 2)[0].samples for k in range(200)]
    assert np.concatenate(firsts).std() == pytest.approx(0.01, rel=0.06)


def test_channels_are_the_same_however_time_is_cut_and_shaken_again_and_again():
    swarm = Swarm(start=0, end=60, position=(0, 0, 0), count=30)
    whole = samples(channel(sensor(150.0), *swarm.shakes()), 70.0)
    cuts = tuple(np.sort(np.random.default_rng(1).uniform(0, 70, 25)))
    assert np.array_equal(whole, samples(channel(sensor(150.0), *swarm.shakes()), 70.0, cuts))


def test_faults_act_on_samples_and_blocks():
    one = sensor(0.0, noise=0.01)
    calm = samples(channel(one), 20.0)
    stuck = samples(channel(one, faults=[Stuck(start=5, end=8)]), 20.0)
    assert len(set(stuck[1000:1600])) == 1
    assert np.array_equal(stuck[1600:], calm[1600:])
    assert samples(channel(one, faults=[Saturation(start=5, at=0.001)]), 20.0)[1000:].max() == 0.001
    silent = channel(one, faults=[Silent(start=5, end=8)]).take(20 * SECOND)
    assert [b.time / SECOND for b in silent] == [k / 2 for k in range(40) if not 10 <= k < 16]
    late = channel(one, faults=[Late(start=5, end=8, rate=2)])
    early = late.take(8 * SECOND - 1)
    assert [b.time / SECOND for b in early] == [k / 2 for k in range(10)]
    assert [b.time / SECOND for b in late.take(9 * SECOND) if b.time < 8 * SECOND] == [5.0, 5.5]
    assert len(late.take(60 * SECOND)) >= 100


def test_a_clipped_channel_stays_inside_its_span():
    shake = OneShake(start=1, shake="blast", peak=500, position=(0, 0, 0)).shakes()
    moved = samples(channel(sensor(100.0, high=100), *shake), 6.0)
    assert moved.max() == 100
    assert moved.min() == -100


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: OneShake(start=0, shake="thud", peak=1, position=(0, 0, 0)), "'blast' or 'tremor'"),
        (lambda: OneShake(start=0, shake="blast", peak=1, position=(0, 0)), "east, north, up"),
        (lambda: Blasts(start=0, position=(0, 0, 0), charge=0), "charge"),
        (lambda: Blasts(start=0, position=(0, 0, 0), charge=1, count=2), "every"),
        (lambda: Tremor(start=0, position=(0, 0, 0), magnitude=9), "magnitude"),
        (lambda: Tremor(start=0, position=(0, 0, 0), magnitude=1, p_speed=1000), "p_speed > s_speed"),
        (lambda: Swarm(start=0, end=9, position=(0, 0, 0), count=3, law="random"), "steady, decaying"),
        (lambda: Swarm(start=0, end=0, position=(0, 0, 0), count=3), "end > start"),
        (lambda: Blasts(start=0, position=(0, 0, 0), charge=1).seen_by(sensor(0, rate=100)), "own rate 100"),
    ],
)
def test_nonsense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
