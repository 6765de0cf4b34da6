"""signal.seasonal. Oracles: medians by numpy over deleted values; zoneinfo; the known law of simulated hours."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detectors.detector import Finding, Outcome, Subjects, Verdict
from detectors.local_time import HOUR, Summer, date_of, local_time
from detectors.reading import Batch, Floats, Quality
from detectors.signal.seasonal import ASIDE, FREEDOM, MONTH, NORMAL, Seasonal, apart, usual
from detectors.state import size_of
from tests.contract import Sample
from tests.strategies import Stream, readings

DAILY = Seasonal(utc_offset=0, cycle="day")
WEEKLY = Seasonal(utc_offset=0)
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 10**9
TEN = 600.0


def daily(hours: NDArray[np.int64]) -> Floats:
    """A plant's day: high from 8 to 18, low at night."""
    shape: Floats = 20.0 + 15.0 * np.sin((hours % 24 - 7) * math.pi / 12)
    return shape


def weekly(hours: NDArray[np.int64]) -> Floats:
    """Working days (from Monday 00:00) have the plant's day, Saturday and Sunday its night."""
    working = hours % 168 < 120
    level: Floats = np.where(working, daily(hours), 5.0)
    return level


def stream(seed: int, inputs: int) -> Stream:
    hours = np.arange(20 * 24)
    values = daily(hours)[:, None] + np.random.default_rng(seed).normal(0, 0.5, (len(hours), inputs))
    values[[300, 301, 302, 390]] -= 12.0
    values[[420]] += 12.0
    return readings(seed, inputs, values, every=HOUR, bad=0.03)


SAMPLE = Sample(DAILY, lambda n: Subjects.simple(n, unit="ppm", interval=3600.0), stream)


def told(values: Any, detector: Seasonal = WEEKLY, every: float = 3600.0, begin: int = MONDAY, **more: Any) -> Outcome:
    """One sensor's readings, one each `every` s from a Monday 00:00 UTC."""
    quality = more.pop("quality", None)
    rows = more.pop("rows", np.arange(len(values)))
    times = begin + (np.arange(len(values)) * round(every * 1e9))[rows]
    state = detector.start(Subjects.simple(1, unit="ppm", interval=every, **more))
    batch = Batch.of(int(times[-1]) + 1, np.zeros(len(times), int), times, np.asarray(values)[rows], quality=quality)
    return detector.step(state, batch)


def verdicts(outcome: Outcome) -> list[tuple[Verdict, int]]:
    """(verdict, hours since the begin) of each finding."""
    return [(f.verdict, (f.time - MONDAY) // HOUR) for f in outcome.findings]


def noisy(hours: int, seed: int = 2, sigma: float = 0.5) -> Floats:
    return weekly(np.arange(hours)) + np.random.default_rng(seed).normal(0, sigma, hours)


@pytest.mark.parametrize("count", range(2, 12))
def test_apart_is_the_value_less_the_median_of_the_others(count: int) -> None:
    """Beside a longer row, so that it ends with NaN."""
    values = np.sort(np.random.default_rng(count).normal(0, 1, (2, 12)), axis=1)
    values[0, count:] = np.nan
    found = apart(values, np.array([count, 12]))
    for row, known in zip(found, (values[0, :count], values[1]), strict=True):
        expected = [v - np.median(np.delete(known, k)) for k, v in enumerate(known)]
        assert row[: len(known)].tolist() == pytest.approx(expected, abs=1e-15)
        assert np.isnan(row[len(known) :]).all()


def test_what_is_usual_is_the_median_and_the_scatter_of_seven_hours() -> None:
    rng = np.random.default_rng(7)
    past = rng.normal(0, 1, (168, 8))
    past[rng.random(past.shape) < 0.2] = np.nan
    compared = 0
    for place in range(168):
        errors = []
        for near in range(place - ASIDE, place + ASIDE + 1):
            known = past[near % 168][~np.isnan(past[near % 168])]
            if len(known) >= 4:
                errors.append([abs(v - np.median(np.delete(known, k))) for k, v in enumerate(known)])
        found, own = usual(past, place), past[place][~np.isnan(past[place])]
        assert (found is None) == (len(own) < 4)
        if found is not None:
            assert found.middle == np.median(own)
            assert found.scale == pytest.approx(float(np.median(np.concatenate(errors))) / NORMAL, rel=1e-14)
            assert found.freedom == pytest.approx(FREEDOM * sum(len(e) - 1 for e in errors))
            compared += 1
    assert compared > 100


@pytest.mark.parametrize(
    ("zone", "offset", "summer"),
    [("Europe/Warsaw", 1, "eu"), ("Europe/London", 0, "eu"), ("America/New_York", -5, "us"),
     ("America/Los_Angeles", -8, "us"), ("Asia/Shanghai", 8, "none"), ("Asia/Kolkata", 5.5, "none")],
)  # fmt: skip
def test_local_time_is_that_of_the_zone(zone: str, offset: float, summer: Summer) -> None:
    """Each half hour of 2007 to 2037 in which summer time could change, and 20,000 others."""
    known = ZoneInfo(zone)
    begin, halves = datetime(2007, 1, 1, tzinfo=UTC), 31 * 365 * 48
    picked = set(np.random.default_rng(3).integers(0, halves, 20_000).tolist())
    for year in range(2007, 2038):
        for month in (3, 4, 10, 11):
            first = (datetime(year, month, 1, tzinfo=UTC) - begin) // timedelta(minutes=30)
            picked |= set(range(first, first + 48 * 31, 1)) if month in (3, 11) and year % 6 == 0 else set()
            picked |= set(range(first, first + 48 * 31, 3)) if month in (3, 10, 11) else set()
    for half in sorted(picked):
        moment = begin + timedelta(minutes=30 * half)
        local = moment.astimezone(known).replace(tzinfo=UTC)
        found = local_time(int(moment.timestamp()) * 10**9, round(offset * HOUR), summer)
        assert found == int(local.timestamp()) * 10**9, moment
        assert date_of(found) == f"{local:%Y-%m-%d}"


def test_it_finds_what_a_plain_limit_cannot() -> None:
    """At night, and on a Sunday, a value that is usual by day: below the maximum of each day, so no limit sees it."""
    values = noisy(9 * 168)
    night, sunday = 8 * 168 + 24 + 2, 8 * 168 + 6 * 24 + 12
    values[[night, sunday]] = 25.0
    assert values[[night, sunday]].max() < np.quantile(values, 0.8)
    found = told(values)
    assert verdicts(found)[1:] == [
        (Verdict.ACTIVE, night + 1), (Verdict.CLEAR, night + 2), (Verdict.ACTIVE, sunday + 1),
        (Verdict.CLEAR, sunday + 2),
    ]  # fmt: skip
    assert [f.why.key.rpartition(".")[2] for f in found.findings[1:]] == ["above", "within"] * 2
    assert found.findings[1].value == 25.0
    assert found.findings[1].why.numbers["usual"] == pytest.approx(daily(np.array([2]))[0], abs=0.6)


def test_a_stop_on_a_working_day_is_low_though_each_night_is() -> None:
    values = noisy(9 * 168)
    stopped = 8 * 168 + 24 + 13
    values[stopped : stopped + 3] = 5.0
    found = told(values)
    assert verdicts(found)[1:] == [(Verdict.ACTIVE, stopped + 1), (Verdict.CLEAR, stopped + 4)]
    assert found.findings[1].why.key == "signal.seasonal.below"
    assert verdicts(told(values, dataclasses.replace(WEEKLY, side="above")))[1:] == []


def test_it_is_unknown_for_four_weeks_and_then_clear() -> None:
    assert verdicts(told(noisy(4 * 168))) == []
    assert verdicts(told(noisy(5 * 168)))[:1] == [(Verdict.CLEAR, 4 * 168 + 1)]


def test_a_wild_week_among_those_learned_does_no_harm() -> None:
    values, wild = noisy(9 * 168), noisy(9 * 168)
    wild[2 * 168 : 3 * 168] = 90.0
    for series in (values, wild):
        series[8 * 168 + 26] += 10.0
    plain, found = told(values), told(wild)
    assert verdicts(found) == verdicts(plain)
    assert found.findings[-1].why.key == "signal.seasonal.within"
    widths = [next(c.value for c in o.columns if c.name == "high") - next(c.value for c in o.columns if c.name == "low")
              for o in (plain, found)]  # fmt: skip
    assert widths[1][-168:].mean() < 1.6 * widths[0][-168:].mean()


def test_an_anomaly_never_enters_the_profile() -> None:
    """An hour that departs for 20 weeks alarms each time: an adaptive mean would have swallowed it."""
    values = noisy(28 * 168)
    odd = np.arange(8, 28) * 168 + 26
    values[odd] += 6.0
    alarms = [t for v, t in verdicts(told(values)) if v is Verdict.ACTIVE]
    assert set((odd + 1).tolist()) <= set(alarms)
    assert len(alarms) <= len(odd) + 1


def test_a_lasting_step_is_one_held_onset() -> None:
    values = noisy(16 * 168)
    values[8 * 168 :] += 12.0
    assert verdicts(told(values))[1:] == [(Verdict.ACTIVE, 8 * 168 + 1)]


def test_summer_time_moves_the_hours() -> None:
    """A plant that follows local time all the year: no alarm with the rule, one each working day without."""
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    moments = [begin + timedelta(hours=k) for k in range(15 * 168)]
    local = [m.astimezone(ZoneInfo("Europe/Warsaw")) for m in moments]
    hours = np.array([m.weekday() * 24 + m.hour for m in local])
    values = weekly(hours) + np.random.default_rng(5).normal(0, 0.3, len(hours))
    ruled = told(values, Seasonal(utc_offset=1, summer_time="eu"))
    plain = told(values, Seasonal(utc_offset=1))
    assert [f for f in ruled.findings if f.verdict is Verdict.ACTIVE] == []
    first = next(f for f in plain.findings if f.verdict is Verdict.ACTIVE)
    assert datetime.fromtimestamp(first.time / 1e9, UTC).date().isoformat() in ("2026-03-29", "2026-03-30")


@pytest.mark.parametrize("date", ["01-27", "2026-03-03"])
def test_a_holiday_is_unknown_and_not_learned(date: str) -> None:
    day = (datetime.fromisoformat(date if len(date) > 5 else f"2026-{date}").replace(tzinfo=UTC)
           - datetime(2026, 1, 5, tzinfo=UTC)).days * 24  # fmt: skip
    values = noisy(10 * 168)
    values[day : day + 24] = 5.0
    detector = dataclasses.replace(WEEKLY, holidays=(date,))
    found = told(values, detector)
    assert [f for f in found.findings if f.verdict is Verdict.ACTIVE] == []
    state = detector.start(Subjects.simple(1, interval=3600.0))
    detector.step(state, Batch.of(0, np.zeros(len(values), int), MONDAY + np.arange(len(values)) * HOUR, values))
    known = np.count_nonzero(~np.isnan(state.past[0]), axis=1)
    assert known[24:48].max() == 8
    assert 5.0 not in state.past[0, 24 + 8 : 24 + 18]
    if day > 4 * 168:
        assert (Verdict.UNKNOWN, day + 1) in verdicts(found)
        assert (Verdict.CLEAR, day + 25) in verdicts(found)


def test_an_hour_with_few_readings_is_not_judged_and_not_learned() -> None:
    every = np.repeat(noisy(6 * 168), 6)
    hour = 5 * 168 + 30
    every[hour * 6 : hour * 6 + 6] += 15.0
    rows = np.delete(np.arange(len(every)), np.arange(hour * 6 + 2, hour * 6 + 6))
    found = told(every, every=TEN, rows=rows)
    assert verdicts(found)[1:] == [(Verdict.UNKNOWN, hour + 1), (Verdict.CLEAR, hour + 2)]
    assert found.findings[1].why.key == "signal.seasonal.few"
    assert verdicts(told(every, every=TEN))[1:] == [(Verdict.ACTIVE, hour + 1), (Verdict.CLEAR, hour + 2)]


def test_bad_readings_are_no_part_of_the_mean() -> None:
    every = np.repeat(noisy(6 * 168), 6)
    quality = np.zeros(len(every), np.uint8)
    hour = 5 * 168 + 30
    every[hour * 6], quality[hour * 6] = 900.0, int(Quality.OUT_OF_SPAN)
    assert verdicts(told(every, every=TEN, quality=quality))[1:] == []


def test_silence_makes_clear_unknown_and_leaves_active_standing() -> None:
    values = noisy(5 * 168 + 1)
    state = WEEKLY.start(Subjects.simple(1, interval=3600.0))
    times = MONDAY + np.arange(len(values)) * HOUR
    end = int(times[-1])
    seen = WEEKLY.step(state, Batch.of(end + 9 * HOUR, np.zeros(len(values), int), times, values)).findings
    assert [(f.verdict, f.at) for f in seen[-1:]] == [(Verdict.UNKNOWN, end + 3 * HOUR)]
    values[-2] += 20.0
    state = WEEKLY.start(Subjects.simple(1, interval=3600.0))
    seen = WEEKLY.step(state, Batch.of(end + 9 * HOUR, np.zeros(len(values), int), times, values)).findings
    assert [f.verdict for f in seen[-1:]] == [Verdict.ACTIVE]


def test_one_value_is_flat_without_a_quantum_and_judged_with_one() -> None:
    values = np.full(10 * 24, 7.0)
    values[8 * 24 + 5] = 8.0
    assert verdicts(told(values, DAILY)) == []
    assert [v for v, _ in verdicts(told(values, DAILY, quantum=0.1))] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    some = dataclasses.replace(DAILY, limit=0.5)
    assert [v for v, _ in verdicts(told(values, some))] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert [v for v, _ in verdicts(told(values, dataclasses.replace(DAILY, limit=1.0)))] == [Verdict.CLEAR]


def fleet(detector: Seasonal, days: int, count: int, seed: int) -> tuple[list[Finding], Outcome]:
    """Sensors of one daily cycle and normal noise of scatter 1, an hourly reading each."""
    hours = np.arange(days * 24)
    values = daily(hours)[:, None] + np.random.default_rng(seed).normal(0, 1, (len(hours), count))
    state = detector.start(Subjects.simple(count, interval=3600.0))
    times = np.repeat(MONDAY + hours * HOUR, count)
    outcome = detector.step(state, Batch.of(0, np.tile(np.arange(count), len(hours)), times, values.ravel()))
    return [f for f in outcome.findings if f.verdict is Verdict.ACTIVE], outcome


def test_it_alarms_as_often_as_wished() -> None:
    """4 a month wished of 40 sensors over 30 days after the first 10: within 4 standard errors of the wish."""
    alarms, _ = fleet(dataclasses.replace(DAILY, false_alarms=4.0), 40, 40, 11)
    late = [f for f in alarms if f.time > MONDAY + 10 * 24 * HOUR]
    wished = 40 * 30 * 24 / MONTH * 4.0
    assert len(late) == pytest.approx(wished, abs=4 * math.sqrt(wished))


@pytest.mark.parametrize(("wish", "within"), [(4.0, 1.35), (0.4, 1.7), (0.04, 2.5)])
@pytest.mark.parametrize("cycles", [4, 8])
def test_rare_alarms_too_are_as_rare_as_wished(wish: float, within: float, cycles: int) -> None:
    """The chance to pass each bound, from the true law: a mean over hours and sensors, so no rare event is awaited."""
    _, outcome = fleet(dataclasses.replace(DAILY, false_alarms=wish, cycles=cycles), 3 * cycles + 4, 40, 12)
    columns = {c.name: c for c in outcome.columns}
    low, high = columns["low"], columns["high"]
    settled = low.time > MONDAY + cycles * 24 * HOUR
    true = daily((low.time - MONDAY) // HOUR)
    chance = float(np.mean((stats.norm.sf(high.value - true) + stats.norm.cdf(low.value - true))[settled]))
    assert np.count_nonzero(settled) > 10_000
    assert 1 / within < chance / (wish / MONTH) < within


def test_a_subject_keeps_16_kilobytes_at_most() -> None:
    for cycle, cycles in (("week", 10), ("day", 60)):
        detector = Seasonal(utc_offset=0, cycle=cycle, cycles=cycles)  # type: ignore[arg-type]
        assert size_of(detector.start(Subjects.simple(1))) < 16_384


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"utc_offset": 8 * 3600.0}, "plain hours"),
        ({"utc_offset": 5.4}, "plain hours"),
        ({"utc_offset": 8, "limit": -1.0}, "a departure of 0 or more"),
        ({"utc_offset": 8, "false_alarms": 0.0}, "above 0 to 4 a month"),
        ({"utc_offset": 8, "false_alarms": 40.0}, "above 0 to 4 a month"),
        ({"utc_offset": 8, "side": "up"}, "'above', 'below' or 'either'"),
        ({"utc_offset": 8, "cycle": "year"}, "'week' or 'day'"),
        ({"utc_offset": 8, "summer_time": "uk"}, "'none', 'eu' or 'us'"),
        ({"utc_offset": 8, "cycles": 3}, "give 4 to 10 weeks"),
        ({"utc_offset": 8, "holidays": ("10-32",)}, "local dates"),
        ({"utc_offset": 8, "holidays": ("2026-10",)}, "local dates"),
    ],
)
def test_nonsense_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Seasonal(**parameters)
