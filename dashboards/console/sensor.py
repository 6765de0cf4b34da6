"""One sensor, or one group: its value, its line with its limits, its rules, what stands on it."""

from __future__ import annotations

from typing import Any

from dashboards.console.board import World
from dashboards.console.chart import chart
from dashboards.console.figures import DAY, HOUR
from dashboards.console.labels import quantity_word
from dashboards.console.order import annunciated
from dashboards.console.paths import sensor_path
from dashboards.console.reading import Reading
from dashboards.console.view import Look, alarm_view, faults_of, out_of_service_button, sensor_figure

SPANS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}


def sensor_page(reading: Reading, world: World, name: str, span: str, look: Look) -> dict[str, Any] | None:
    """What the templates show of it; None if there is neither a sensor nor a group of this name. Blocks: it reads."""
    sensor = world.sensors.get(name)
    rules = [r for r in world.alarms if r.subject == name or name in r.sensors]
    if sensor is None and not rules:
        return None
    span = span if span in SPANS else "hour"
    since, path = look.now - SPANS[span], sensor_path(name)
    own = [r for r in rules if r.subject == name]
    return {
        "name": name,
        "area": sensor.area if sensor else rules[0].area,
        "quantity": quantity_word(sensor.quantity, look.lang) if sensor else "",
        "figure": sensor_figure(sensor, look) if sensor else None,
        "taken": look.moment(sensor.time) if sensor and sensor.time is not None else "",
        "faults": faults_of(sensor, look) if sensor else "",
        "standing": [alarm_view(r, sensor, look) for r in annunciated(own)],
        "spans": [(look.word(s), look.to(path, span=s), s == span) for s in SPANS],
        "charts": [chart(line, since, look) for line in reading.lines(name, since)],
        "rules": [(alarm_view(r, sensor, look), r.kind, out_of_service_button(r, look)) for r in rules],
        "fresh": look.to(path, span=span, bare=1),
    }
