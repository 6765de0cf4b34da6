"""slope.cluster. Oracle: scipy.spatial.cKDTree and counting by brute force; every pattern of four prisms."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from detectors.detector import Finding, Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.site import read_site
from detectors.slope.cluster import Cluster, largest
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
PLACES = np.array([[0.0, 0, 0], [30, 0, 0], [0, 40, 0], [500, 0, 0]])
"""Three neighbours and one far away."""


def prisms(count: int, places: np.ndarray = PLACES) -> Subjects:
    plain = Subjects.simple(count, unit="1", members=len(places))
    names = [f"@moving/prism-{k}" for k in range(len(places))] * count
    return replace(plain, position=np.tile(places, (count, 1)), input_id=names)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = np.zeros((200, inputs))
    for k in range(1, 200):
        flip = rng.random(inputs) < 0.1
        said[k] = np.where(flip, rng.choice([0.0, 0.0, 1.0, NAN], inputs), said[k - 1])
    return readings(seed, inputs, said, bad=0.02)


SAMPLE = Sample(Cluster(k=2, distance=50.0), prisms, stream)


def fold(detector: Cluster, rows: list[tuple[int, int, float]], until: int, quality: Any = None) -> list[Finding]:
    """Rows are (second, prism, says)."""
    second, member, says = zip(*rows, strict=True)
    time = np.array(second) * SECOND
    batch = Batch.of(until * SECOND, member, time, says, quality=quality)
    return list(detector.step(detector.start(prisms(1)), batch).findings)


def verdict(detector: Cluster, values: tuple[float, ...]) -> Verdict:
    state = detector.start(prisms(1))
    detector.step(state, Batch.of(9, range(4), [0] * 4, values))
    return Verdict(int(state.verdict[0]))


def cluster_by_force(moving: list[int], k: int, distance: float) -> bool:
    if not moving:
        return False
    tree = cKDTree(PLACES[moving])
    return max(len(near) for near in tree.query_ball_point(PLACES[moving], distance)) >= k


@pytest.mark.parametrize(("k", "distance"), [(2, 30.0), (2, 45.0), (2, 60.0), (3, 45.0), (3, 60.0)])
def test_every_pattern_of_moving_still_and_unknown_prisms(k: int, distance: float) -> None:
    detector = Cluster(k=k, distance=distance)
    for values in itertools.product((0.0, 1.0, NAN), repeat=4):
        moving = [j for j, v in enumerate(values) if v == 1]
        possible = [j for j, v in enumerate(values) if v != 0]
        sure, maybe = (cluster_by_force(m, k, distance) for m in (moving, possible))
        expected = Verdict.ACTIVE if sure else Verdict.UNKNOWN if maybe else Verdict.CLEAR
        assert verdict(detector, values) is expected, values


def test_two_that_move_far_apart_are_no_cluster() -> None:
    assert verdict(Cluster(k=2, distance=60.0), (0, 0, 1, 1)) is Verdict.CLEAR


def test_the_reason_names_the_prisms() -> None:
    found = fold(Cluster(k=2, distance=60.0), [(0, 0, 1), (1, 1, 0), (2, 3, 1), (3, 2, 1)], 9)
    assert found[-1].verdict is Verdict.ACTIVE
    assert found[-1].why.numbers["prisms"] == "prism-0, prism-2"
    assert (found[-1].value, found[-1].limit) == (2.0, 2.0)


def test_a_prism_lost_while_it_moves_keeps_the_alarm_and_may_complete_it() -> None:
    rows = [(0, 0, 1.0), (0, 1, 0.0), (0, 2, 0.0), (0, 3, 0.0), (1, 0, NAN), (2, 1, 1.0), (3, 1, NAN)]
    assert [f.verdict for f in fold(Cluster(k=2, distance=60.0), rows, 9)] == [Verdict.CLEAR, Verdict.ACTIVE]


def test_prisms_that_move_one_after_the_other_are_together_within_the_time() -> None:
    rows = [(0, k, 0.0) for k in range(4)] + [(10, 0, 1.0), (20, 0, 0.0), (25, 1, 1.0), (26, 1, 0.0)]
    held = fold(Cluster(k=2, distance=60.0, within=10.0), rows, 60)
    assert [(f.verdict, f.at // SECOND) for f in held] == [
        (Verdict.CLEAR, 0), (Verdict.ACTIVE, 25), (Verdict.CLEAR, 30),
    ]  # fmt: skip
    assert [f.verdict for f in fold(Cluster(k=2, distance=60.0, within=4.0), rows, 60)] == [Verdict.CLEAR]


def test_a_bad_reading_ends_no_movement() -> None:
    rows = [(0, k, float(k < 2)) for k in range(4)] + [(1, 0, 0.0)]
    found = fold(Cluster(k=2, distance=60.0), rows, 9, quality=[0, 0, 0, 0, int(Quality.SKEWED)])
    assert [f.verdict for f in found] == [Verdict.ACTIVE]


def test_the_largest_of_two_clusters_is_named() -> None:
    near = np.array([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 1, 0, 1]], np.bool_)
    assert largest(near, np.ones(5, np.bool_)).tolist() == [2, 3, 4]
    assert largest(near, np.zeros(5, np.bool_)).tolist() == []


def test_a_site_file_gives_verdicts_the_positions_of_their_prisms() -> None:
    sensors = {
        f"prism-{k}": {
            "area": "wall", "quantity": "displacement", "unit": "mm", "noise": 0.8, "position": [30.0 * k, 0.0, 0.0],
        }
        for k in range(3)
    }  # fmt: skip
    moving = {"kind": "slope.velocity", "limit": "10 mm/d", "window": "24h"}
    block = {"kind": "slope.cluster", "of": "@moving/*", "k": 2, "distance": 40.0}
    both = {"priority": "low", "guidance": "Look"}
    site = read_site({
        "site": {"id": "pit", "timezone": "UTC", "simulated": True, "limits": "cn"},
        "sensor": sensors,
        "rule": {
            "moving": {"sensors": ["prism-*"], "detector": moving, **both},
            "block": {"group": "wall", "detector": block, **both},
        },
    })  # fmt: skip
    assert next(r for r in site.rules if r.name == "block").detector.k == 2


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="declares no position"):
        Cluster(k=2, distance=60.0).start(Subjects.simple(1, members=3))
    with pytest.raises(ValueError, match="no more than 1 are within"):
        Cluster(k=2, distance=5.0).start(prisms(1))
    for parameters in ({"k": 1}, {"distance": 0.0}, {"within": -1.0}):
        with pytest.raises(ValueError, match="give"):
            Cluster(**{"k": 2, "distance": 60.0, **parameters})  # type: ignore[arg-type]
