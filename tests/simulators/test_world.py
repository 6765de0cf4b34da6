"""The pretended pit: repeatable, independent sensors, and signals with the declared noise, resolution and pace."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from detectors.sensor import Sensor
from simulators.devices import habit_of
from simulators.gas import Plume
from simulators.instrument import SECOND, Habit, Instrument, Noise
from simulators.scenario import Scenario, north_pit_site, read_registry, read_scenario
from simulators.slope import Acceleration
from simulators.world import HABITS, UnknownQuantity, World

START = 1_795_500_000 * SECOND
SITE = read_registry(north_pit_site())
DEMO = read_scenario("demo")
CALM = dataclasses.replace(DEMO, happenings=(), truths=())


def run(scenario: Scenario, seconds: float, sensors: list[Sensor] | None = None, cuts: tuple[float, ...] = ()) -> dict:
    """Each sensor's times and values (or samples), the past included, taken in pieces cut at `cuts`."""
    world = scenario.world(SITE.sensors.values() if sensors is None else sensors, START, SITE.timezone)
    pieces: dict[str, list] = {}
    for cut in (*cuts, seconds):
        until = START + round(cut * SECOND)
        for shown in world.readings(until):
            pieces.setdefault(shown.sensor, []).append((shown.time, shown.value))
        for block in world.blocks(until):
            pieces.setdefault(block.sensor, []).append((np.array([block.time]), block.samples))
    return {name: tuple(np.concatenate(x) for x in zip(*parts, strict=True)) for name, parts in pieces.items()}


def same(one: dict, other: dict) -> bool:
    return all(np.array_equal(one[k][i], other[k][i], equal_nan=True) for k in one for i in (0, 1))


def test_the_pit_has_what_the_issue_asks_for():
    quantity = [sensor.quantity for sensor in SITE.sensors.values()]
    assert len(quantity) >= 40
    assert {"methane", "co", "o2", "dust", "explosive_dust", "fan", "displacement", "rain"} <= set(quantity)
    assert sum(sensor.rate == 200 for sensor in SITE.sensors.values()) == 6
    assert SITE.simulated


def test_the_same_seed_shows_the_same_bytes_and_another_seed_does_not():
    one, other = run(DEMO, 60), run(DEMO, 60)
    assert one.keys() == other.keys() == SITE.sensors.keys()
    assert all(one[k][1].tobytes() == other[k][1].tobytes() for k in one)
    third = run(dataclasses.replace(DEMO, seed=1), 60)
    assert not np.array_equal(one["ch4-2105"][1], third["ch4-2105"][1])


def test_cutting_time_anywhere_changes_nothing():
    whole = run(DEMO, 150)
    random = np.random.default_rng(7)
    for _ in range(3):
        cuts = tuple(sorted(random.uniform(-172_800, 150, 40)))
        pieces = run(DEMO, 150, cuts=cuts)
        assert whole.keys() == pieces.keys()
        assert same(whole, pieces)


def test_adding_or_removing_a_sensor_changes_no_other():
    whole = run(CALM, 60)
    few = [sensor for k, sensor in enumerate(SITE.sensors.values()) if k % 3]
    assert same(run(CALM, 60, few), whole)
    more = [*SITE.sensors.values(), dataclasses.replace(SITE.sensors["ch4-2105"], id="ch4-new")]
    assert same(whole, run(CALM, 60, more))


def test_twin_sensors_do_not_show_the_same_noise():
    shown = run(CALM, 150)
    one, two = (shown[k][1][-60:] - shown[k][1][-60:].mean() for k in ("ch4-2105", "ch4-2106"))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.6


def test_every_value_is_a_whole_number_of_quanta_inside_the_span():
    for name, (_, value) in run(DEMO, 150).items():
        sensor = SITE.sensors[name]
        assert (value >= sensor.span[0]).all()
        assert (value <= sensor.span[1]).all()
        if sensor.quantum > 0:
            steps = value / sensor.quantum
            assert np.allclose(steps, np.round(steps), atol=1e-6), name


def test_live_readings_come_at_the_declared_interval_and_the_past_at_the_loggers():
    for name, (time, _) in run(CALM, 150).items():
        sensor = SITE.sensors[name]
        live = time[time >= START]
        if len(live) > 1 and not sensor.rate > 0:
            assert (np.diff(live) == sensor.every).all()
        if name.startswith("radar"):
            assert (np.diff(time[time < START]) == 300 * SECOND).all()
            assert len(time[time < START]) == 576


@pytest.mark.parametrize(("correlation", "step"), [(20.0, 2.0), (60.0, 5.0), (0.0, 1.0)])
def test_noise_has_the_declared_spread_and_forgets_as_declared(correlation, step):
    count = 200_000
    device = Instrument(Noise(0.5, correlation, np.random.default_rng(3)), 0.0, np.nan, -np.inf, np.inf)
    noise = device.show(np.zeros(count), step)
    assert noise.std() == pytest.approx(0.5, rel=0.03)
    for lag in (1, 2, 5):
        measured = np.corrcoef(noise[:-lag], noise[lag:])[0, 1]
        declared = np.exp(-lag * step / correlation) if correlation else 0.0
        assert measured == pytest.approx(declared, abs=0.03)


def test_a_step_is_shown_to_ninety_per_cent_after_t90():
    device = Instrument(Noise(0.0, 0.0, np.random.default_rng(0)), 10.0, np.nan, -np.inf, np.inf)
    level = np.concatenate([np.zeros(5), np.ones(40)])
    shown = device.show(level, 0.5)
    assert shown[5 + 19] == pytest.approx(0.9, abs=1e-9)


def test_gas_has_a_daily_rhythm_that_peaks_at_its_hour():
    world = World([SITE.sensors["ch4-2105"]], seed=1, start=START, local_second=0.0)
    hours = np.arange(0, 24, 0.25)
    level = world.probes["ch4-2105"].level(hours * 3600)
    assert hours[level.argmax()] == pytest.approx(15.5)
    assert np.ptp(level) == pytest.approx(0.1, abs=1e-9)


def test_calm_gas_and_dust_stay_far_from_their_limits_for_a_day():
    limits = {"methane": 0.75, "co": 15.0, "dust": 2.5, "explosive_dust": 8.0}
    scalars = [sensor for sensor in SITE.sensors.values() if sensor.quantity in {*limits, "o2"}]
    for name, (_, value) in run(CALM, 86_400, scalars).items():
        quantity = SITE.sensors[name].quantity
        assert value.min() > 20.0 if quantity == "o2" else value.max() < limits[quantity], name


def test_a_plume_goes_up_holds_and_comes_back_to_the_base():
    plume = Plume(start=10, to=1.2, rise=4, hold=6, fall=5)
    second = np.array([0.0, 10, 14, 17, 20, 25, 100])
    assert plume.over(np.full(7, 0.3), second).tolist() == pytest.approx([0.3, 0.3, 1.2, 1.2, 1.2, 0.3, 0.3])


def test_an_accelerating_wall_has_a_straight_inverse_velocity_that_points_at_the_failure():
    wall = Acceleration(start=-172_800, failure=2400, scale=14, calms=150)
    second = np.linspace(-80_000, 100, 200)
    ahead, behind = wall.over(np.zeros(200), second + 0.5), wall.over(np.zeros(200), second - 0.5)
    slope, offset = np.polyfit(second, 1 / (ahead - behind), 1)
    assert -offset / slope == pytest.approx(2400, rel=1e-4)
    assert slope == pytest.approx(-1 / 14, rel=1e-4)


def test_a_wall_that_calms_down_moves_on_smoothly_and_stops():
    wall = Acceleration(start=-100, failure=1000, scale=10, calms=50, settle=60)
    second = np.array([49.9, 50.0, 50.1, 2000.0, 4000.0])
    moved = wall.over(np.zeros(5), second)
    assert (moved[2] - moved[1]) == pytest.approx(moved[1] - moved[0], rel=0.01)
    assert moved[4] == pytest.approx(moved[3], abs=1e-9)


def test_a_blast_reaches_the_nearer_geophone_first_and_stronger():
    shown = run(DEMO, 70)
    onset, peak = {}, {}
    for name in ("gp-1-z", "gp-2-z"):
        samples = shown[name][1]
        strong = np.flatnonzero(np.abs(samples) > 0.2)
        onset[name], peak[name] = strong[0] / 200, np.abs(samples).max()
    place = {name: np.array(SITE.sensors[name].position) for name in onset}
    shot = np.array([420, 310, -60])
    near, far = sorted(onset, key=lambda name: float(np.linalg.norm(place[name] - shot)))
    assert onset[near] <= onset[far] + 0.005
    assert peak[near] > peak[far] > 1
    assert all(60 <= onset[name] < 60.3 for name in onset)


def test_a_quantity_without_a_model_is_refused_with_what_is_allowed():
    odd = Sensor("x", "pit", "mood", "1")
    with pytest.raises(UnknownQuantity, match="sensor x: found quantity 'mood', allowed: methane"):
        World([odd], seed=1, start=START)


def test_an_instrument_takes_what_the_sensor_does_not_declare_from_the_habit():
    sensor = Sensor("a", "pit", "methane", "%vol")
    device = Instrument.of(sensor, Habit(level=(0, 1), noise=0.3, floor=0.0), 1)
    assert (device.noise.spread, device.low, device.high) == (0.3, 0.0, np.inf)
    assert np.isnan(device.quantum)


def device(**words):
    """What a methane sensor of span 0-100 shows with an [instrument] entry, a day at 1 Hz, its level taken out."""
    sensor = Sensor("m", "face", "methane", "%vol", span=(-100, 100), every=SECOND)
    sensor, habit = habit_of(sensor, HABITS["methane"], {"level": [0, 0], "daily": 0, "floor": -100, **words})
    world = World([sensor], seed=2, start=START, habits={"m": habit})
    return world.readings(START + 86_400 * SECOND)[0].value


def test_a_wander_is_slower_than_the_noise_and_adds_its_own_spread():
    value = device(noise=0.1, correlation=0, wander=0.5, wander_correlation=300)
    assert value.std() == pytest.approx(np.hypot(0.1, 0.5), rel=0.1)
    for lag in (60, 300):
        assert np.corrcoef(value[:-lag], value[lag:])[0, 1] == pytest.approx(0.25 / 0.26 * np.exp(-lag / 300), abs=0.1)


def test_outliers_are_as_rare_and_as_far_off_as_they_say():
    value = device(noise=0.1, correlation=0, outliers=0.01, outlier_size=20)
    far = np.abs(value) > 1
    assert far.mean() == pytest.approx(0.01, rel=0.15)
    assert np.abs(value[far]).mean() == pytest.approx(2.0, rel=0.02)
    assert (value[far] > 0).mean() == pytest.approx(0.5, abs=0.06)


def test_a_device_drifts_by_its_rate_a_day():
    value = device(noise=0.01, correlation=0, drift=0.6)
    assert value[-600:].mean() - value[:600].mean() == pytest.approx(0.6, abs=0.01)


def test_instruments_that_say_nothing_new_change_no_bytes():
    plain = run(CALM, 60)
    same_words = dataclasses.replace(CALM, instruments={"prism-*": {"wander": 0}, "*": {}})
    assert same(plain, run(same_words, 60))


def test_readings_are_made_ahead_and_still_come_when_they_are_due():
    world = World([SITE.sensors["ch4-2105"]], seed=1, start=START)
    for second in range(1, 2000, 7):
        until = START + second * SECOND
        for shown in world.readings(until):
            assert shown.sent.max() < until
            assert shown.sent.min() >= until - 7 * SECOND
