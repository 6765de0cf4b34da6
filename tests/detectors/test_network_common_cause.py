"""network.common_cause. Oracle: counting distinct sensors in every window of a random flood, by a plain loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.network.common_cause import CommonCause
from detectors.reading import Batch
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = CommonCause(k=3, within=10.0)
NAMES = [f"@{rule}/s{k}" for k in range(4) for rule in ("warn", "cut")]


def subjects(count: int) -> Subjects:
    return replace(Subjects.simple(count, unit="1", members=8), input_id=NAMES * count)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = np.zeros((200, inputs))
    for k in range(1, 200):
        flip = rng.random(inputs) < (0.3 if 80 <= k < 85 else 0.01)
        said[k] = np.where(flip, rng.choice([0.0, 1.0], inputs), said[k - 1])
    said[120:] = 0.0
    return readings(seed, inputs, said, bad=0.02)


SAMPLE = Sample(DETECTOR, subjects, stream)


def told(onsets: list[tuple[float, int]]) -> list[Any]:
    state = DETECTOR.start(subjects(1))
    DETECTOR.step(state, Batch.of(0, range(8), [0] * 8, np.zeros(8)))
    times = np.rint(np.array([t for t, _ in onsets]) * SECOND).astype(np.int64)
    batch = Batch.of(10**15, [m for _, m in onsets], times, np.ones(len(onsets)))
    return [f for f in DETECTOR.step(state, batch).findings if f.verdict is Verdict.ACTIVE]


def test_it_counts_sensors_in_every_window() -> None:
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(200):
        members = rng.permutation(8)[:6]
        onsets = sorted((float(t), int(m)) for t, m in zip(rng.uniform(0, 40, 6), members, strict=True))
        ends = [t for t, _ in onsets if len({m // 2 for u, m in onsets if t - 10 <= u <= t}) >= 3]
        found = told(onsets)
        assert [f.at for f in found] == [round(t * SECOND) for t in ends[:1]]
        seen.append(bool(ends))
    assert 0.2 < np.mean(seen) < 0.9


def test_two_rules_of_one_sensor_are_one() -> None:
    assert told([(1, 0), (2, 1), (3, 2), (4, 3)]) == []
    assert len(told([(1, 0), (2, 1), (3, 2), (4, 4)])) == 1


def test_it_names_the_first_and_all_in_order() -> None:
    found = told([(1, 6), (3, 0), (4, 3)])[0]
    assert found.why.key == "network.common_cause.together"
    assert found.why.numbers == {"votes": 3, "seconds": 3.0, "members": "warn/s3, warn/s0, cut/s1", "first": "warn/s3"}
    assert (found.value, found.limit) == (3.0, 3.0)


@pytest.mark.parametrize("parameters", [{"k": 2}, {"within": 0.0}, {"within": 1e6}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        CommonCause(**parameters)


def test_a_group_of_too_few_sensors_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has 4 sensors, give"):
        CommonCause(k=5).start(subjects(1))
