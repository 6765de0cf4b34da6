"""A rule that breaks on a waveform keeps what it found before, wherever the log is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from detectors.detector import Finding, Outcome, Verdict, Why
from detectors.judge import Judge
from detectors.reading import Batch, Wave
from detectors.seismic.pick import Pick
from detectors.site import read_site
from tests.detectors.test_judge import S, document

GEOPHONE = 3
BREAKS = -1.0


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """A rule on a geophone that is active from a sample of 1 on, and raises an exception at a sample of -1."""

    def step(self: Pick, state: Any, batch: Batch) -> Outcome:
        findings = []
        for wave in batch.waves:
            if np.any(wave.samples == BREAKS):
                raise ZeroDivisionError(f"planted at {wave.arrived // S}")
            verdict = Verdict.ACTIVE if np.any(wave.samples == 1) else Verdict.CLEAR
            if state.verdict[wave.sensor] != verdict:
                state.verdict[wave.sensor] = verdict
                why = Why("seismic.pick.pick")
                findings.append(Finding(wave.arrived, wave.row, wave.sensor, verdict, wave.time, None, None, why))
        return Outcome(findings)

    monkeypatch.setattr(Pick, "step", step)
    plain = document()
    plain["sensor"]["geo"] = {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": 200}
    plain["rule"]["onset"] = {"sensors": ["geo"], "detector": {"kind": "seismic.pick"}, "priority": "low"}
    return Judge(read_site(plain), 0)


def wave(second: int, sample: float, row: int = 0) -> Wave:
    return Wave(row, GEOPHONE, (second - 1) * S, second * S, 200.0, np.full(200, sample))


def told(judge: Judge, batches: Sequence[Batch]) -> list[tuple[float, str, str]]:
    """(s, rule or what broke, what became of it), the coming and going of silence left out."""
    changes = [c for batch in batches for c in judge.step(batch).changes]
    return [(c.now / S, c.sensor if c.rule == "broken" else c.rule, c.change) for c in changes if c.rule != "silent"]


FOUND = [(1, "onset", "watched"), (2, "onset", "raised"), (3, "onset", "broken"), (3, "onset", "raised"), (3, "onset", "unwatched")]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("cuts", [[0, 4], [0, 1, 4], [0, 2, 4], [0, 3, 4], [0, 1, 2, 3, 4]])
def test_a_rule_on_waveforms_alone_finds_what_it_finds_one_by_one(judge: Judge, cuts: list[int]) -> None:
    waves = [wave(1, 0), wave(2, 1), wave(3, BREAKS), wave(4, 0)]
    ends = [waves[end].arrived if end < len(waves) else 5 * S for end in cuts[1:]]
    batches = [Batch.of(until, waves=waves[start:end]) for start, end, until in zip(cuts, cuts[1:], ends, strict=False)]

    assert told(judge, batches) == FOUND


def test_of_readings_between_waveforms_those_before_the_break_count(judge: Judge) -> None:
    waves = [wave(1, 0), wave(2, 1, 1), wave(3, BREAKS, 2), wave(4, 0, 3)]
    at = np.array([1.5, 2.5, 3.5, 4.5]) * S
    batch = Batch.of(5 * S, [GEOPHONE] * 4, at, np.zeros(4), waves=waves)

    assert told(judge, [batch]) == FOUND


def test_a_waveform_that_breaks_at_once_is_told_at_its_place(judge: Judge) -> None:
    assert told(judge, [Batch.of(5 * S, waves=[wave(2, BREAKS), wave(3, 1)])]) == [
        (2, "onset", "broken"), (2, "onset", "raised"),
    ]  # fmt: skip


def test_the_first_of_two_that_break_is_the_one_that_is_named(judge: Judge) -> None:
    batch = Batch.of(9 * S, waves=[wave(2, 0), wave(3, BREAKS), wave(4, BREAKS)])

    whys = [dict(c.why.numbers) for c in judge.step(batch).changes if c.change == "broken"]

    assert whys == [{"error": "ZeroDivisionError: planted at 3"}]
