"""Every detector of the catalogue keeps the contract."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Detector, Verdict, catalogue
from detectors.reading import Batch
from detectors.state import arrays_of, size_of, take
from tests.contract import SMALL, Sample, alternates, fold, of_subject, run, samples, stored
from tests.strategies import SECOND, cut, cuts

COUNT = 3
KINDS = sorted(catalogue())
ENDS_BY_TIME = ("network.vote", "network.common_cause", "network.compound", "seismic.activity", "seismic.location")
"""What time alone may end, once good readings have ended its parts (a held vote, a coincidence that has passed), or
while a part proves that the source lives (events that leave the window), or once it was waited for more good ones (an
event that a station missed)."""
SIGNS_OF_LIFE = ("health.silent", "health.frozen_network")
"""What any reading ends, good or bad."""


@pytest.fixture(scope="module")
def known() -> Mapping[str, Sample]:
    return samples()


@pytest.fixture(params=KINDS)
def sample(request: pytest.FixtureRequest, known: Mapping[str, Sample]) -> Sample:
    return known[request.param]


def stream_of(sample: Sample, seed: int, count: int = COUNT) -> Any:
    return sample.stream(seed, sample.subjects(count).inputs)


def test_is_a_detector(sample: Sample) -> None:
    assert isinstance(sample.detector, Detector)
    assert isinstance(sample.detector.columns, Mapping)
    assert sample.detector.__class__ is catalogue()[sample.detector.kind]


def test_starts_with_every_verdict_unknown_and_says_nothing_about_nothing(sample: Sample) -> None:
    state = sample.detector.start(sample.subjects(COUNT))
    assert state.verdict.dtype == np.int8
    assert state.verdict.tolist() == [Verdict.UNKNOWN] * COUNT
    assert run(sample.detector, state, cut(stream_of(sample, 0).head(0))).findings == []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_cut_anywhere_and_ticked_anywhere_it_says_the_same(kind: str, data: st.DataObject) -> None:
    sample = samples()[kind]
    stream = stream_of(sample, data.draw(st.integers(0, 3), label="seed"))
    places, ticks = data.draw(cuts(len(stream)), label="cuts")
    assert fold(sample, stream, COUNT, places, ticks).text() == fold(sample, stream, COUNT).text()


def test_one_by_one_it_says_the_same(sample: Sample) -> None:
    stream = stream_of(sample, 5).head(400)
    every = range(len(stream))
    assert fold(sample, stream, COUNT, every, every).text() == fold(sample, stream, COUNT).text()


def test_subjects_are_independent(sample: Sample) -> None:
    subjects = sample.subjects(COUNT)
    stream = stream_of(sample, 1)
    together = fold(sample, stream, COUNT)
    for subject in range(COUNT):
        own = np.flatnonzero(subjects.owner == subject).tolist()
        alone = fold(sample, stream.only(own), 1)
        assert of_subject(alone, 0).text() == of_subject(together, subject).text()


def test_findings_alternate_and_come_in_order(sample: Sample) -> None:
    findings = fold(sample, stream_of(sample, 2), COUNT).findings
    assert alternates(findings, COUNT)
    keys = [(f.at, f.row, f.subject) for f in findings]
    assert keys == sorted(keys)


def test_an_active_verdict_never_becomes_unknown(sample: Sample) -> None:
    stream = (sample.long or sample.stream)(14, sample.subjects(COUNT).inputs)
    last = dict.fromkeys(range(COUNT), Verdict.UNKNOWN)
    for finding in fold(sample, stream, COUNT).findings:
        assert (last[finding.subject], finding.verdict) != (Verdict.ACTIVE, Verdict.UNKNOWN)
        last[finding.subject] = finding.verdict


def test_why_names_the_detector(sample: Sample) -> None:
    for finding in fold(sample, stream_of(sample, 2), COUNT).findings:
        assert finding.why.key.startswith(sample.detector.kind + ".")


def test_a_bad_reading_never_turns_a_finding_false(sample: Sample) -> None:
    stream = stream_of(sample, 3)
    bad = {k for k in range(len(stream.sensor)) if stream.quality[k]} if not stream.waves else set()
    allowed = int(sample.detector.feeds_on) if sample.detector.kind.startswith("health.") else 0
    number = {k: k for k in range(len(stream.sensor))}
    for finding in fold(sample, stream, COUNT).findings:
        if finding.verdict is Verdict.CLEAR and finding.row in number and finding.row in bad:
            assert not int(stream.quality[finding.row]) & ~allowed


def test_only_bad_readings_leave_an_active_verdict_standing(sample: Sample) -> None:
    kind = sample.detector.kind
    if kind in SIGNS_OF_LIFE:
        pytest.skip("any sign of life ends silence")
    stream = (sample.long or sample.stream)(4, sample.subjects(COUNT).inputs)
    state = sample.detector.start(sample.subjects(COUNT))
    for batch in cut(stream, range(0, len(stream), 7)):
        active = np.flatnonzero(state.verdict == Verdict.ACTIVE)
        if len(active) and len(batch) and batch.value.size:
            spoilt = type(batch)(
                batch.until, batch.sensor, batch.time, batch.arrived, np.full(len(batch), np.nan),
                np.full(len(batch), 1, np.uint8), batch.row,
            )  # fmt: skip
            stands, ticked = (
                trial(sample.detector, state, other).verdict[active] == Verdict.ACTIVE
                for other in (spoilt, Batch.of(batch.until))
            )
            assert stands[ticked].all()
            assert ticked.all() or kind in ENDS_BY_TIME
        sample.detector.step(state, batch)


def trial(detector: Any, state: Any, batch: Batch) -> Any:
    """The state after a batch that is only tried."""
    copy = type(state)(**{**vars_of(state), **{name: array.copy() for name, array in arrays_of(state).items()}})
    detector.step(copy, batch)
    return copy


def vars_of(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__dataclass_fields__}


def test_snapshot_and_restart_lose_nothing(sample: Sample) -> None:
    stream = stream_of(sample, 6)
    batches = cut(stream, range(0, len(stream), 11))
    subjects, detector = sample.subjects(COUNT), sample.detector
    straight = run(detector, detector.start(subjects), batches)
    half = len(batches) // 2
    state = detector.start(subjects)
    halting = run(detector, state, batches[:half])
    for batch in batches[half:]:
        state = stored(detector, state, subjects)
        halting.add(detector.step(state, batch))
    assert halting.text() == straight.text()


def test_reindexing_by_subject_loses_nothing(sample: Sample) -> None:
    stream, detector = stream_of(sample, 7), sample.detector
    subjects = sample.subjects(COUNT)
    batches = cut(stream, range(0, len(stream), 13))
    half = len(batches) // 2
    state = detector.start(subjects)
    run(detector, state, batches[:half])
    order = np.array([2, -1, 0], np.intp)
    moved = take(state, order, subjects, detector.start(permuted(subjects, order)))
    assert moved.verdict.tolist() == [state.verdict[2], Verdict.UNKNOWN, state.verdict[0]]
    rest = run(detector, state, batches[half:])
    again = run(detector, moved, [renumbered(b, subjects, order) for b in batches[half:]])
    for new, old in ((0, 2), (2, 0)):
        assert of_subject(again, new).text() == of_subject(rest, old).text()


def permuted(subjects: Any, order: Any) -> Any:
    """The subjects in another order; where that is -1, a new one with inputs of its own."""
    members = subjects.inputs // len(subjects)
    ids = list(subjects.input_id)
    named = [ids[o * members + m] if o >= 0 else f"new.{m}" for o in order.tolist() for m in range(members)]
    return type(subjects)(**{**vars_of(subjects), "input_id": named})


def renumbered(batch: Any, subjects: Any, order: Any) -> Any:
    members = subjects.inputs // len(subjects)
    place = {int(o) * members + m: k * members + m for k, o in enumerate(order) if o >= 0 for m in range(members)}
    keep = np.array([k for k, s in enumerate(batch.sensor.tolist()) if s in place], np.intp)
    sensor = np.array([place[int(batch.sensor[k])] for k in keep], np.intp)
    waves = tuple(replaced(w, place[w.sensor]) for w in batch.waves if w.sensor in place)
    return type(batch)(
        batch.until, sensor, batch.time[keep], batch.arrived[keep], batch.value[keep], batch.quality[keep],
        batch.row[keep], waves,
    )  # fmt: skip


def replaced(wave: Any, sensor: int) -> Any:
    return type(wave)(wave.row, sensor, wave.time, wave.arrived, wave.rate, wave.samples, wave.quality)


def test_memory_is_bounded_and_no_lists(sample: Sample) -> None:
    state = sample.detector.start(sample.subjects(COUNT))
    before = size_of(state)
    run(sample.detector, state, cut(stream_of(sample, 8)))
    assert size_of(state) == before
    assert before <= SMALL * COUNT
    for array in arrays_of(state).values():
        assert array.dtype != object


def test_a_shift_of_time_changes_nothing_but_times(sample: Sample) -> None:
    by = int(getattr(sample.detector, "period", 1)) * 1009
    stream = stream_of(sample, 9)
    plain = fold(sample, stream, COUNT)
    shifted = run(sample.detector, sample.detector.start(moved_by(sample.subjects(COUNT), by)), cut(stream.shifted(by)))
    assert [(f.at + by, f.row, f.subject, f.verdict, f.value, f.limit) for f in plain.findings] == [
        (f.at, f.row, f.subject, f.verdict, f.value, f.limit) for f in shifted.findings
    ]
    assert plain.columns.keys() == shifted.columns.keys()
    for name, rows in plain.columns.items():
        for (s, t, a, v, q), other in zip(rows, shifted.columns[name], strict=True):
            assert (s, t + by, a + by, q) == (*other[:3], other[4])
            moved = v + by / SECOND if name in sample.instants else v
            assert math.isclose(moved, other[3], rel_tol=1e-12) if name in sample.instants else same(moved, other[3])


def moved_by(subjects: Any, by: int) -> Any:
    return type(subjects)(**{**vars_of(subjects), "first_seen": subjects.first_seen + by})


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def test_it_is_causal(sample: Sample) -> None:
    stream = stream_of(sample, 10)
    whole = fold(sample, stream, COUNT)
    for share in (0.3, 0.6, 0.9):
        head = stream.head(int(len(stream) * share))
        early = fold(sample, head, COUNT)
        assert repr(whole.findings[: len(early.findings)]) == repr(early.findings)
        for name, rows in early.columns.items():
            assert repr(whole.columns[name][: len(rows)]) == repr(rows)


def test_no_number_leaves_unmarked(sample: Sample) -> None:
    said = fold(sample, stream_of(sample, 11), COUNT)
    assert set(said.columns) <= set(sample.detector.columns)
    for rows in said.columns.values():
        for *_, value, quality in rows:
            assert math.isfinite(value) or (math.isnan(value) and quality & 1)
    for finding in said.findings:
        assert finding.value is None or math.isfinite(finding.value)
        for number in finding.why.numbers.values():
            assert isinstance(number, str) or math.isfinite(number)


def test_the_long_stream_wakes_it_up(sample: Sample) -> None:
    stream = (sample.long or sample.stream)(12, sample.subjects(COUNT).inputs)
    seen = {f.verdict for f in fold(sample, stream, COUNT).findings}
    assert {Verdict.ACTIVE, Verdict.CLEAR} <= seen


def test_every_column_is_seen(sample: Sample) -> None:
    stream = (sample.long or sample.stream)(12, sample.subjects(COUNT).inputs)
    assert set(fold(sample, stream, COUNT).columns) == set(sample.detector.columns)


def test_two_hash_seeds_say_the_same() -> None:
    program = (
        "from tests.contract import samples, fold\n"
        "import hashlib\n"
        "for kind, s in samples().items():\n"
        "    said = fold(s, s.stream(13, s.subjects(3).inputs), 3).text()\n"
        "    print(kind, hashlib.sha256(said.encode()).hexdigest())\n"
    )
    root = Path(__file__).resolve().parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4242")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == len(KINDS)
