"""What every detector must keep, whatever it detects (DESIGN section 5). Run on all of the catalogue.

A detector's own test module, tests/detectors/test_<family>_<name>.py, declares `SAMPLE`: parameters, subjects and a
seeded stream that wakes it up. Everything here follows from those.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np

from detectors.detector import Finding, Outcome, Subjects, Verdict, catalogue
from detectors.reading import Batch
from detectors.state import arrays_of, restore
from tests.strategies import Stream, cut

SMALL = 16_384
"""Bytes a subject may keep."""


@dataclass(frozen=True)
class Sample:
    """How to exercise one detector."""

    detector: Any
    subjects: Callable[[int], Subjects]
    """Subjects of a given number, all alike."""
    stream: Callable[[int, int], Stream]
    """(seed, inputs) -> a short stream with trouble in it, which makes findings."""
    long: Callable[[int, int], Stream] | None = None
    """(seed, inputs) -> the long stream that must wake it up; the short one if None."""
    instants: Sequence[str] = field(default=())
    """Columns whose values are times (s since 1970) and so shift with the stream."""


@dataclass
class Said:
    """Everything a detector said, in the order it said it."""

    findings: list[Finding] = field(default_factory=list)
    columns: dict[str, list[tuple[int, int, int, float, int]]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.findings.extend(outcome.findings)
        for c in outcome.columns:
            arrays = (c.subject, c.time, c.arrived, c.value, c.quality)
            self.columns.setdefault(c.name, []).extend(zip(*(a.tolist() for a in arrays), strict=True))

    def text(self) -> str:
        """Comparable to the last bit (repr of a float is exact, and NaN equals NaN)."""
        return repr(self.findings) + repr(sorted(self.columns.items()))


def samples() -> dict[str, Sample]:
    """Every kind of the catalogue with its sample. Raises AttributeError where a test module declares none."""
    found = {}
    for kind in catalogue():
        family, name = kind.split(".")
        found[kind] = import_module(f"tests.detectors.test_{family}_{name}").SAMPLE
    return found


def run(detector: Any, state: Any, batches: Sequence[Batch]) -> Said:
    """Fold all batches."""
    said = Said()
    for batch in batches:
        said.add(detector.step(state, batch))
    return said


def fold(sample: Sample, stream: Stream, count: int, places: Sequence[int] = (), ticks: Sequence[int] = ()) -> Said:
    """A fresh detector over the whole stream."""
    return run(sample.detector, sample.detector.start(sample.subjects(count)), cut(stream, places, ticks))


def of_subject(said: Said, subject: int) -> Said:
    """What was said about one subject, as if it were subject 0; `row` aside, which counts all readings."""
    findings = [replace(f, subject=0, row=0) for f in said.findings if f.subject == subject]
    columns = {n: [(0, *r[1:]) for r in rows if r[0] == subject] for n, rows in said.columns.items()}
    return Said(findings, {n: rows for n, rows in columns.items() if rows})


def stored(detector: Any, state: Any, subjects: Subjects) -> Any:
    """The state after a trip through an npz file."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays_of(state))
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return restore(detector.start(subjects), dict(arrays))


def alternates(findings: Sequence[Finding], subjects: int) -> bool:
    """Each finding of a subject differs from the one before; the first differs from unknown."""
    last = [Verdict.UNKNOWN] * subjects
    for f in findings:
        if f.verdict is last[f.subject]:
            return False
        last[f.subject] = f.verdict
    return True
