"""The TOML sample of every detector's docstring loads through the real loader, and its prose says what it must."""

from __future__ import annotations

import inspect
import textwrap
import tomllib
from typing import Any

import pytest

from detectors.detector import catalogue
from detectors.site import read_site

SENSORS: dict[str, dict[str, Any]] = {
    "ch4-2105": {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"},
    "co-2105": {"area": "face", "quantity": "co", "unit": "ppm", "every": "10s"},
    "h2s-2105": {"area": "face", "quantity": "h2s", "unit": "ppm", "every": "10s"},
    "o2-tank-1": {"area": "tanks", "quantity": "oxygen", "unit": "%vol", "every": "10s"},
    "o2-2105": {"area": "face", "quantity": "o2", "unit": "%vol", "span": [0, 25], "every": "5s"},
    "fresh-air-2105": {"area": "face", "states": ["no", "fresh air"]},
    "cal-2105": {"area": "face", "states": ["in service", "in calibration"]},
    "fan-2105": {"area": "face", "states": ["running", "stopped"], "every": "10s"},
    "dust-belt-3": {"area": "belt", "quantity": "dust", "unit": "g/m3", "every": "1s"},
    "dust-2105": {"area": "face", "quantity": "dust", "unit": "mg/m3", "every": "10s"},
    "rh-2105": {"area": "face", "quantity": "humidity", "unit": "%RH", "every": "1min"},
    "ch4-belt-3": {"area": "belt", "quantity": "methane", "unit": "%vol", "every": "5s"},
    "dp-filter-1": {"area": "mill", "quantity": "differential_pressure", "unit": "Pa", "every": "10s"},
    "prism-17": {
        "area": "wall", "quantity": "displacement", "unit": "mm", "noise": 0.8, "every": "1h", "position": [0, 0, 0],
    },  # fmt: skip
    "prism-18": {
        "area": "wall", "quantity": "displacement", "unit": "mm", "noise": 0.8, "every": "1h", "position": [40, 20, 10],
    },  # fmt: skip
    "prism-19": {"area": "wall", "quantity": "displacement", "unit": "mm", "noise": 0.8, "every": "1h"},
    "prism-17-n": {"area": "wall", "quantity": "northing", "unit": "mm", "noise": 0.8, "every": "1h"},
    "prism-17-e": {"area": "wall", "quantity": "easting", "unit": "mm", "noise": 0.8, "every": "1h"},
    "prism-17-u": {"area": "wall", "quantity": "height", "unit": "mm", "noise": 0.8, "every": "1h"},
    "rain-1": {"area": "wall", "quantity": "rain", "unit": "mm", "every": "10min"},
    "geo-1-up": {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": 200},
    "geo-1-peak": {"area": "wall", "quantity": "vibration", "unit": "mm/s", "every": "10s"},
    "geo-1-frequency": {"area": "wall", "quantity": "frequency", "unit": "Hz", "every": "10s"},
    "event-magnitude": {"area": "stope", "quantity": "magnitude", "unit": "1"},
    "blasting": {"area": "stope", "states": ["no", "blasting"]},
    **{
        f"geo-{name}": {"area": "stope", "quantity": "vibration", "unit": "mm/s", "rate": 200, "position": [*place]}
        for name, *place in (("a", 0, 0, 0), ("b", 90, 5, -30), ("c", 85, 95, 2), ("d", 0, 88, -42), ("e", 40, 50, -70))
    },
    "geo-1-east": {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": 200},
    "geo-1-north": {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": 200},
}
MOVING = {
    "sensors": ["prism-17", "prism-18"],
    "detector": {"kind": "slope.velocity", "limit": "10 mm/d", "window": "24h"},
    "priority": "high",
    "guidance": "Close ramp 4",
}
RULES: dict[str, dict[str, Any]] = {
    "wall-moving": MOVING,
    "gas-high": {
        "sensors": ["ch4-2105"],
        "detector": {"kind": "signal.limit", "limit": "1 %vol", "reset": "0.5 %vol"},
        "priority": "high",
        "guidance": "Withdraw",
    },
    "fan-off": {
        "sensors": ["fan-2105"],
        "detector": {"kind": "signal.state", "alarm_on": "stopped"},
        "priority": "high",
        "guidance": "Withdraw",
    },
    "onset": {
        "sensors": ["geo-a", "geo-b", "geo-c", "geo-d", "geo-e"],
        "detector": {"kind": "seismic.pick"},
        "priority": "log",
        "guidance": "Locate the event",
    },
}
"""What rules on rules look at."""


def sample_of(kind: str) -> dict[str, Any]:
    """The indented TOML of a class's docstring."""
    text = textwrap.dedent(inspect.getdoc(catalogue()[kind]) or "")
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("    [rule."))
    stop = next((k for k in range(start, len(lines)) if lines[k] and not lines[k].startswith("    ")), len(lines))
    return tomllib.loads(textwrap.dedent("\n".join(lines[start:stop])))


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_the_sample_loads_and_means_the_detector(kind: str) -> None:
    rules = sample_of(kind)["rule"]
    ((name, _),) = rules.items()
    rules = {**RULES, **rules}
    document = {
        "site": {"id": "pit", "timezone": "UTC", "simulated": True, "limits": "cn"},
        "sensor": SENSORS,
        "rule": rules,
    }
    site = read_site(document)
    rule = next(r for r in site.rules if r.name == name)
    assert rule.detector.kind == kind
    assert rule.guidance


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_the_docstrings_say_meaning_source_and_what_it_cannot_find(kind: str) -> None:
    cls = catalogue()[kind]
    assert "ACTIVE" in (cls.__doc__ or "")
    assert "Source:" in (cls.__doc__ or "")
    assert "Cannot find:" in (inspect.getmodule(cls).__doc__ or "")
