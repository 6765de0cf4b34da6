"""Sensors of a site and the payloads that bring their readings, read from the site's document.

Constraints. A sensor's unit is the unit of its readings and of everything declared beside it (span, quantum, noise).
Not here: rules (rule.py), and decoding of payloads, which is the collector's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from detectors.document import Table, is_number, known_unit, listed, nearest, shown

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
    "follows": 'text. Its readings are what people do: "calibration of ch4-2105", "test of ch4-2105", "rezero", '
    '"fresh air", "shift change", "blasting".',
}
PAYLOAD_KEYS: Mapping[str, str] = {
    "topic": "text, required. MQTT topic with {area} and {sensor} where they stand; + and # as in MQTT.",
    "json": 'table of names. One reading a message: value, unit, time, sensor, quality; "a.b": b in a; ".": all.',
    "array": "table of names. A list of such readings.",
    "columns": "table of names. One array a field.",
    "wave": "table of names. A waveform: start, rate, samples.",
    "wave-msgpack": "table of names. The same as MessagePack.",
    "senml": "table {sensor}. SenML as JSON (RFC 8428).",
    "senml-cbor": "table {sensor}. SenML as CBOR.",
    "line": "table {sensor, value, unit, quality}. InfluxDB line protocol.",
    "mseed": "table {sensor}. Records of miniSEED 2 or 3.",
    "sparkplug": "table {sensor, unit}. Sparkplug B; unit: the property that holds it.",
    "zone": "text. The zone of device times that carry none.",
    "sensors": "table: a name in the messages = the sensor's id, where they differ.",
    "precision": '"ns" (where not given), "us", "ms" or "s": of the times in `line`.',
    "others": '"dead" (where not given): names that are no sensor are dead letters; "pass": they are counted only.',
    "scale": "number above 0, 1 where not given: what a sample of `mseed` is multiplied by.",
}
FORMS = ("json", "array", "columns", "wave", "wave-msgpack", "senml", "senml-cbor", "line", "mseed", "sparkplug")
_JSON_FIELDS = (
    "value", "unit", "time", "sensor", "area", "quality", "rate", "samples", "start", "readings", "seq", "device",
)  # fmt: skip
FORM_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FORMS[:5], _JSON_FIELDS),
    **dict.fromkeys(FORMS[5:], ("sensor",)),
    "line": ("sensor", "value", "unit", "quality"),
    "sparkplug": ("sensor", "unit"),
}
"""What may stand in the table of each form."""
PRECISIONS: Mapping[str, int] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
SPELLED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "senml": ("{name}", ("name", "last")),
    "senml-cbor": ("{name}", ("name", "last")),
    "line": ("{sensor}", ()),
    "mseed": ("{network}.{station}.{location}.{channel}", ("network", "station", "location", "channel", "source")),
    "sparkplug": ("{metric}", ("group", "edge", "device", "metric")),
}
"""Of forms whose messages name their sensors: how, where `sensor` is not given, and the {words} it may hold beside
those of the topic; a line's are its tags, {measurement} and {field}."""
_WORD = re.compile(r"\{([^{}]*)\}")
OF_A_SENSOR = {"test": ("measuring", "in test"), "calibration": ("measuring", "calibrating", "calibrated")}
"""What is done at a sensor, and the names of the readings 0, 1, ... that it becomes."""
DONE = ("not yet", "done")
OF_ITSELF = {"blasting": ("closed", "open"), "rezero": DONE, "fresh air": DONE, "shift change": DONE}
"""What is said of a place or time: the sensor that follows it stands for it."""
MOLAR_MASS: Mapping[str, float] = {
    "methane": 16.043, "co": 28.010, "co2": 44.009, "h2s": 34.081, "o2": 31.998, "no": 30.006, "no2": 46.005,
    "so2": 64.064, "nh3": 17.031, "hydrogen": 2.016, "cl2": 70.906, "benzene": 78.112,
}  # fmt: skip
"""g/mol, by quantity."""
OWN = "davylamp."
"""How the names of the system's own sensors begin; no payload speaks for them."""
OWN_AREA = "system"
"""Where they stand."""
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
    follows: tuple[str, str] | None = None
    """(what people do, at which sensor): ("calibration", "ch4-2105"); its readings are made of actions."""

    @property
    def gas(self) -> dict[str, float]:
        """What `units.convert` may need of it."""
        return {"lel": self.lel, "molar_mass": self.molar_mass, "temperature": self.temperature}


@dataclass(frozen=True, slots=True)
class Payload:
    """How messages of a topic become readings: `fields` maps our word (value, unit, time) to the message's; in forms
    of SPELLED its `sensor` is how a message's words spell a sensor's name."""

    name: str
    topic: str
    form: str
    fields: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    sensors: Mapping[str, str] = field(default_factory=dict)
    """Names in the messages -> ids."""
    precision: int = 1
    """ns of one unit of a line's time."""
    scale: float = 1.0
    others: str = "dead"

    @property
    def topic_words(self) -> list[str]:
        """The {words} of the topic."""
        return _WORD.findall(self.topic)

    @property
    def spelling(self) -> str:
        """How a message's words spell a sensor's name: {sensor} if the topic has it and nothing else is said."""
        usual = "{sensor}" if "sensor" in self.topic_words else SPELLED[self.form][0]
        return self.fields.get("sensor", usual)


def read_sensors(document: Table) -> dict[str, Sensor]:
    """Every sensor in file order."""
    tables = document.tables("sensor", SENSOR_KEYS)
    if not tables:
        document.missing("sensor", "at least one sensor")
    return {name: _sensor(name, table, tables.keys()) for name, table in tables.items()}


def _sensor(name: str, table: Table, known: Collection[str]) -> Sensor:
    if not NAME.fullmatch(name):
        table.wrong((), f"name {name!r}", NAME_WORDS)
    follows = _follows(name, table, known)
    states = table.texts("states") or (_readings_of(follows) if follows else ())
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
        follows=follows,
    )


def _follows(name: str, table: Table, known: Collection[str]) -> tuple[str, str] | None:
    """What of people's doing the sensor follows."""
    text = table.text("follows", "")
    if not text:
        return None
    what, of, sensor = text.partition(" of ")
    allowed = [*(f"{one} of SENSOR" for one in OF_A_SENSOR), *OF_ITSELF]
    if what not in (OF_A_SENSOR if of else OF_ITSELF):
        table.wrong(("follows",), shown(text), listed(allowed), nearest(text, allowed))
        return None
    if of and (sensor not in known or sensor == name):
        others = [one for one in known if one != name]
        table.wrong(("follows",), f"sensor {shown(sensor)}", listed(others), nearest(sensor, others))
    if "every" in table:
        table.wrong(("every",), "every beside follows", "no `every`: people act when they do")
    return what, sensor if of else name


def _readings_of(follows: tuple[str, str]) -> tuple[str, ...]:
    return {**OF_A_SENSOR, **OF_ITSELF}[follows[0]]


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
    known = document.table("sensor").data
    return tuple(_payload(name, table, known) for name, table in document.tables("payload", PAYLOAD_KEYS).items())


def _payload(name: str, table: Table, known: Mapping[str, object]) -> Payload:
    forms = [form for form in FORMS if form in table]
    if len(forms) != 1:
        table.wrong((), " and ".join(forms) or "no form", "exactly one of " + ", ".join(FORMS))
    form = forms[0] if forms else "json"
    fields = table.table(form, FORM_FIELDS[form])
    topic = table.text("topic", None, 'an MQTT topic like "pit/{area}/{sensor}"')
    named = "sensor" in fields.data or form == "columns" or form in SPELLED
    if topic and "{sensor}" not in topic and not named:
        table.wrong(("topic",), shown(topic), f"{{sensor}} in the topic, or the field that names it in {form}.sensor")
    scale = table.number("scale", "a number above 0", positive=True)
    payload = Payload(
        name=name,
        topic=topic,
        form=form,
        fields={key: fields.text(key) for key in fields.data if key in FORM_FIELDS[form]},
        zone=table.text("zone", "", "a zone like Asia/Shanghai or +08:00") or None,
        sensors=_names(table.table("sensors"), known),
        precision=PRECISIONS[table.choice("precision", PRECISIONS, "ns")],
        scale=1.0 if math.isnan(scale) else scale,
        others=table.choice("others", ("dead", "pass"), "dead"),
    )
    _spelling(payload, table, fields)
    return payload


def _names(table: Table, known: Mapping[str, object]) -> dict[str, str]:
    names = {theirs: table.text(theirs) for theirs in table.data}
    for theirs, ours in names.items():
        if ours and (ours not in known or ours.startswith(OWN)):
            why = "the system's own" if ours in known else "not in the site file"
            table.wrong((theirs,), f"sensor {ours!r}, which is {why}", "a sensor's id", nearest(ours, known))
    return names


def _spelling(payload: Payload, table: Table, fields: Table) -> None:
    """Note what only another form has, and words that no message of this form has."""
    for key, forms in (("precision", ("line",)), ("scale", ("mseed",)), ("others", tuple(SPELLED))):
        if key in table and payload.form not in forms:
            table.wrong((key,), f"{key} in a payload of form {payload.form}", f"it in one of form {listed(forms)}")
    if payload.form == "line" and "value" not in fields and "{field}" not in payload.spelling:
        fields.missing("value", "the name of the field with the value, or {field} in line.sensor")
    if payload.form not in SPELLED or payload.form == "line":
        return
    allowed = (*SPELLED[payload.form][1], *payload.topic_words)
    for word in _WORD.findall(payload.spelling):
        if word not in allowed:
            fields.wrong(("sensor",), f"{{{word}}}", listed(f"{{{one}}}" for one in allowed), nearest(word, allowed))
