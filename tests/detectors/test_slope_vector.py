"""slope.vector. Oracle: numpy.linalg.norm and scalar products; the compass for directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.detector import Outcome, Subjects, Verdict
from detectors.epochs import OWN, PARTS, REFERENCE
from detectors.reading import Batch, Quality
from detectors.slope.vector import Vector, direction
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

HOUR = 3600
BEGIN = 1_700_000_000


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(300)[:, None]
    values = rng.normal(0, 0.3, (300, inputs))
    own = np.arange(inputs) % 7 < 3
    away = np.clip(step - 60, 0, 90) - np.clip(step - 200, 0, 80)
    values = values + np.where(own, 1000.0 + away + np.where(step >= 100, 37.0, 0.0), 500.0)
    values = np.where(np.arange(inputs) % 7 == 6, (step >= 100) & (step < 104), values)
    return readings(seed, inputs, values.astype(np.float64), every=HOUR * SECOND, bad=0.03, gap=(260, 290))


SAMPLE = Sample(
    Vector(limit=60.0, reset=50.0, dip=(45, 10), sight=(180, -5)),
    lambda n: Subjects.simple(n, unit="mm", noise=0.3, members=7, parts=PARTS),
    stream,
)


def fold(detector: Vector, epochs: np.ndarray, parts: tuple[str, ...] = OWN, **more: object) -> Outcome:
    """Epochs (steps, parts), hourly, the parts read one minute after another. NaN is not read."""
    steps, members = epochs.shape
    subjects = Subjects.simple(1, unit="mm", members=members, parts=parts, **more)  # type: ignore[arg-type]
    step, member = np.divmod(np.arange(steps * members), members)
    read = np.isfinite(epochs.reshape(-1))
    time = (BEGIN + HOUR * step + 60 * member)[read] * SECOND
    batch = Batch.of(int(time[-1]) + 1, member[read], time, epochs.reshape(-1)[read])
    return detector.step(detector.start(subjects), batch)


def columns(outcome: Outcome) -> dict[str, np.ndarray]:
    return {c.name: c.value for c in outcome.columns}


@pytest.mark.parametrize(
    ("azimuth", "plunge", "unit"),
    [
        (0, 0, (1, 0, 0)), (90, 0, (0, 1, 0)), (180, 0, (-1, 0, 0)), (0, 90, (0, 0, -1)),
        (270, -90, (0, 0, 1)), (45, 0, (0.5**0.5, 0.5**0.5, 0)),
    ],
)  # fmt: skip
def test_directions_are_those_of_the_compass(azimuth: float, plunge: float, unit: tuple[float, ...]) -> None:
    assert direction(azimuth, plunge) == pytest.approx(unit, abs=1e-12)


def test_its_measures_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    epochs = np.array([7000.0, -300, 120]) + rng.normal(0, 20, (50, 3)).cumsum(axis=0)
    got = columns(fold(Vector(limit=1e6, dip=(135, 40), sight=(300, -12)), epochs))
    moved = epochs - epochs[0]
    assert got["total"] == pytest.approx(np.linalg.norm(moved, axis=1), rel=1e-12)
    for name, line in (("along_dip", (135, 40)), ("along_sight", (300, -12))):
        a, p = np.radians(line)
        unit = np.array([np.cos(p) * np.cos(a), np.cos(p) * np.sin(a), -np.sin(p)])
        assert got[name] == pytest.approx((moved * unit).sum(axis=1), rel=1e-9, abs=1e-9)


def test_a_declared_datum_counts_from_the_first_epoch_on() -> None:
    outcome = fold(Vector(limit=5.0, datum=(100.0, 0.0, 0.0)), np.array([[103.0, 4, 0], [100, 0, 0]]))
    assert columns(outcome)["total"] == pytest.approx([5.0, 0.0])
    assert [f.verdict for f in outcome.findings] == [Verdict.ACTIVE, Verdict.CLEAR]
    assert outcome.findings[0].why.numbers == {"north": 3.0, "east": 4.0, "up": 0.0}


def test_what_is_judged_is_what_is_measured_along() -> None:
    epochs = np.array([[0.0, 0, 0], [0, 0, -30]])
    assert [f.verdict for f in fold(Vector(limit=20.0, measure="dip", dip=(90, 80)), epochs).findings][
        -1
    ] is Verdict.ACTIVE
    assert [f.verdict for f in fold(Vector(limit=20.0, measure="dip", dip=(90, 0)), epochs).findings] == [Verdict.CLEAR]
    seen = fold(Vector(limit=20.0, measure="sight", sight=(0, -80)), epochs)
    assert [f.verdict for f in seen.findings] == [Verdict.CLEAR]


def test_a_replaced_prism_goes_on_from_its_last_displacement() -> None:
    epochs = np.zeros((8, 4))
    epochs[:, 0] = [0, 10, 20, 30, 540, 550, 560, 570]
    epochs[:, 3] = [0, 0, 0, 1, 0, 0, 0, 0]
    outcome = fold(Vector(limit=100.0), epochs, (*OWN, "rezero"))
    assert columns(outcome)["total"] == pytest.approx([0, 10, 20, 30, 30, 40, 50, 60])
    epochs[:, 3] = 0
    jumped = fold(Vector(limit=100.0), epochs, (*OWN, "rezero"))
    assert jumped.findings[-1].verdict is Verdict.ACTIVE


def test_what_the_reference_prism_moves_is_taken_off() -> None:
    rng = np.random.default_rng(2)
    shake = rng.normal(0, 30, (40, 3))
    own, reference = np.array([1.0, 2, 3]) * np.arange(40)[:, None] + shake, 9.0 + shake
    got = columns(fold(Vector(limit=1e6), np.hstack((own, reference)), (*OWN, *REFERENCE)))
    expected = np.sqrt(14.0) * np.arange(40)
    assert got["total"][1:] == pytest.approx(expected[-len(got["total"]) + 1 :], rel=1e-9)


def test_without_its_reference_nothing_is_said_and_it_is_not_zero() -> None:
    epochs = np.zeros((6, 6))
    epochs[3:, 3] = np.nan
    outcome = fold(Vector(limit=10.0), epochs, (*OWN, *REFERENCE))
    assert len(columns(outcome)["total"]) == 3


def test_an_epoch_needs_all_three_parts_anew_and_together() -> None:
    epochs = np.zeros((6, 3))
    epochs[2, 1] = epochs[4, 2] = np.nan
    assert len(columns(fold(Vector(limit=10.0), epochs))["total"]) == 4
    assert not fold(Vector(limit=10.0, together=30.0), epochs).columns


def test_a_bad_or_late_part_completes_nothing() -> None:
    detector, time = Vector(limit=10.0), np.array([0, 1, 2, 100, 101, 102, 1]) * SECOND
    subjects = Subjects.simple(1, unit="mm", members=3, parts=OWN)
    quality = [0, 0, 0, 0, 0, int(Quality.OUT_OF_SPAN), 0]
    batch = Batch.of(999 * SECOND, [0, 1, 2, 0, 1, 2, 2], time, [0.0, 0, 0, 50, 50, 50, 50], quality=quality)
    outcome = detector.step(detector.start(subjects), batch)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR]


def test_noise_that_hides_the_limit_is_unknown_and_what_is_above_both_alarms() -> None:
    epochs = np.zeros((4, 3))
    epochs[2:, 0] = [15.0, 50.0]
    outcome = fold(Vector(limit=10.0), epochs, noise=5.0)
    assert [f.verdict for f in outcome.findings] == [Verdict.ACTIVE]
    assert outcome.findings[0].value == 50.0


def test_a_displacement_that_is_not_renewed_is_no_longer_clear() -> None:
    detector = Vector(limit=10.0, stale=7200.0)
    state = detector.start(Subjects.simple(1, unit="mm", members=3, parts=OWN))
    first = detector.step(state, Batch.of(10 * SECOND, [0, 1, 2], np.arange(3) * SECOND, [0.0, 0, 0]))
    later = detector.step(state, Batch.of(8000 * SECOND))
    assert [f.verdict for f in (*first.findings, *later.findings)] == [Verdict.CLEAR, Verdict.UNKNOWN]
    assert later.findings[0].at == 7202 * SECOND


@pytest.mark.parametrize("parts", [("north", "east"), (*OWN, "ref_up"), (*OWN, "north"), ("north", "east", "height")])
def test_parts_that_do_not_make_a_prism_are_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="give"):
        Vector(limit=10.0).start(Subjects.simple(1, unit="mm", members=len(parts), parts=parts))


def test_parts_in_two_units_are_refused() -> None:
    subjects = Subjects.simple(1, unit="mm", members=3, parts=OWN)
    with pytest.raises(ValueError, match="give all in one unit"):
        Vector(limit=10.0).start(replace(subjects, input_unit=["mm", "mm", "m"]))


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 0.0}, {"reset": 20.0}, {"dip": (45,)}, {"sight": (400, 0)}, {"measure": "dip"}, {"measure": "up"},
        {"datum": (1.0, 2.0)}, {"together": -1.0}, {"stale": 1.0},
    ],
)  # fmt: skip
def test_nonsense_is_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give"):
        Vector(**{"limit": 10.0, **parameters})  # type: ignore[arg-type]
