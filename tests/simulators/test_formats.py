"""What is published in each format. Oracle: the collector's own decoder, by the site's own templates."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoded, Decoder
from collector.message import MQTT, Message, Seal
from detectors.site import read_site
from simulators.formats import FORMS, SAMPLES, format_writer
from simulators.instrument import Readings
from simulators.messages import Letter, NoTemplate
from simulators.publish import write_mseed
from simulators.scenario import north_pit_site, read_registry, read_scenario
from simulators.seismic import Block

NOW = 1_790_000_000_000_000_000
SITE = read_site({
    "site": {"id": "pit", "timezone": "UTC", "simulated": True},
    "payload": {
        "plain": {"topic": "pit/{area}/{sensor}", "json": {"value": "v", "unit": "u", "time": "t"}},
        "kept": {"topic": "kept/{sensor}", "columns": {"value": "v", "time": "t"}},
        "wave": {"topic": "w/{sensor}", "wave-msgpack": {"start": "t", "rate": "hz", "samples": "x"}},
        "telegraf": {"topic": "telegraf/{area}", "json": {"sensor": "tags.sensor", "value": "fields.value",
                                                           "time": "timestamp"}},
        "senml": {"topic": "senml/{gateway}", "senml": {"sensor": "{last}"}},
        "cbor": {"topic": "cbor/+", "senml-cbor": {}},
        "line": {"topic": "line/#", "line": {"sensor": "{area}.{sensor}", "value": "value", "unit": "unit"},
                 "sensors": {"face 1.ch4": "ch4", "face,1.temp": "temp", "f=.fan": "fan"}},
        "mseed": {"topic": "mseed/{station}", "mseed": {"sensor": "{station}"}, "scale": 0.001},
        "spark": {"topic": "spBv1.0/pit/#", "sparkplug": {"sensor": "{device}/{metric}"},
                  "sensors": {"d/Gas/CH4": "ch4", "d/Temp": "temp", "e/Fan": "fan"}},
    },
    "sensor": {
        "ch4": {"area": "face", "quantity": "methane", "unit": "%vol"},
        "temp": {"area": "face", "quantity": "temperature", "unit": "degC"},
        "fan": {"area": "plant", "states": ["stopped", "running"]},
        "geo": {"area": "wall", "quantity": "velocity", "unit": "mm/s", "rate": 200},
    },
    "rule": {},
})  # fmt: skip
NAMES = list(SITE.sensors)
MS = 10**6


def decode(letters: list[Letter]) -> Decoded:
    messages = tuple(Message(letter.topic, letter.payload, MQTT) for letter in letters)
    return Decoder(SITE).decode([Seal(1, NOW + 10**12, 0, messages)])


def said(decoded: Decoded) -> list[tuple[str, int, float]]:
    return [(NAMES[s], t, v) for s, t, v in zip(decoded.sensor, decoded.time.tolist(), decoded.value, strict=True)]


numbers = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(0, 9).map(float)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ch4", "temp"]), numbers), min_size=1, max_size=9))
@pytest.mark.parametrize("form", list(FORMS))
def test_what_is_written_is_read_back(form: str, values: list[tuple[str, float]]) -> None:
    writer = format_writer(form, SITE.sensors, SITE.payloads)
    rows = [(sensor, NOW + k * 250 * MS, value) for k, (sensor, value) in enumerate(values)]
    letters = [
        letter
        for sensor, time, value in rows
        for letter in writer.live(Readings.of(sensor, np.array([time]), np.array([value])))
    ]
    letters = writer.ordered(letters[::-1])
    decoded = decode(letters)
    assert decoded.dead == []
    assert set(said(decoded)) == set(rows), "a birth says again what was said; nothing else does"
    assert sum(letter.readings for letter in letters) == len(rows)


@pytest.mark.parametrize("form", list(FORMS))
def test_a_loggers_past_states_and_what_is_no_number(form: str) -> None:
    writer = format_writer(form, SITE.sensors, SITE.payloads)
    time = NOW + np.arange(250) * 10**9
    states = np.arange(250) % 2.0
    decoded = decode(list(writer.kept(Readings.of("fan", time, states))))
    assert decoded.dead == []
    newest_only = form == "telegraf"  # its JSON holds one reading; Telegraf itself has no logger
    assert newest_only or set(said(decoded)) == set(zip(["fan"] * 250, time.tolist(), states.tolist(), strict=True))
    nothing = decode(writer.ordered(list(writer.live(Readings.of("ch4", time[:1], np.array([math.nan]))))))
    assert nothing.dead == []
    assert np.isnan(nothing.value).all()


def test_waves_are_records_in_miniseed_and_what_the_site_says_otherwise() -> None:
    samples = np.round(np.random.default_rng(1).normal(0, 2, 600), 3)
    block = Block("geo", NOW, 200.0, samples)
    for form in ("mseed", "senml"):
        decoded = decode([format_writer(form, SITE.sensors, SITE.payloads).wave(block)])
        assert decoded.dead == []
        got = np.concatenate([wave.samples for wave in decoded.waves])
        assert np.allclose(got, samples, rtol=0, atol=1e-12)
        assert decoded.waves[0].time == NOW


def test_sparkplugs_births_come_first_its_numbers_follow_and_it_dies_as_it_was_born() -> None:
    writer = format_writer("sparkplug", SITE.sensors, SITE.payloads)
    letters = [
        letter
        for k in range(600)
        for letter in writer.live(Readings.of(("ch4", "temp", "fan")[k % 3], np.array([NOW + k * MS]), np.array([1.0])))
    ]
    letters = writer.ordered(letters[::-1])
    kinds = [letter.topic.split("/")[2] for letter in letters]
    assert kinds[:2] == ["NBIRTH", "DBIRTH"]
    assert kinds.count("DBIRTH") == 3
    assert writer.will is not None
    decoded = decode([*letters, *writer.end(NOW + 10**9)])
    assert (decoded.gaps, decoded.dead) == ([], [])
    assert sorted(NAMES[wave.sensor] for wave in decoded.waves) == ["ch4", "fan", "temp"]
    lost = decode([*letters[:300], *letters[305:], writer.will])
    assert [gap.missing for gap in lost.gaps] == [5]
    assert len(lost.waves) == 3


@pytest.mark.parametrize("form", [form for form in FORMS if form != "plain"])
def test_a_site_without_such_a_payload_is_told_what_to_add(form: str) -> None:
    bare = [payload for payload in SITE.payloads if payload.name == "plain"]
    with pytest.raises(NoTemplate, match="add to its file") as refused:
        format_writer(form, SITE.sensors, bare)
    added = str(refused.value).partition("\n")[2]
    assert SAMPLES[form] in added
    registry = read_registry(north_pit_site().replace("[sensor]", added + "\n[sensor]", 1))
    writer = format_writer(form, registry.sensors, registry.payloads)
    (sensor,) = (s for s in registry.sensors.values() if s.id == "ch4-2105")
    letters = writer.ordered(list(writer.live(Readings.of(sensor.id, np.array([NOW]), np.array([0.5])))))
    site = read_site({"site": {"id": "x", "timezone": "UTC"}, "sensor": {sensor.id: {"area": sensor.area,
                      "quantity": "methane", "unit": "%vol"}}, "rule": {}})  # fmt: skip
    object.__setattr__(site, "payloads", tuple(registry.payloads))
    messages = tuple(Message(letter.topic, letter.payload, MQTT) for letter in letters)
    decoded = Decoder(site).decode([Seal(1, NOW, 0, messages)])
    assert decoded.dead == []
    assert 0.5 in decoded.value.tolist()


def test_a_name_that_the_spelling_cannot_make_is_refused() -> None:
    writer = format_writer("sparkplug", SITE.sensors, SITE.payloads)
    with pytest.raises(NoTemplate, match="cannot spell 'geo'"):
        writer.ordered(list(writer.live(Readings.of("geo", np.array([NOW]), np.array([1.0])))))


def test_files_of_miniseed_hold_every_sample_of_the_scenario(tmp_path: Path) -> None:
    from dataclasses import replace

    from pymseed import MS3Record

    scenario = replace(read_scenario("demo"), lasts_s=130.0)
    site = read_registry(north_pit_site())
    written = write_mseed(scenario, site, NOW, tmp_path)
    assert written
    for sensor, samples in written.items():
        file = MS3Record.from_file(str(tmp_path / f"{sensor}.mseed"), unpack_data=True)
        records = [(record.sourceid, record.numsamples) for record in file]
        assert {source for source, _ in records} == {f"FDSN:XX_{sensor}__H_H_Z"}
        assert sum(count for _, count in records) == samples
    again = write_mseed(scenario, site, NOW, tmp_path)
    assert again == written
