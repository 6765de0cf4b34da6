"""miniSEED payloads. Oracle: libmseed, which packs what is read here; its own checksum; identifiers of the FDSN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymseed import DataEncoding, MS3Record

from collector.decode import Decoded, Decoder
from collector.message import Message, Seal
from collector.miniseed import source_words
from detectors.site import read_site
from tests.collector.test_decode import DOCUMENT, NOW, SITE

COUNTS = np.random.default_rng(4).integers(-2000, 2000, 900).astype(np.int32)


def records(samples: Any, kind: str, *, version: int = 3, source: str = "FDSN:XX_GEO1__H_H_Z", rate: float = 200.0,
            encoding: int = DataEncoding.STEIM2) -> list[bytes]:  # fmt: skip
    record = MS3Record(reclen=512, encoding=encoding)
    record.sourceid, record.samprate, record.formatversion, record.starttime = source, rate, version, NOW
    return list(record.generate(data_samples=samples, sample_type=kind))


def decode(data: bytes, topic: str = "mseed/geo", site: Any = SITE) -> Decoded:
    return Decoder(site).decode([Seal(7, NOW, NOW, (Message(topic, data, "mqtt"),))])


@pytest.mark.parametrize("version", [2, 3])
def test_counts_become_samples_in_the_sensors_unit(version: int) -> None:
    made = records(COUNTS, "i", version=version)
    decoded = decode(b"".join(made))
    assert len(decoded.waves) == len(made) > 1
    assert np.array_equal(np.concatenate([wave.samples for wave in decoded.waves]), COUNTS * 0.001)
    assert (decoded.dead, decoded.readings) == ([], len(made))
    first, second = decoded.waves[:2]
    assert (first.time, first.rate, first.arrived, first.quality) == (NOW, 200.0, NOW, 128)
    assert second.time == NOW + len(first.samples) * 5_000_000


@pytest.mark.parametrize(("encoding", "kind"), [(DataEncoding.FLOAT32, "f"), (DataEncoding.FLOAT64, "d")])
def test_other_encodings(encoding: int, kind: str) -> None:
    samples = np.linspace(-1, 1, 50).astype(np.float32 if kind == "f" else np.float64)
    decoded = decode(b"".join(records(samples, kind, encoding=encoding)))
    assert np.array_equal(np.concatenate([w.samples for w in decoded.waves]), samples.astype(np.float64) * 0.001)


def test_a_topic_may_name_the_sensor() -> None:
    site = read_site({**DOCUMENT, "payload": {"own": {"topic": "w/{sensor}", "mseed": {}}}})
    assert decode(records(COUNTS[:9], "i")[0], "w/geo", site).waves[0].sensor == list(site.sensors).index("geo")


def test_source_identifiers() -> None:
    words = {"source": "FDSN:IU_COLA_00_B_H_Z", "network": "IU", "station": "COLA", "location": "00", "channel": "BHZ"}
    assert source_words("FDSN:IU_COLA_00_B_H_Z") == words
    assert source_words("FDSN:XX_LONGSTATION__CH_GAS_1")["channel"] == "CH_GAS_1"


BAD = [
    ("empty", b""), ("unparsable", b"nothing of the kind" * 20), ("unparsable", records(COUNTS, "i")[0][:100]),
    ("unknown_sensor", records(COUNTS[:9], "i", source="FDSN:XX_GEO2__H_H_Z")[0]),
    ("unparsable", records(COUNTS[:9], "i", source="XFDSN:GEO1")[0]),
    ("bad_rate", records(COUNTS[:9], "i", rate=0.0)[0]),
    ("wrong_type", records(b"log line", "t", encoding=DataEncoding.TEXT, rate=1.0)[0]),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "data"), BAD)
def test_what_is_wrong_is_named(reason: str, data: bytes) -> None:
    decoded = decode(data)
    assert [dead.reason for dead in decoded.dead] == [reason]
    assert decoded.readings == 0


def test_a_flipped_bit_is_found_and_what_was_before_it_counts() -> None:
    made = records(COUNTS, "i")
    broken = bytearray(made[1])
    broken[80] ^= 1
    decoded = decode(made[0] + bytes(broken) + made[2])
    assert [(dead.reason, dead.detail[:9]) for dead in decoded.dead] == [("unparsable", "record 2:")]
    assert "CRC" in decoded.dead[0].detail
    assert len(decoded.waves) == 1


def test_a_header_that_claims_more_samples_than_bytes_can_hold_is_not_believed() -> None:
    lying = bytearray(records(COUNTS[:9], "i", version=2)[0])
    lying[30:32] = (60_000).to_bytes(2, "big")
    assert decode(bytes(lying)).dead[0].reason == "wrong_length"
