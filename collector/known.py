"""A site's sensors as decoding knows them, and what every form of payload asks: which sensor, its unit, its time.

Constraints. Each raises Dead with the reason it is counted under. A name in a message is an id, or one that the
payload's `sensors` translates; the area in a topic is not compared with the sensor's: ids are unique in a site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from collector.device_time import BadTime, read_time
from collector.payload import shown
from collector.rows import Dead
from detectors.sensor import Payload, Sensor
from detectors.units import UnitError, convert

REMEMBERED = 20_000
"""Ways in which words spelled a sensor; more than these are looked up again."""
UNITS = 1_000
"""Spellings of a unit that a sensor remembers, as many."""
LONGEST_UNIT = 100
NAMED = 200
"""Characters that are kept of the name of an unknown sensor."""
LONGEST_KEY = 2_000
"""Characters of a topic and the words that spell a sensor, where they are remembered."""


class Known:
    """A sensor of the site, with what decoding asks of it."""

    __slots__ = ("arrival", "id", "index", "rate", "sensor", "states", "units")

    def __init__(self, index: int, sensor: Sensor) -> None:
        self.index, self.id, self.sensor = index, sensor.id, sensor
        self.arrival = sensor.sensor_time == "arrival"
        self.rate = sensor.rate
        self.states = {name: float(code) for code, name in enumerate(sensor.states)}
        self.units: dict[str, bool] = {sensor.unit: True}

    def accepts(self, unit: str) -> bool:
        """Whether `unit` is the sensor's own, however it is spelled."""
        if len(unit) > LONGEST_UNIT:
            return False
        if unit not in self.units:
            if len(self.units) >= UNITS:
                self.units = {self.sensor.unit: True}
            try:
                self.units[unit] = convert(1.0, unit, self.sensor.unit, **self.sensor.gas) == 1.0
            except UnitError:
                self.units[unit] = False
        return self.units[unit]


def by_name(payload: Payload, sensors: Mapping[str, Known]) -> dict[str, Known]:
    """The sensors by their ids and by the payload's names for them; `sensors` are all that may come over a wire."""
    return {**sensors, **{theirs: sensors[ours] for theirs, ours in payload.sensors.items() if ours in sensors}}


class Names:
    """The sensors of a payload by the names its messages have for them."""

    def __init__(self, payload: Payload, sensors: Mapping[str, Known]) -> None:
        self._sensors = by_name(payload, sensors)
        self._topic, self._passes = topic_pattern(payload.topic), payload.others == "pass"
        self._spelling = payload.spelling
        self._parts = re.split(r"\{([^{}]*)\}", self._spelling)
        """Texts and words in turn."""
        self._asked = self._parts[1::2]
        self._longest = max(NAMED, *map(len, self._sensors), 0)
        self._found: dict[tuple[str | None, ...], Known] = {}
        self._at, self._in_topic = "", dict[str, str]()
        """The topic looked at last, and the words in it."""

    def find(self, topic: str, words: Mapping[str, str]) -> Known:
        """The sensor that the words of a message and of its topic spell."""
        key = (topic, *map(words.get, self._asked))
        known = self._found.get(key)
        if known is None:
            known = self._spelled(topic, key[1:])
            if sum(map(len, filter(None, key))) <= LONGEST_KEY:
                self._remember(key, known)
        return known

    def _remember(self, key: tuple[str | None, ...], known: Known) -> None:
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[key] = known

    def _spelled(self, topic: str, words: Sequence[str | None]) -> Known:
        if topic != self._at:
            fits = self._topic.fullmatch(topic)
            self._at, self._in_topic = topic, fits.groupdict() if fits else {}
        texts = list(self._parts)
        for place, word in enumerate(words):
            asked = texts[2 * place + 1]
            word = self._in_topic.get(asked) if word is None else word
            if word is None:
                raise Dead("missing_field", f"no {asked!r}, of which {self._spelling!r} makes the sensor's name")
            texts[2 * place + 1] = word[: self._longest + 1]  # one so long is no sensor's
        return self.named("".join(texts))

    def named(self, name: str) -> Known:
        """The sensor of this name."""
        known = self._sensors.get(name)
        if known is None:
            text = f"sensor {shown(name)} is not in the site file"
            raise Dead("unknown_sensor", text, name[:NAMED], passed=self._passes)
        return known


def check_unit(unit: Any, known: Known) -> None:
    """A unit that a message names must be the sensor's."""
    if unit is None:
        return
    if not isinstance(unit, str):
        raise Dead("wrong_type", f"unit {shown(unit)} is not a text", known.id)
    if not known.accepts(unit):
        raise Dead("wrong_unit", f"unit {shown(unit)}, the site file says {known.sensor.unit!r}", known.id)


def device_time(given: Any, zone: tzinfo | None, known: Known) -> int:
    """ns of a device's time."""
    if given is None:
        raise Dead("bad_time", 'no time: send one, or declare time = "arrival" for the sensor', known.id)
    try:
        return read_time(given, zone)
    except BadTime as error:
        raise Dead("bad_time", str(error), known.id) from error


def topic_pattern(topic: str) -> re.Pattern[str]:
    """What a template's topic fits, its {words} as groups."""
    parts, named = [], set[str]()
    for part in re.split(r"(\{[A-Za-z_]\w*\}|\+|/#$|^#$)", topic):
        if part.startswith("{") and part.endswith("}") and part[1:-1] not in named:
            named.add(part[1:-1])
            parts.append(f"(?P<{part[1:-1]}>[^/]+)")
        elif part.startswith("{") and part.endswith("}"):
            parts.append(f"(?P={part[1:-1]})")
        else:
            parts.append({"+": "[^/]+", "/#": "(?:/.*)?", "#": ".*"}.get(part, re.escape(part)))
    return re.compile("".join(parts), re.DOTALL)
