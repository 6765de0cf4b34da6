"""seismic.activity. Oracle: counting by hand in plain lists, and rates of a Poisson stream that is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.seismic.activity import Activity
from tests.contract import Said, Sample, run
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
STOPE = Activity(limit=100.0, window=600.0, after=30.0, hold=120.0)
PARTS = ("events", "blast", "alive")


def stope(count: int, parts: tuple[str, ...] = PARTS) -> Subjects:
    return Subjects.simple(count, members=len(parts), parts=parts, unit="1")


def stream(seed: int, inputs: int) -> Stream:
    """10 s steps: bursts of events in between, blasting now and then, proof of life with a hole in it."""
    rng = np.random.default_rng(seed)
    steps = 420
    step = np.arange(steps)
    values = rng.normal(0, 1, (steps, inputs))
    values[:, 1::3] = ((step % 130) > 115)[:, None]
    whole = readings(seed, inputs, values, every=10 * SECOND)
    at = (whole.arrived - whole.arrived[0]) // (10 * SECOND)
    chance = np.where((at % 150 > 20) & (at % 150 < 50), 0.95, 0.02)
    keep = np.where(whole.sensor % 3 == 0, rng.random(len(at)) < chance, True)
    keep &= ~((whole.sensor % 3 == 2) & (at > 300) & (at < 330))
    rows = whole._rows(np.flatnonzero(keep))
    return replace(rows, until=whole.until)


SAMPLE = Sample(STOPE, stope, stream)


def said(
    events: list[float], detector: Activity, until: float, blasts: tuple[tuple[float, float], ...] = (),
    alive: tuple[float, ...] | None = None, values: float = 0.0, late: bool = False,
) -> Said:  # fmt: skip
    """Events, blasting and proofs of life (each half minute) at their seconds; each arrives when it happens."""
    rows = [(t, 0, values) for t in events]
    rows += [(t, 1, on) for a, b in blasts for t, on in ((a, 1.0), (b, 0.0))]
    rows += [(t, 2, 0.0) for t in (np.arange(0.0, until, 30.0).tolist() if alive is None else alive)]
    rows.sort()
    state = detector.start(stope(1))
    time = [BEGIN + round(t * SECOND) for t, _, _ in rows]
    quality = [int(Quality.LATE) if late and part == 0 else 0 for _, part, _ in rows]
    batch = Batch.of(
        BEGIN + round(until * SECOND), [p for _, p, _ in rows], time, [v for *_, v in rows], quality=quality
    )
    return run(detector, state, [batch])


def test_the_rate_is_that_of_counting_by_hand() -> None:
    rng = np.random.default_rng(5)
    events = np.sort(rng.uniform(0, 7200, 300)).round(3).tolist()
    found = said(events, Activity(limit=200.0, window=1800.0), 7200)
    rates = [value for *_, value, _ in found.columns["rate"]]
    assert rates == [sum(t - 1800 < e <= t for e in events) / 0.5 for t in events]


def test_blasts_count_neither_as_events_nor_as_time() -> None:
    events = [float(t) for t in range(0, 3600, 30)]
    blasts = ((1000.0, 1300.0), (2000.0, 2090.0))
    found = said(events, Activity(limit=700.0, window=1200.0, after=60.0), 3600, blasts)
    told = {round((time - BEGIN) / SECOND): value for _, time, _, value, _ in found.columns["rate"]}
    excluded = [(a, b + 60) for a, b in blasts]
    for t in (1500, 2400, 3300):
        count = sum(t - 1200 < e <= t and not any(a <= e <= b for a, b in excluded) for e in events)
        time = 1200 - sum(max(0, min(b, t) - max(a, t - 1200)) for a, b in excluded)
        assert told[t] == pytest.approx(count / time * 3600, rel=1e-12)


def test_a_poisson_stream_has_its_rate() -> None:
    rng = np.random.default_rng(8)
    events = np.cumsum(rng.exponential(36.0, 2000)).tolist()
    found = said(events, Activity(limit=250.0, window=3600.0), events[-1] + 1)
    rates = [value for *_, value, _ in found.columns["rate"]][200:]
    assert np.mean(rates) == pytest.approx(100, rel=0.05)


def test_energy_is_summed_by_its_relation() -> None:
    detector = Activity(limit=1e9, window=3600.0, measure="energy")
    found = said([10.0, 20.0, 30.0], detector, 40, values=1.2)
    assert [v for *_, v, _ in found.columns["power"]][-1] == pytest.approx(3 * 10 ** (4.8 + 1.5 * 1.2) / 3600)
    loud = said([10.0], replace(detector, limit=10 ** (4.8 + 1.5 * 1.2) * 0.99), 40, values=1.2)
    assert [f.verdict for f in loud.findings] == [Verdict.ACTIVE]
    given = said([10.0], replace(detector, value="log_energy", limit=999.0), 40, values=3.0)
    assert [f.verdict for f in given.findings] == [Verdict.ACTIVE]


def test_it_raises_at_the_event_and_clears_when_the_window_has_moved_on() -> None:
    events = [*range(0, 700, 100), *(2000.0 + 6 * k for k in range(20))]
    findings = said([float(e) for e in events], STOPE, 4000).findings
    assert [f.verdict for f in findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    seconds = [(f.at - BEGIN) / SECOND for f in findings]
    needed = math.ceil(100 * 600 / 3600)
    assert seconds == [600.0, 2000.0 + 6 * (needed - 1), 2000.0 + 6 * (20 - needed) + 600]


def test_a_blast_alone_raises_nothing() -> None:
    events = [1000.0 + k for k in range(60)]
    assert all(f.verdict is not Verdict.ACTIVE for f in said(events, STOPE, 1200, ((995.0, 1062.0),)).findings)
    assert any(f.verdict is Verdict.ACTIVE for f in said(events, STOPE, 1200).findings)


def test_long_blasting_is_not_judged() -> None:
    findings = said([1.0, 2.0], STOPE, 1400, ((700.0, 1300.0),)).findings
    assert findings[0].verdict is Verdict.CLEAR
    assert all(f.verdict is not Verdict.ACTIVE for f in findings)


def test_where_blasting_leaves_too_little_of_the_window_it_is_unknown_until_a_whole_window_is_watched() -> None:
    findings = said([300.0, 1000.0], STOPE, 2400, ((550.0, 1300.0),)).findings
    assert [(f.verdict, f.why.key.rpartition(".")[2]) for f in findings] == [
        (Verdict.CLEAR, "below"), (Verdict.UNKNOWN, "blasting"), (Verdict.CLEAR, "below"),
    ]  # fmt: skip
    assert [(f.at - BEGIN) // SECOND for f in findings] == [600, 900, 1930]


def test_without_a_sign_of_life_no_event_is_not_quiet() -> None:
    alive = tuple(float(t) for t in range(0, 1000, 60))
    findings = said([5.0], STOPE, 2000, alive=alive).findings
    assert [(f.verdict, f.why.key.rpartition(".")[2]) for f in findings] == [
        (Verdict.CLEAR, "below"), (Verdict.UNKNOWN, "not_alive"),
    ]  # fmt: skip
    back = said([5.0], STOPE, 4000, alive=(*alive, *(float(t) for t in range(2000, 4000, 60)))).findings
    assert [f.verdict for f in back] == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]
    assert (back[2].at - BEGIN) / SECOND == 2600


def test_an_alarm_is_not_over_because_nothing_is_heard() -> None:
    events = [1000.0 + 6 * k for k in range(20)]
    alive = tuple(float(t) for t in range(0, 1150, 30))
    assert [f.verdict for f in said(events, STOPE, 1e6, alive=alive).findings] == [Verdict.CLEAR, Verdict.ACTIVE]


def test_late_events_are_lost_and_a_drained_backlog_is_no_burst() -> None:
    assert said([float(k) for k in range(60)], STOPE, 100, late=True).findings == []
    state = STOPE.start(stope(1))
    time = [BEGIN + 60 * k * SECOND for k in range(60)]
    batch = Batch.of(BEGIN + 3700 * SECOND, [0] * 60, time, [0.0] * 60, arrived=[BEGIN + 3600 * SECOND] * 60)
    assert STOPE.step(state, batch).findings == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"limit": 0.0}, "above 0"),
        ({"limit": 1.0, "window": 1.0}, "give a minute to 31 days"),
        ({"limit": 1e6}, "give at most 256"),
        ({"limit": 1.0, "after": -1.0}, "give 0 to a window"),
        ({"limit": 1.0, "measure": "b"}, "give events or energy"),
    ],
)
def test_nonsense_is_refused(parameters: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Activity(**parameters)


@pytest.mark.parametrize("parts", [("blast", "alive"), ("events", "blast"), ("events", "alive", "noise")])
def test_missing_and_unknown_parts_are_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="give events, alive and, where it blasts, blast"):
        STOPE.start(stope(1, parts))
