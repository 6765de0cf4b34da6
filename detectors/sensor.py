"""Sensors of a site and the payloads that bring their readings, read from the site's document.

Constraints. A sensor's unit is the unit of its readings and of everything declared beside it (span, quantum, noise).
Not here: rules (rule.py), and decoding of payloads, which is the collector's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.document import Table, is_number, known_unit, shown

SENSOR_KEYS: Mapping[str, str] = {
    "area": "text, required. Where it stands; `area:NAME` selects by it.",
    "quantity": "text, required unless `states` is given. What it measures: methane, co, displacement.",
    "unit": "unit, required unless `states` is given. The unit of its readings.",
    "span": "[low, high] in its unit. A reading outside may raise but never clears.",
    "every": "duration between readings. With it the rule `silent` watches the sensor.",
    "quantum": "number in its unit. The smallest step it shows.",
    "noise": "number in its unit. Standard deviation of one reading.",
    "rate": "number, samples a second of a waveform.",
    "states": "list of texts, the names of the values 0, 1, ...",
    "position": "[east, north, up] in m.",
    "time": '"device" (the payload\'s time, the default) or "arrival".',
    "molar_mass": "number, g/mol. Needed between ppm and mg/m3; known for common gases.",
    "lel": "number, %vol. Needed between %LEL and %vol.",
    "temperature": "number, degC. Needed between ppm and mg/m3.",
}
PAYLOAD_KEYS: Mapping[str, str] = {
    "topic": "text, required. MQTT topic with {area} and {sensor} where they stand.",
    "json": "table of names. One reading a message: value, unit, time, sensor, quality.",
    "array": "table of names. A list of such readings.",
    "columns": "table of names. One array a field.",
    "wave": "table of names. A waveform: start, rate, samples.",
    "wave-msgpack": "table of names. The same as MessagePack.",
    "zone": "text. The zone of device times that carry none.",
}
FORMS = ("json", "array", "columns", "wave", "wave-msgpack")
FORM_FIELDS = ("value", "unit", "time", "sensor", "area", "quality", "rate", "samples", "start", "readings")
MOLAR_MASS: Mapping[str, float] = {
    "methane": 16.043, "co": 28.010, "co2": 44.009, "h2s": 34.081, "o2": 31.998, "no": 30.006, "no2": 46.005,
    "so2": 64.064, "nh3": 17.031, "hydrogen": 2.016, "cl2": 70.906, "benzene": 78.112,
}  # fmt: skip
"""g/mol, by quantity."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
NAME_WORDS = "letters, digits, - _ . and :, not beginning with one of the last four but _"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of the registry. Numbers are in `unit`; NaN where not declared; times in ns."""

    id: str
    area: str
    quantity: str
    unit: str
    span: tuple[float, float] = (-math.inf, math.inf)
    every: int | None = None
    quantum: float = math.nan
    noise: float = math.nan
    rate: float = math.nan
    states: tuple[str, ...] = ()
    position: tuple[float, float, float] | None = None
    sensor_time: str = "device"
    molar_mass: float = math.nan
    lel: float = math.nan
    temperature: float = math.nan

    @property
    def gas(self) -> dict[str, float]:
        """What `units.convert` may need of it."""
        return {"lel": self.lel, "molar_mass": self.molar_mass, "temperature": self.temperature}


@dataclass(frozen=True, slots=True)
class Payload:
    """How messages of a topic become readings: `fields` maps our word (value, unit, time) to the message's."""

    name: str
    topic: str
    form: str
    fields: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None


def read_sensors(document: Table) -> dict[str, Sensor]:
    """Every sensor in file order."""
    tables = document.tables("sensor", SENSOR_KEYS)
    if not tables:
        document.missing("sensor", "at least one sensor")
    return {name: _sensor(name, table) for name, table in tables.items()}


def _sensor(name: str, table: Table) -> Sensor:
    if not NAME.fullmatch(name):
        table.wrong((), f"name {name!r}", NAME_WORDS)
    states = table.texts("states")
    quantity = table.text("quantity", "state" if states else None, "what it measures: methane, co, displacement")
    own_mass = table.number("molar_mass", "a number of g/mol above 0", positive=True)
    return Sensor(
        id=name,
        area=table.text("area", None, "where it stands"),
        quantity=quantity,
        unit=known_unit(table, "unit", "1" if states else None),
        span=_span(table),
        every=_every(table),
        quantum=table.number("quantum", "a number above 0", positive=True),
        noise=table.number("noise", "a number above 0", positive=True),
        rate=table.number("rate", "samples a second, above 0", positive=True),
        states=states,
        position=_position(table),
        sensor_time=table.choice("time", ("device", "arrival"), "device"),
        molar_mass=MOLAR_MASS.get(quantity, math.nan) if math.isnan(own_mass) else own_mass,
        lel=table.number("lel", "%vol between 0 and 100", positive=True),
        temperature=table.number("temperature", "a number of degC"),
    )


def _span(table: Table) -> tuple[float, float]:
    value = table.data.get("span")
    if value is None:
        return (-math.inf, math.inf)
    if isinstance(value, list | tuple) and len(value) == 2 and all(is_number(v) for v in value) and value[0] < value[1]:
        return (float(value[0]), float(value[1]))
    table.wrong(("span",), shown(value), "[low, high] with low < high")
    return (-math.inf, math.inf)


def _every(table: Table) -> int | None:
    every = table.duration("every")
    if every == 0:
        table.wrong(("every",), shown(table.data["every"]), "a duration above 0")
    return every or None


def _position(table: Table) -> tuple[float, float, float] | None:
    value = table.data.get("position")
    if value is None:
        return None
    if isinstance(value, list | tuple) and len(value) == 3 and all(is_number(v) for v in value):
        return (float(value[0]), float(value[1]), float(value[2]))
    table.wrong(("position",), shown(value), "[east, north, up] in m")
    return None


def read_payloads(document: Table) -> tuple[Payload, ...]:
    """Every payload template in file order; the first whose topic fits decides."""
    return tuple(_payload(name, table) for name, table in document.tables("payload", PAYLOAD_KEYS).items())


def _payload(name: str, table: Table) -> Payload:
    forms = [form for form in FORMS if form in table]
    if len(forms) != 1:
        table.wrong((), " and ".join(forms) or "no form", "exactly one of " + ", ".join(FORMS))
    form = forms[0] if forms else "json"
    fields = table.table(form, FORM_FIELDS)
    topic = table.text("topic", None, 'an MQTT topic like "pit/{area}/{sensor}"')
    if topic and "{sensor}" not in topic and "sensor" not in fields.data and form != "columns":
        table.wrong(("topic",), shown(topic), f"{{sensor}} in the topic, or the field that names it in {form}.sensor")
    return Payload(
        name=name,
        topic=topic,
        form=form,
        fields={key: fields.text(key) for key in fields.data if key in FORM_FIELDS},
        zone=table.text("zone", "", "a zone like Asia/Shanghai or +08:00") or None,
    )
