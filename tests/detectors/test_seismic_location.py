"""seismic.location. Oracles: scipy.optimize.least_squares; known sources; the chi-square of many noisy fits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from detectors.detector import Subjects, Verdict
from detectors.geiger import FAR, Hypocentre, Onset, Point, geiger
from detectors.judge import Judge
from detectors.reading import Batch, Floats
from detectors.seismic.location import Location
from detectors.site import read_site, series
from detectors.site_subjects import subjects_as_columns
from tests.contract import Said, Sample, run
from tests.detectors.test_samples import RULES, SENSORS, sample_of
from tests.strategies import SECOND, Stream

BEGIN = 1_700_000_000 * SECOND
VP, VS, ERROR = 5000.0, 2900.0, 0.001
STATIONS: list[Point] = [
    (0, 0, 0), (900, 50, -300), (850, 950, 20), (-40, 880, -420), (430, 460, -700), (300, -200, -150),
]  # fmt: skip
FLAT: list[Point] = [(x, y, 0.0) for x, y, _ in STATIONS]
NEAR, ELSEWHERE = (220.0, 310.0, -250.0), (700.0, 700.0, -100.0)
DETECTOR = Location(vp=VP, radius=150.0, east=200.0, north=300.0, within=0.5, wait=3.0)


def network(count: int) -> Subjects:
    plain = Subjects.simple(count, members=len(STATIONS), unit="s")
    return dataclasses.replace(plain, position=np.array(STATIONS * count, np.float64))


def onsets(source: Point, noise: Any = None, stations: Sequence[Point] = STATIONS, origin: float = 0.0) -> list[Onset]:
    late = np.zeros(len(stations)) if noise is None else noise
    return [Onset(s, origin + math.dist(source, s) / VP + float(e), VP) for s, e in zip(stations, late, strict=True)]


def times(source: Point, origin: float = 0.0) -> list[float]:
    return [one.time for one in onsets(source, origin=origin)]


def stream(seed: int, inputs: int) -> Stream:
    """An event each 20 s, near or elsewhere; some stations miss it, some readings are bad."""
    rng = np.random.default_rng(seed)
    rows = []
    for event in range(60):
        for who in range(inputs // len(STATIONS)):
            source = NEAR if rng.random() < 0.4 else ELSEWHERE
            for k, time in enumerate(times(source, 20.0 * event)):
                if rng.random() < 0.92:
                    bad = int(rng.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 32]))
                    ns = BEGIN + round((time + rng.normal(0, ERROR)) * SECOND)
                    rows.append((ns + round(rng.uniform(0.5, 2.0) * SECOND), who * len(STATIONS) + k, ns, bad))
    arrived, sensor, time_, quality = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return Stream(
        sensor.astype(np.intp), time_, arrived, time_ * 1e-9 - BEGIN * 1e-9, quality.astype(np.uint8),
        until=int(arrived[-1]) + 30 * SECOND,
    )  # fmt: skip


SAMPLE = Sample(DETECTOR, network, stream)


def said(events: Sequence[Sequence[tuple[int, float]]], detector: Location = DETECTOR) -> Said:
    """What is said of events, each (station, s) pairs; they arrive a second later."""
    rows = [(k, BEGIN + round(t * SECOND)) for event in events for k, t in event]
    state = detector.start(network(1))
    arrived = np.maximum.accumulate([t + SECOND for _, t in rows])
    seen = Batch.of(rows[-1][1] + 60 * SECOND, [k for k, _ in rows], [t for _, t in rows], [0.0] * len(rows),
                    arrived=arrived)  # fmt: skip
    return run(detector, state, [seen])


def least(found: Hypocentre, given: Sequence[Onset]) -> Floats:
    """The least squares over place and origin time near the answer, by SciPy; lengths and times in km and 0.1 s."""
    scale = np.array([1000.0, 1000.0, 1000.0, 0.1])

    def residuals(p: Floats) -> Floats:
        q = p * scale
        return np.array([q[3] + math.dist(q[:3], o.station) / o.velocity - o.time for o in given])

    def slopes(p: Floats) -> Floats:
        q = p * scale
        rows = [[*((q[:3] - np.array(o.station)) / math.dist(q[:3], o.station) / o.velocity), 1.0] for o in given]
        return np.array(np.array(rows) * scale, np.float64)

    start = np.array([found.east + 30, found.north - 20, (found.up or 0.0) + 25, found.origin]) / scale
    fit = least_squares(residuals, start, slopes, xtol=1e-15, ftol=1e-15, gtol=1e-15, method="lm")
    return np.array(fit.x * scale, np.float64)


def test_it_is_the_least_squares_of_scipy() -> None:
    rng, compared = np.random.default_rng(1), 0
    for _ in range(60):
        source = tuple(rng.uniform([-100, -300, -800], [1000, 1000, 0]).tolist())
        given = onsets(source, rng.normal(0, ERROR, 6))
        found = geiger(given, ERROR)
        assert found is not None
        if found.up is not None:
            place = least(found, given)
            assert (found.east, found.north, found.up) == pytest.approx(place[:3], abs=2e-4), source
            assert found.origin == pytest.approx(place[3], abs=1e-6)
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("source", [(200.0, 300.0, -250.0), (600.0, 500.0, -500.0), (0.0, 900.0, -100.0), STATIONS[4]])
def test_exact_times_give_back_the_source(source: Point) -> None:
    found = geiger(onsets(source, origin=7.0), ERROR)
    assert found is not None
    assert (found.east, found.north, found.up) == pytest.approx(source, abs=1e-3)
    assert found.origin == pytest.approx(7.0, abs=1e-6)
    assert found.residual < 1e-7
    assert found.chance > 0.999


@pytest.mark.parametrize("stations", [STATIONS, FLAT], ids=["deep", "flat"])
@pytest.mark.parametrize("source", [(350.0, 400.0, -300.0), (1300.0, 1200.0, -400.0)], ids=["inside", "outside"])
def test_95_in_a_hundred_ellipses_hold_the_epicentre(stations: list[Point], source: Point) -> None:
    """600 fits: 95 % +- 3 standard errors (2.7 %); the azimuth of the ellipse is used, so it is tested, too."""
    rng = np.random.default_rng(4)
    fits = [geiger(onsets(source, rng.normal(0, ERROR, 6), stations), ERROR) for _ in range(600)]
    held, fit_well = 0, 0
    for found in fits:
        assert found is not None
        turn = math.radians(found.azimuth)
        east, north = found.east - source[0], found.north - source[1]
        along = (east * math.sin(turn) + north * math.cos(turn)) / found.semi_major
        across = (east * math.cos(turn) - north * math.sin(turn)) / found.semi_minor
        held += along**2 + across**2 <= 1
        fit_well += found.chance > 0.05
    assert held / 600 == pytest.approx(0.95, abs=0.027)
    assert fit_well / 600 > 0.92


def test_s_onsets_too_make_the_ellipse_smaller() -> None:
    source = (1300.0, 1200.0, -400.0)
    shear = [Onset(s, math.dist(source, s) / VS, VS) for s in STATIONS]
    alone, both = geiger(onsets(source), ERROR), geiger([*onsets(source), *shear], ERROR)
    assert alone is not None
    assert both is not None
    assert (both.east, both.north, both.up) == pytest.approx(source, abs=1e-3)
    assert both.semi_major < alone.semi_major / 2


def test_a_flat_array_tells_the_epicentre_and_no_depth() -> None:
    source = (350.0, 400.0, -300.0)
    found = geiger(onsets(source, stations=FLAT), ERROR)
    assert found is not None
    assert (found.east, found.north) == pytest.approx(source[:2], abs=0.1)
    assert found.up is None


def test_a_depth_with_a_doubt_longer_than_the_array_is_not_told() -> None:
    source = (3500.0, 400.0, -300.0)
    given = onsets(source)
    sharp, blunt = geiger(given, 1e-6), geiger(given, 0.01)
    assert sharp is not None
    assert sharp.up == pytest.approx(-300.0, abs=1.0)
    assert blunt is not None
    assert blunt.up is None


def test_what_is_far_away_is_not_located_whatever_the_noise() -> None:
    """The trouble of a fit without damping: places beyond all bounds, and origin times that overflow."""
    rng = np.random.default_rng(5)
    width = max(math.dist(a[:2], b[:2]) for a in STATIONS for b in STATIONS)
    for _ in range(60):
        angle = rng.uniform(0, 2 * math.pi)
        plane = [-(s[0] * math.sin(angle) + s[1] * math.cos(angle)) / VP for s in STATIONS]
        noise = rng.normal(0, float(rng.choice([1e-4, 1e-2, 0.3])), 6)
        found = geiger([Onset(s, t + e, VP) for s, t, e in zip(STATIONS, plane, noise.tolist(), strict=True)], ERROR)
        if found is not None:
            assert math.hypot(found.east, found.north) < (FAR + 1.5) * width
            assert abs(found.origin) < 2 * FAR * width / VP
    still = geiger([Onset(s, t, VP) for s, t in zip(STATIONS, plane, strict=True)], ERROR)
    assert still is None


def test_the_gap_is_the_greatest_angle_without_a_station() -> None:
    square: list[Point] = [(100.0, 0.0, 0.0), (0.0, 100.0, -50.0), (-100.0, 0.0, 0.0), (0.0, -100.0, -50.0)]
    inside = geiger(onsets((0.0, 0.0, -30.0), stations=square), ERROR)
    outside = geiger(onsets((300.0, 0.0, -30.0), stations=square), ERROR)
    assert inside is not None
    assert outside is not None
    assert inside.gap == pytest.approx(90, abs=2)
    assert outside.gap == pytest.approx(360 - 2 * math.degrees(math.atan2(100, 300)), abs=2)


def test_near_is_active_and_elsewhere_clears() -> None:
    sources = [ELSEWHERE, NEAR, ELSEWHERE]
    found = said([list(enumerate(times(s, 20.0 * k))) for k, s in enumerate(sources)])
    assert [f.verdict for f in found.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert [f.why.key.rpartition(".")[2] for f in found.findings] == ["elsewhere", "near", "elsewhere"]
    assert found.findings[1].time == pytest.approx(BEGIN + 20 * SECOND, abs=SECOND // 1000)
    assert found.findings[1].value is None, "it would be shown in s"
    assert found.findings[1].why.numbers["away"] == pytest.approx(math.hypot(20, 10), abs=0.1)
    assert found.findings[1].why.numbers["radius"] == 150.0
    assert [v for *_, v, _ in found.columns["east"]] == pytest.approx([700, 220, 700], abs=0.1)
    assert [t for _, t, *_ in found.columns["east"]] == pytest.approx(
        [BEGIN + k * 20 * SECOND for k in range(3)], abs=SECOND // 1000
    )
    assert len(found.columns["up"]) == 3


def test_a_held_active_verdict_is_one_onset_and_few_onsets_leave_it() -> None:
    near = [list(enumerate(times(NEAR, 20.0 * k))) for k in range(3)]
    few = list(enumerate(times(ELSEWHERE, 60.0)))[:4]
    assert [f.verdict for f in said([*near, few]).findings] == [Verdict.ACTIVE]


def test_with_few_onsets_it_waits_and_then_says_that_they_are_few() -> None:
    clear, few = list(enumerate(times(ELSEWHERE))), list(enumerate(times(ELSEWHERE, 20.0)))[:4]
    found = said([clear, few]).findings
    assert [(f.verdict, f.why.key) for f in found[1:]] == [(Verdict.UNKNOWN, "seismic.location.few")]
    assert found[1].at == BEGIN + round((few[0][1] + 1.0 + 3.0) * SECOND)
    assert found[1].why.numbers == {"onsets": 4.0}


def test_onsets_that_do_not_fit_are_not_believed() -> None:
    wrong = times(ELSEWHERE, 20.0)
    wrong[2] += 0.3
    found = said([list(enumerate(times(ELSEWHERE))), list(enumerate(wrong))])
    assert len(found.columns["east"]) == 1
    assert [f.why.key.rpartition(".")[2] for f in found.findings] in (["elsewhere", "misfit"], ["elsewhere", "beyond"])


def test_an_event_with_a_station_missing_is_located_after_the_wait() -> None:
    found = said([list(enumerate(times(NEAR)))[:5]])
    assert [f.verdict for f in found.findings] == [Verdict.ACTIVE]
    assert found.findings[0].at == BEGIN + round((times(NEAR)[0] + 4.0) * SECOND)


def test_a_second_onset_and_one_of_long_ago_do_not_disturb() -> None:
    event = list(enumerate(times(NEAR, 20.0)))
    disturbed = [*event[:3], (0, 20.3), (4, 12.0), *event[3:]]
    plain, other = said([event]), said([disturbed])
    assert [v for *_, v, _ in plain.columns["east"]] == [v for *_, v, _ in other.columns["east"]]


def test_positions_of_derived_onsets_are_those_of_their_sensors() -> None:
    sample = sample_of("seismic.location")["rule"]
    site = read_site({"site": {"id": "pit", "timezone": "UTC", "simulated": True, "limits": "cn"}, "sensor": SENSORS,
                      "rule": {**RULES, **sample}})  # fmt: skip
    rule = next(r for r in site.rules if r.name == "under-the-stope")
    columns = subjects_as_columns(rule.subjects, {s.id: s for s in series(site)}, site.sensors)
    assert list(columns.input_id) == [f"geo-{k}/onset.onset" for k in "abcde"]
    assert columns.position.tolist() == [SENSORS[f"geo-{k}"]["position"] for k in "abcde"]
    assert rule.detector.vp == 5200.0


def test_s_onsets_are_those_of_the_parts_that_end_in_s() -> None:
    parts = [*"abcd", "a_s", "b_s"]
    plain = Subjects.simple(1, members=6, parts=parts)
    both = dataclasses.replace(plain, position=np.array([*STATIONS[:4], *STATIONS[:2]], np.float64))
    detector = dataclasses.replace(DETECTOR, vs=VS)
    assert detector.start(both).shear.tolist() == [False] * 4 + [True] * 2
    assert not DETECTOR.start(both).shear.any()
    heard = [math.dist(NEAR, s) / v for s, v in zip(both.position.tolist(), [VP] * 4 + [VS] * 2, strict=True)]
    ns = [BEGIN + round(t * SECOND) for t in heard]
    outcome = detector.step(detector.start(both), Batch.of(ns[-1] + 9 * SECOND, range(6), ns, [0.0] * 6,
                                                           arrived=[max(ns)] * 6))  # fmt: skip
    places = {c.name: c.value[0] for c in outcome.columns}
    assert (places["east"], places["north"], places["up"]) == pytest.approx(NEAR, abs=0.01)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"vp": 5.0, "radius": 1.0}, "that of the rock"),
        ({"vp": 5000.0, "vs": 5000.0, "radius": 1.0}, "less than vp"),
        ({"vp": 5000.0, "radius": 0.0}, "how near an event matters"),
        ({"vp": 5000.0, "radius": 1.0, "east": math.nan}, "give the place"),
        ({"vp": 5000.0, "radius": 1.0, "least": 3}, "need 4 onsets"),
        ({"vp": 5000.0, "radius": 1.0, "error": 0.0}, "the spread of onsets"),
        ({"vp": 5000.0, "radius": 1.0, "wait": 0.1}, "the way across"),
    ],
)
def test_nonsense_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Location(**parameters)


def test_stations_that_cannot_locate_are_refused() -> None:
    with pytest.raises(ValueError, match="has no position"):
        DETECTOR.start(Subjects.simple(1, members=6))
    few = dataclasses.replace(Subjects.simple(1, members=3), position=np.array(STATIONS[:3], np.float64))
    with pytest.raises(ValueError, match="has 3 onsets"):
        DETECTOR.start(few)
    two = dataclasses.replace(network(1), position=np.array([*STATIONS[:2]] * 3, np.float64))
    with pytest.raises(ValueError, match="fewer than 3 stations"):
        DETECTOR.start(two)


def test_it_locates_in_the_fold_and_a_rule_may_watch_where() -> None:
    """Through the judge: an event of five stations is told by a deadline, and what it derives is judged with it."""
    sensors = {
        f"o-{k}": {"area": "a", "quantity": "onset", "unit": "s", "position": list(p)} for k, p in enumerate(STATIONS)
    }
    alarm = {"priority": "low", "guidance": "Look"}
    where = {"kind": "seismic.location", "vp": "5 km/s", "radius": "150 m", "east": "200 m", "north": "300 m"}
    rules = {
        "where": {"group": "net", "sensors": ["o-*"], "detector": where, **alarm},
        "far-east": {"sensors": ["net/where.east"], "detector": {"kind": "signal.limit", "limit": "500 m"}, **alarm},
    }
    judge = Judge(
        read_site({"site": {"id": "pit", "timezone": "UTC", "simulated": True}, "sensor": sensors, "rule": rules}),
        BEGIN,
    )
    events = [(ELSEWHERE, 6), (NEAR, 5), (ELSEWHERE, 5)]
    rows = [
        (k, BEGIN + round(t * SECOND))
        for e, (place, n) in enumerate(events)
        for k, t in enumerate(times(place, 20.0 * e)[:n])
    ]
    arrived = np.maximum.accumulate([t + SECOND for _, t in rows])
    batch = Batch.of(
        BEGIN + 90 * SECOND, [k for k, _ in rows], [t for _, t in rows], [0.0] * len(rows), arrived=arrived
    )
    told = [(change.rule, change.change) for change in judge.step(batch).changes]
    assert told == [
        ("where", "watched"), ("far-east", "raised"), ("where", "raised"), ("far-east", "returned"),
        ("where", "returned"), ("far-east", "raised"),
    ]  # fmt: skip
