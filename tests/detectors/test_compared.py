"""The unit in which a rule's value and limit are shown: the one in which they are compared, and no other."""

from __future__ import annotations

import re

import pytest

from dashboards.console.figures import Local
from dashboards.console.words import because
from detectors.detector import Finding, Verdict, catalogue
from detectors.rule import compared_in
from tests.contract import fold, samples

OWN = {
    "health.frozen_network": "1",  # how many are silent, whatever they measure
    "seismic.magnitude": "1",
    "seismic.pick": "1",  # a ratio
    "slope.tangent_angle": "deg",
    "slope.velocity": "mm/d",
    "signal.limit": "mm",
    "gas.mixture": "1",
}
SAMPLES = samples()


def first_alarm(kind: str) -> tuple[Finding, str]:
    """The first ACTIVE finding of a kind's own stream, and the unit in which it is shown."""
    sample = SAMPLES[kind]
    unit = str(sample.subjects(3).unit[0])
    findings = fold(sample, sample.stream(1, 3), 3).findings
    return next(f for f in findings if f.verdict is Verdict.ACTIVE), compared_in(sample.detector, unit)


@pytest.mark.parametrize("kind", OWN)
def test_value_and_limit_are_shown_in_the_unit_they_are_compared_in(kind: str) -> None:
    assert compared_in(catalogue()[kind], "mm") == OWN[kind]


def test_a_count_of_repeats_is_no_limit_in_the_sensors_unit() -> None:
    finding, unit = first_alarm("health.stuck")
    assert finding.limit is None
    words = because({"key": finding.why.key, **finding.why.numbers}, finding.limit, unit, "en", Local("UTC"))
    assert re.search(r"\(more than \d+ times\)$", words)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("seismic.magnitude", r"an event of magnitude 2 or more"),
        ("slope.tangent_angle", r"creep curve at [\d.]+ deg, limit 80; secondary creep [\d.]+ a day"),
    ],
)
def test_the_reason_has_each_number_in_its_own_unit(kind: str, said: str) -> None:
    finding, unit = first_alarm(kind)
    words = because({"key": finding.why.key, **finding.why.numbers}, finding.limit, unit, "en", Local("UTC"))
    assert re.match(said, words), words
