"""A blasting window hides what it shakes, never gas or dust: checked where the site file is read (DESIGN section 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from detectors.feeds import raw_inputs
from detectors.rule import Rule
from detectors.sensor import MOLAR_MASS, Sensor

NEVER = (*MOLAR_MASS, "dust")
"""Quantities whose alarms no window may hide."""


def hidden_by_blasting(rules: Sequence[Rule], sensors: Mapping[str, Sensor]) -> Iterator[tuple[str, str]]:
    """(rule, quantity) of each rule on gas or dust that a blasting window would suppress."""
    windows = {name for name, sensor in sensors.items() if sensor.follows and sensor.follows[0] == "blasting"}
    if not windows:
        return
    pairs = [(rule, subject) for rule in rules for subject in rule.subjects]
    raw = raw_inputs(pairs, {(rule.name, subject.id): k for k, (rule, subject) in enumerate(pairs)}, sensors)
    fed: dict[str, set[str]] = {}
    for (rule, _), names in zip(pairs, raw, strict=True):
        fed.setdefault(rule.name, set()).update(names)
    for rule in rules:
        by = (rule.suppress_when or "").removeprefix("@").partition("/")[0]
        if windows & fed.get(by, set()):
            gases = sorted({sensors[name].quantity for name in fed[rule.name]} & set(NEVER))
            yield from ((rule.name, gas) for gas in gases[:1])
