"""From the log's messages to readings: what each payload says, by the site's templates.

Constraints. The same seals give the same readings however they are cut; what a sender declared or numbered before is
remembered (remembered.py), and goes with the fold. A message disturbs no other; what cannot be decoded is a dead letter
with a reason, its bytes stay in the log. Whether a reading is late, twice or out of span is the gate's. Only messages
of origin mqtt, csv and own are looked at; own ones whose sensor the site does not declare are counted and passed over.
Of the system's own sensors nobody but the system speaks: over MQTT only the canary comes, on its own topic.

Reasons: unknown_topic unknown_sensor unknown_alias unparsable not_utf8 wrong_type wrong_unit wrong_length missing_field
empty bad_time bad_rate too_large too_many must_understand decoder_failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.known import Known
from collector.message import CSV, MQTT, OWN, Message, Seal
from collector.own_names import canary_topic
from collector.remembered import Memory
from collector.rows import LETTERS, Dead, DeadLetter, Gap, Rows
from collector.rows_csv import decode_csv
from collector.spelled import Spelled
from collector.template import Template
from detectors.reading import Floats, Quality, Times, Wave
from detectors.sensor import OWN as OWN_SENSOR
from detectors.sensor import SPELLED, Payload
from detectors.site import Site

LARGEST = 8 * 1024 * 1024
"""Bytes of a payload off the wire; a larger one is kept and not looked into."""
ROUTES = 100_000
"""Topics remembered; more than these are looked up again, so strangers cannot fill the memory."""
LONGEST_TOPIC = 1_000
"""Characters of a topic; a longer one fits no template, and of it a dead letter keeps so many."""
OWN_TOPIC = "own/"
BLIND = "own/blind"
OWN_ALARM = "own/alarm"
GONE = "gone"
"""The detail with which an own alarm ends whose thing the site no longer has."""
REACHED = "own/reached"
FACTS = (BLIND, OWN_ALARM, REACHED)
"""Own messages that are no readings."""
OWN_READINGS = "own/readings"
"""One own message with many readings: {name: value, null for no number}, names without the prefix."""
CANARY = f"{OWN_SENSOR}canary"
"""The sensor whose readings go all the way round."""
_readings = msgspec.json.Decoder(dict[str, float | None]).decode


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What some seals said, in log order; all columns (M,). `sensor` is the place in `list(site.sensors)`."""

    until: int
    """`now` of the last seal, or the last arrival where that is later."""
    sensor: NDArray[np.int64]
    time: Times
    arrived: Times
    value: Floats
    quality: NDArray[np.uint8]
    waves: list[Wave]
    dead: list[DeadLetter]
    received: int
    """Messages of origin mqtt, csv and own, but for FACTS."""
    own: int
    """Own messages among them whose sensor the site does not declare."""
    gaps: list[Gap]
    said: dict[str, int]
    """Messages, or parts of them, that say something else than readings, by what they say."""

    @property
    def readings(self) -> int:
        """Rows, and blocks of samples."""
        return len(self.sensor) + sum(not wave.ends for wave in self.waves)


class Decoder:
    """Decodes for one site; made anew for each revision, `memory` going on."""

    def __init__(self, site: Site, memory: Memory | None = None) -> None:
        self.memory = Memory() if memory is None else memory
        self._sensors = {name: Known(k, sensor) for k, (name, sensor) in enumerate(site.sensors.items())}
        self._plant = {name: known for name, known in self._sensors.items() if not name.startswith(OWN_SENSOR)}
        self._templates = [self._template(payload) for payload in site.payloads]
        self._own = Template(Payload("own", "own/{sensor}", "json", {"value": "value"}), self._sensors, self.memory)
        self.canary = canary_topic(site.id) if CANARY in self._sensors else ""
        """The canary's topic; empty where the site has none."""
        self._flags = int(Quality.SIMULATED) if site.simulated else 0
        self._routes: dict[str, tuple[Template | Spelled, Known | None]] = {}

    def _template(self, payload: Payload) -> Template | Spelled:
        return (Spelled if payload.form in SPELLED else Template)(payload, self._plant, self.memory)

    def decode(self, seals: Sequence[Seal]) -> Decoded:
        """The readings of seals that follow each other."""
        rows = Rows()
        received = own = 0
        for seal in seals:
            rows.seal, rows.now, rows.in_seal = seal.seq, seal.now, 0
            for rows.index, message in enumerate(seal.messages):
                if message.origin == MQTT:
                    received += 1
                elif message.origin not in (CSV, OWN) or (message.origin == OWN and message.topic in FACTS):
                    continue
                else:
                    received += 1
                    if message.origin == OWN and not self._declared(message.topic):
                        own += 1
                        continue
                self._message(message, rows)
        sensor, time, arrived, value, quality = rows.columns()
        until = max(seals[-1].now if seals else 0, int(arrived[-1]) if len(arrived) else 0)
        return Decoded(
            until, sensor, time, arrived, value, quality, rows.waves, rows.dead, received, own, rows.gaps, rows.said
        )

    def _message(self, message: Message, rows: Rows) -> None:
        template: Template | Spelled
        rows.topic, rows.letters = message.topic[:LONGEST_TOPIC], LETTERS if message.origin == MQTT else -1
        rows.flags = self._flags | (int(Quality.RETAINED) if message.retained else 0)
        known: Known | None = None
        try:
            if message.origin == CSV:
                decode_csv(message.payload, self._plant, rows)
                return
            if message.topic == OWN_READINGS and message.origin == OWN:
                self._many(message.payload, rows)
                return
            if message.origin == OWN:
                self._own.decode(message.payload, self._spoken_for(message.topic), rows)
                return
            if self.canary and message.topic == self.canary:
                template, known = self._own, self._sensors[CANARY]
            else:
                template, known = self._routes.get(message.topic) or self._route(message.topic)
            if len(message.payload) > LARGEST:
                raise Dead("too_large", f"{len(message.payload)} bytes, at most {LARGEST} are decoded", _id(known))
            template.decode(message.payload, known, rows)
        except Dead as dead:
            dead.sensor = dead.sensor or _id(known)  # the topic may name it where the payload cannot be read
            rows.bury(dead)
        except Exception as error:  # one message must never hold up the log, whatever a decoder does with it
            rows.bury(Dead("decoder_failed", f"{type(error).__name__}: {error}"))

    def _declared(self, topic: str) -> bool:
        """True if the site has a sensor for an own message."""
        if topic == OWN_READINGS:
            return len(self._plant) < len(self._sensors)
        return self._spoken_for(topic) is not None

    def _spoken_for(self, topic: str) -> Known | None:
        """The sensor of an own message with one reading: the system's own, or one that the site declares by itself."""
        name = topic.removeprefix(OWN_TOPIC)
        return self._sensors.get(f"{OWN_SENSOR}{name}") or self._sensors.get(name)

    def _many(self, payload: bytes, rows: Rows) -> None:
        try:
            found = _readings(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Dead("unparsable", f"{error}; expected an object of numbers") from None
        for name, value in found.items():
            known = self._sensors.get(f"{OWN_SENSOR}{name}")
            if known is not None:
                rows.add(known.index, rows.arrival(), math.nan if value is None else value, 0)

    def _route(self, topic: str) -> tuple[Template | Spelled, Known | None]:
        """The first template that fits; remembered only for what the site knows."""
        if len(topic) > LONGEST_TOPIC:
            text = f"topic {topic[:100]!r}... has {len(topic)} characters, at most {LONGEST_TOPIC} are read"
            raise Dead("unknown_topic", text)
        for template in self._templates:
            fits, name = template.fits(topic)
            if not fits:
                continue
            if name is not None and name not in template.sensors:
                raise Dead("unknown_sensor", f"sensor {name[:60]!r} is not in the site file", name[:200])
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[topic] = (template, template.sensors[name] if name is not None else None)
            return self._routes[topic]
        raise Dead("unknown_topic", f"no payload template fits the topic {topic[:100]!r}")


def _id(known: Known | None) -> str | None:
    return None if known is None else known.id


__all__ = [
    "BLIND", "CANARY", "FACTS", "GONE", "OWN_ALARM", "OWN_READINGS", "REACHED", "DeadLetter", "Decoded", "Decoder",
    "Gap",
]  # fmt: skip
