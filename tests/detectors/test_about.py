"""What a detector says about itself is all there, for every kind, and means what the site file's loader does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from detectors.about import REQUIRED, about
from detectors.detector import catalogue
from detectors.document import as_seconds
from detectors.seismic.sta_lta import StaLta
from detectors.slope.inverse_velocity import InverseVelocity
from detectors.slope.velocity import Velocity

KINDS = sorted(catalogue())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_it_finds_what_not_from_where_and_how(kind: str) -> None:
    said = about(catalogue()[kind])
    assert said.kind == kind
    assert said.finds.endswith(".")
    assert "ACTIVE" in said.verdicts
    assert "Cannot find" not in said.constraints
    assert "Source:" not in said.verdicts
    assert said.cannot_find
    assert said.source
    assert f'kind = "{kind}"' in said.sample


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_there_and_required_where_the_class_requires_it(kind: str) -> None:
    cls: Any = catalogue()[kind]
    said = {p.name: p for p in about(cls).parameters}
    assert list(said) == [f.name for f in dataclasses.fields(cls)]
    for field in dataclasses.fields(cls):
        assert (said[field.name].default == REQUIRED) == (field.default is dataclasses.MISSING)


@pytest.mark.parametrize("kind", KINDS)
def test_a_duration_shown_as_a_default_is_the_default_when_it_is_read(kind: str) -> None:
    defaults = {f.name: f.default for f in dataclasses.fields(catalogue()[kind])}
    for one in about(catalogue()[kind]).parameters:
        if one.given == "duration" and one.default not in (REQUIRED, "not set"):
            read = tuple(as_seconds(part) for part in one.default.split(", "))
            default = defaults[one.name]
            assert read == (default if isinstance(default, tuple) else (default,)), one.name


def test_a_parameter_says_unit_words_and_meaning() -> None:
    velocity = {p.name: p for p in about(Velocity).parameters}
    assert velocity["limit"].given == "the sensor's unit/d"
    assert velocity["estimator"].given == '"least_squares", "theil_sen", "savitzky_golay", "kalman"'
    assert velocity["reset"].meaning == "not set: the limit itself."
    spacing = next(p for p in about(InverseVelocity).parameters if p.name == "spacing")
    assert (spacing.given, spacing.meaning[:23]) == ("duration", "time between velocities")
    assert about(StaLta).columns == {"ratio": "1"}
