"""Instruments by kind: what a scenario's [instrument] table may say of how a sensor's device errs.

Constraints. Figures are what instruments of the kind usually do (docs/simulators.md says which are published, which
recalled); what a site file declares of a sensor (noise, quantum, span) goes before a kind's, and what the scenario
says itself before both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from detectors.sensor import Sensor
from simulators.instrument import Habit

KINDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "total_station": (("displacement",), {"noise": 1.0, "daily": 0.6, "wander": 0.7, "wander_correlation": 10_800,
                                          "outliers": 0.002}),
    "gnss": (("displacement",), {"noise": 1.5, "daily": 0.4, "wander": 2.0, "wander_correlation": 21_600,
                                 "outliers": 0.001}),
    "radar": (("displacement",), {"noise": 0.1, "daily": 0.1, "wander": 0.12, "wander_correlation": 2_400}),
    "extensometer": (("displacement",), {"noise": 0.02, "daily": 0.08, "wander": 0.0}),
    "catalytic": (("methane",), {"noise": 0.01, "correlation": 20, "t90": 15, "drift": 0.003}),
    "infrared": (("methane", "co2"), {"noise": 0.01, "correlation": 20, "t90": 20, "drift": 0.0005}),
    "electrochemical": (("co", "h2s", "no2", "o2"), {"correlation": 60, "t90": 30}),
    "photometer": (("dust",), {"noise": 0.05, "correlation": 10, "t90": 2, "wander": 0.05}),
}  # fmt: skip
"""kind: (quantities it measures, what its habit changes)"""
WORDS = tuple(field.name for field in fields(Habit))


def habit_of(sensor: Sensor, habit: Habit, words: Mapping[str, Any]) -> tuple[Sensor, Habit]:
    """The sensor and its habit as an [instrument] entry has them. Raises ValueError."""
    kind = words.get("kind")
    changes: Mapping[str, Any] = {}
    if kind is not None:
        if kind not in KINDS:
            raise ValueError(f"found kind {kind!r}, allowed: {', '.join(KINDS)}")
        quantities, changes = KINDS[kind]
        if sensor.quantity not in quantities:
            raise ValueError(f"found kind {kind!r} on {sensor.quantity}, allowed on: {', '.join(quantities)}")
    own = {name: _value(name, value) for name, value in words.items() if name != "kind"}
    made = replace(habit, **{**changes, **own})
    return replace(sensor, noise=own["noise"]) if "noise" in own else sensor, made


def channel_of(sensor: Sensor, words: Mapping[str, Any]) -> Sensor:
    """A channel of samples as an [instrument] entry has it: only its noise can be said. Raises ValueError."""
    if odd := sorted(set(words) - {"noise"}):
        raise ValueError(f"found {', '.join(odd)} on a sensor with a rate, allowed: noise")
    return replace(sensor, noise=_value("noise", words["noise"])) if words else sensor


def _value(name: str, value: Any) -> Any:
    if name not in WORDS:
        near = get_close_matches(name, WORDS, 1)
        raise ValueError(f"found {name!r}, allowed: kind, {', '.join(WORDS)}" + (f"; near: {near[0]}" if near else ""))
    pair = isinstance(value, list | tuple) and len(value) == 2
    numbers = value if pair else [value]
    if (name == "level") != pair or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers):
        raise ValueError(f"{name}: found {value!r}, allowed: {'[low, high]' if name == 'level' else 'a number'}")
    return tuple(map(float, numbers)) if pair else float(value)
