"""docs/connecting.md: every example is a site that loads, messages that are read, and the readings that it says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from pymseed import DataEncoding, MS3Record

from collector.config import load
from collector.decode import Decoded, Decoder
from collector.message import MQTT, Message, Seal
from detectors.sensor import FORMS
from detectors.site import read_site
from simulators.sparkplug_b import Payload

PAGE = Path(__file__).parents[1] / "docs" / "connecting.md"
NOW = 1_790_000_100_000_000_000
FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SITE = FENCE.search(PAGE.read_text("utf-8"))
SECTIONS = [part for part in PAGE.read_text("utf-8").split("\n## ")[1:] if "```readings" in part]


def message(kind: str, head: str, body: str) -> Message:
    """A fence as it comes off the wire."""
    topic, _, source = head.partition(" ")
    if kind == "hex":
        return Message(topic, bytes.fromhex(body), MQTT)
    if kind == "sparkplug":
        return Message(topic, json_format.ParseDict(json.loads(body), Payload()).SerializeToString(), MQTT)
    if kind == "mseed":
        record = MS3Record(reclen=512, encoding=DataEncoding.STEIM2)
        record.sourceid, record.samprate, record.formatversion, record.starttime = source, 200.0, 3, NOW
        samples = np.array(body.split(), np.int32)
        return Message(topic, b"".join(record.generate(data_samples=samples, sample_type="i")), MQTT)
    return Message(topic, body.strip().encode(), MQTT)


def told(decoded: Decoded, names: list[str]) -> Iterator[str]:
    """What was read, as the page writes it."""
    for sensor, value in zip(decoded.sensor.tolist(), decoded.value.tolist(), strict=True):
        yield f"{names[sensor]} {value:g}"
    for wave in decoded.waves:
        yield f"{names[wave.sensor]} " + ("gone" if wave.ends else f"wave {len(wave.samples)} {wave.samples.max():g}")


@pytest.mark.parametrize("section", SECTIONS, ids=[part.partition("\n")[0] for part in SECTIONS])
def test_the_example_says_what_becomes_of_its_messages(section: str) -> None:
    assert SITE is not None
    fences = FENCE.findall(section)
    payloads = "".join(body for kind, _, body in fences if kind == "toml")
    site = read_site({"rule": {}, **tomllib.loads(SITE[3] + payloads)})
    messages = [message(*fence) for fence in fences if fence[0] in ("message", "hex", "sparkplug", "mseed")]
    decoded = Decoder(site).decode([Seal(1, NOW, NOW, tuple(messages))])
    assert decoded.dead == []
    (expected,) = [body for kind, _, body in fences if kind == "readings"]
    assert list(told(decoded, list(site.sensors))) == expected.split("\n")[:-1]


def test_every_form_has_an_example() -> None:
    used: set[str] = set()
    for section in SECTIONS:
        for kind, _, body in FENCE.findall(section):
            if kind == "toml":
                used |= {key for table in tomllib.loads(body)["payload"].values() for key in table}
    assert set(FORMS) - used == {"wave", "wave-msgpack"}, "those two are in the demo's site file"


def test_the_brokers_table_loads(tmp_path: Path) -> None:
    assert SITE is not None
    broker = next(part for part in PAGE.read_text("utf-8").split("\n## ") if part.startswith("The broker"))
    plain: Any = next(body for kind, _, body in FENCE.findall(SECTIONS[0]) if kind == "toml")
    table = next(body for kind, _, body in FENCE.findall(broker) if kind == "toml")
    for name in ("mqtt-password", "ca.pem", "client.pem", "client.key", "key-password"):
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "site.toml").write_text(SITE[3] + plain + table)
    mqtt = load(tmp_path / "site.toml").settings.mqtt
    assert mqtt is not None
    assert (mqtt.cert, mqtt.alarm_after) == (tmp_path / "client.pem", 60 * 10**9)
    assert "secret" not in repr(mqtt)
