"""Readings that can be judged by hand: one peak an hour on a sensor, rising and falling 0.1 a minute, once a minute."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
START = 1_760_000_400 * 10**9
TOP = 30
"""Minute of the hour at which the peak is reached."""
HEIGHTS: Mapping[str, Sequence[float]] = {
    "ch4-1": (0.85, 0.95, 1.05, 1.25, 0.4, 1.55),
    "ch4-2": (0.4, 0.4, 0.95, 0.4, 1.15, 0.4),
}


def site_toml(limit: float = 1.0, more: str = "") -> str:
    """A site whose rule `gas` has that limit."""
    sensors = "\n".join(
        f'{name} = {{ area = "face-{name[-1]}", quantity = "methane", unit = "%vol", span = [0, 4], every = "1min" }}'
        for name in HEIGHTS
    )
    return f"""
[site]
id = "peaks"
timezone = "Asia/Shanghai"
simulated = true
limits = "cn"
[mqtt]
url = "mqtt://127.0.0.1:1883"
[payload.plain]
topic = "peaks/{{sensor}}"
json = {{ value = "v", time = "t" }}
[sensor]
{sensors}
[rule.gas]
sensors = ["ch4-*"]
detector = {{ kind = "signal.limit", limit = "{limit} %vol" }}
priority = "medium"
guidance = "Withdraw"
{more}
"""


def readings() -> list[tuple[int, str, float]]:
    """(time, sensor, value), in order of time."""
    rows = []
    for hour in range(max(map(len, HEIGHTS.values()))):
        for minute in range(60):
            for name, heights in HEIGHTS.items():
                value = max(0.1, heights[hour] - 0.1 * abs(minute - TOP))
                rows.append((START + hour * HOUR + minute * MINUTE, name, round(value, 4)))
    return rows


def write_csv(file: Path) -> Path:
    """The readings as CSV."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("time", "sensor", "value"))
        writer.writerows(readings())
    return file


def raised(limit: float) -> dict[tuple[str, int], int]:
    """(sensor, hour) -> ns at which the limit is reached, by arithmetic."""
    out = {}
    for name, heights in HEIGHTS.items():
        for hour, height in enumerate(heights):
            if height >= limit:
                before = math.floor((height - limit) / 0.1 + 1e-6)
                out[name, hour] = START + hour * HOUR + (TOP - before) * MINUTE
    return out


def truth_lines(*, wrong: Sequence[tuple[str, int]] = (), above: float = 0.9) -> str:
    """A head, and a truth for each peak higher than `above` but those in `wrong`: it begins at the peak's foot."""
    import json

    head: dict[str, Any] = {"start": START, "end": START + 6 * HOUR, "sensors": dict.fromkeys(HEIGHTS, MINUTE)}
    lines = [head]
    for name, hour in raised(above):
        if (name, hour) not in wrong:
            begin = START + hour * HOUR + 10 * MINUTE
            end = START + hour * HOUR + 50 * MINUTE
            lines.append({"sensor": name, "start": begin, "end": end, "expect": ["gas"], "kind": f"peak {hour}"})
    return "".join(json.dumps(line) + "\n" for line in lines)
