"""gas.mixture. Oracle: arithmetic of 29 CFR 1910.1000(d)(2)(i), whose own example is 500/1000 + 45/200 + 40/200."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.detector import Outcome, Subjects, Verdict
from detectors.gas.mixture import Mixture
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

TWO = Mixture(limits=("co 25 ppm", "h2s 1 ppm"), reset=0.9)


def groups(count: int) -> Subjects:
    return Subjects.simple(count, unit="ppm", interval=1.0, members=2, parts=("co", "h2s"))


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    scale = np.resize([14.0, 0.5], inputs)
    return readings(seed, inputs, np.abs(rng.normal(1.0, 0.3, (200, inputs))) * scale, gap=(80, 90))


SAMPLE = Sample(TWO, groups, stream)


def said(
    detector: Mixture, rows: list[tuple[Any, ...]], until: float = 0.0, parts: tuple[str, ...] = ("co", "h2s")
) -> Outcome:
    """Rows are (second, member, value[, quality])."""
    subjects = Subjects.simple(1, unit="ppm", interval=10.0, members=len(parts), parts=parts)
    times = [round(r[0] * SECOND) for r in rows]
    quality = [int(r[3]) if len(r) > 3 else 0 for r in rows]
    seen = max(times[-1] + 1, round(until * SECOND))
    batch = Batch.of(seen, [r[1] for r in rows], times, [r[2] for r in rows], quality=quality)
    return detector.step(detector.start(subjects), batch)


def test_the_regulations_own_example() -> None:
    """500 of 1000, 45 of 200 and 40 of 200 ppm are 0.925: within the limit."""
    detector = Mixture(limits=("b 1000 ppm", "c 200 ppm", "d 200 ppm"))
    outcome = said(detector, [(1, 0, 500.0), (2, 1, 45.0), (3, 2, 40.0)], parts=("b", "c", "d"))
    assert outcome.columns[0].value.tolist() == pytest.approx([0.925])
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR]


def test_two_gases_below_their_limits_alarm_together() -> None:
    (clear, active) = said(TWO, [(1, 0, 10.0), (2, 1, 0.3), (3, 1, 0.6)]).findings
    assert (clear.verdict, clear.value) == (Verdict.CLEAR, pytest.approx(0.7))
    assert (active.verdict, active.value, active.why.numbers["most"]) == (Verdict.ACTIVE, pytest.approx(1.0), "h2s")


def test_one_known_member_may_raise_and_only_both_clear() -> None:
    findings = said(TWO, [(1, 0, 26.0), (2, 0, 1.0), (3, 1, 0.1)]).findings
    assert [(f.time // SECOND, f.verdict) for f in findings] == [(1, Verdict.ACTIVE), (3, Verdict.CLEAR)]


def test_a_member_that_falls_silent_makes_it_unknown_and_never_ends_an_alarm() -> None:
    quiet = said(TWO, [(1, 0, 1.0), (2, 1, 0.1), (20, 1, 0.1)], until=99).findings
    assert [(f.at // SECOND, f.verdict) for f in quiet] == [(2, Verdict.CLEAR), (31, Verdict.UNKNOWN)]
    loud = said(TWO, [(1, 0, 26.0), (2, 1, 0.1), (50, 1, 0.0)], until=99).findings
    assert [f.verdict for f in loud] == [Verdict.ACTIVE]


@pytest.mark.parametrize("quality", [Quality.LATE, Quality.OUT_OF_SPAN, Quality.CONFLICT])
def test_a_doubtful_peak_raises_and_is_not_remembered(quality: Quality) -> None:
    findings = said(TWO, [(1, 0, 1.0), (2, 1, 0.1), (3, 0, 99.0, quality), (4, 0, 1.0)]).findings
    assert [(f.time // SECOND, f.verdict) for f in findings] == [
        (2, Verdict.CLEAR),
        (3, Verdict.ACTIVE),
        (4, Verdict.CLEAR),
    ]


def test_a_negative_value_takes_nothing_away() -> None:
    assert said(TWO, [(1, 0, -50.0), (2, 1, 1.0)]).findings[0].value == pytest.approx(1.0)


def test_own_units_are_converted() -> None:
    outcome = said(Mixture(limits=("co 0.0025 %vol", "h2s 1000 ppb")), [(1, 0, 12.5), (2, 1, 0.25)])
    assert outcome.columns[0].value.tolist() == pytest.approx([0.75])


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (("co 25 ppm",), "part 'h2s'; give it a limit"),
        (("co 25 ppm", "h2s 1 ppm", "so2 2 ppm"), "give parts of the group"),
        (("co 25 mg/m3", "h2s 1 ppm"), "give it in ppm"),
    ],
)
def test_limits_that_do_not_fit_the_group_are_refused(limits: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Mixture(limits=limits).start(groups(1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": ()},
        {"limits": ("co",)},
        {"limits": ("co 25 ppm", "co 30 ppm")},
        {"limits": ("co 0 ppm",)},
        {"limits": ("co 25 ppm",), "limit": 0.0},
        {"limits": ("co 25 ppm",), "reset": 2.0},
        {"limits": ("co 25 ppm",), "max_hold": 0.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Mixture(**wrong)
