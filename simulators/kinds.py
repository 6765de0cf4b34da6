"""The kinds of events and faults that a scenario may name, and how their parameters are read.

Constraints. A kind's parameters are the fields of its class, so class, scenario and docs/simulators.md cannot differ
(a test reads all three). Every mistake says what was found and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from math import inf
from typing import Any

from detectors.units import UnitError, duration_ns
from simulators import (
    air,
    dust,
    faults,
    gas,
    heating,
    link,
    movement,
    pressure,
    shaking,
    slope,
    ventilation,
    voight,
    weather,
)
from simulators.event import Event
from simulators.faults import Fault
from simulators.instrument import SECOND
from simulators.shaking import Ground

EVENTS: Mapping[str, type[Event]] = {
    "plume": gas.Plume,
    "fan_failure": air.FanFailure,
    "ventilation": air.Ventilation,
    "outburst": air.Outburst,
    "heating": heating.Heating,
    "pressure_fall": pressure.PressureFall,
    "weather": pressure.Weather,
    "cloud": dust.Cloud,
    "dusting": dust.Dusting,
    "sprays": dust.Sprays,
    "raised_deposits": dust.RaisedDeposits,
    "switch": ventilation.Switch,
    "moving": movement.Moving,
    "regressive": movement.Regressive,
    "progressive": movement.Progressive,
    "staircase": movement.Staircase,
    "rain_response": movement.RainResponse,
    "acceleration": slope.Acceleration,
    "voight": voight.Voight,
    "storm": weather.Storm,
    "showers": weather.Showers,
}
GROUND: Mapping[str, type[Ground]] = {
    "shake": shaking.OneShake,
    "blasts": shaking.Blasts,
    "tremor": shaking.Tremor,
    "swarm": shaking.Swarm,
}
FAULTS: Mapping[str, type[Fault]] = {
    "silent": link.Silent,
    "stuck": faults.Stuck,
    "spike": faults.Spike,
    "spikes": faults.Spikes,
    "drift": faults.Drift,
    "saturation": faults.Saturation,
    "negative_cell": faults.NegativeCell,
    "wrong_unit": faults.WrongUnit,
    "no_value": faults.NoValue,
    "calibration": faults.Calibration,
    "dropout": link.Dropout,
    "gateway_loss": link.Gateway,
    "late": link.Late,
    "flapping": link.Flapping,
    "duplicates": link.Duplicates,
    "reordering": link.Reordering,
    "half_payload": link.HalfPayload,
    "broker_storm": link.Storm,
    "clock": link.Clock,
}
KINDS: Mapping[str, type[Any]] = {**EVENTS, **GROUND, **FAULTS}
ALLOWED = {"float": "a number", "int": "a whole number", "str": "text", "bool": "true or false"}


def parameters(kind: str) -> dict[str, Field[Any]]:
    """A kind's parameters by name, in order; needed are those without a default."""
    return {f.name: f for f in fields(KINDS[kind]) if f.init}


def needed(one: Field[Any]) -> bool:
    """Whether a parameter must be given."""
    return one.default is MISSING and one.default_factory is MISSING


def make(kind: str, given: Mapping[str, Any]) -> Any:
    """The event, ground event or fault, fresh (faults keep memory). Raises ValueError."""
    known = parameters(kind)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            nearest = f" (near: {near[0]})" if near else ""
            raise ValueError(f"found parameter {name!r}{nearest}, allowed: {', '.join(known)}")
    if missing := [name for name, one in known.items() if needed(one) and name not in given]:
        raise ValueError(f"missing: {', '.join(map(repr, missing))}; allowed: {', '.join(known)}")
    return KINDS[kind](**{name: _read(name, str(known[name].type), value) for name, value in given.items()})


def _read(name: str, annotation: str, value: Any) -> Any:
    if annotation == "Seconds":
        return seconds(name, value)
    if annotation.startswith("tuple"):
        return _numbers(name, value)
    if annotation == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if type(value).__name__ == annotation:
        return value
    raise ValueError(f"{name}: found {value!r}, allowed: {ALLOWED[annotation]}")


def seconds(name: str, value: Any) -> float:
    """A number of s, or a text like "2h" or "-2d". Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return float(value)
    if isinstance(value, str) and value.strip() in ("inf", "+inf"):
        return inf
    if isinstance(value, str) and (found := re.fullmatch(r"(-?)\s*(\S.*)", value)):
        try:
            return (-1 if found[1] else 1) * duration_ns(found[2]) / SECOND
        except UnitError:
            pass
    raise ValueError(f"{name}: found {value!r}, allowed: a number of seconds, or text like '90s', '2h', '3d'")


def _numbers(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, list | tuple) and value:
        rows = all(isinstance(one, list | tuple) and one for one in value)
        if rows:
            return tuple(_numbers(name, one) for one in value)
        if all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
            return tuple(float(one) for one in value)
    raise ValueError(f"{name}: found {value!r}, allowed: numbers in brackets")
