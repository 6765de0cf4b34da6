"""Publishing recordings: shifted, in rounds, at a pace; strangers counted. Oracle: the recording, decoded again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from collector.decode import Decoder
from collector.message import MQTT, Message, Seal
from collector.verb import NO
from detectors.reading import Wave
from simulators import playing
from simulators.messages import Letter
from simulators.playing import play
from simulators.publish import NotSimulated
from simulators.replay import Rows
from simulators.sender import Published
from tests.servers import mosquitto
from tests.simulators.test_formats import NAMES, SITE

S = 10**9
START = 1_700_000_000 * S


class Box:
    """In place of a connection: keeps what is sent, and when."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.letters: list[Letter] = []
        self.at: list[float] = []
        self.acknowledged, self.begun = 0, time.monotonic()
        Box.last = self

    last: Box

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, letter: Letter) -> bool:
        self.letters.append(letter)
        self.at.append(time.monotonic())
        return True

    def settle(self) -> Published:
        return Published(len(self.letters), sum(letter.readings for letter in self.letters), 0)


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "broker" not in request.keywords:
        monkeypatch.setattr(playing, "Sender", Box)


def recording(count: int = 6, step: int = S) -> Iterator[Rows]:
    names = ["ch4", "stranger", "temp"]
    for first in range(0, count, 4):
        k = np.arange(first, min(first + 4, count))
        yield Rows(names, (k % 3).astype(np.intp), START + k * step, k / 4, np.zeros(len(k), np.uint8), 1)


def sent() -> list[tuple[str, int, float]]:
    messages = tuple(Message(letter.topic, letter.payload, MQTT) for letter in Box.last.letters)
    decoded = Decoder(SITE).decode([Seal(1, START + 10**15, 0, messages)])
    assert decoded.dead == []
    return [(NAMES[s], t, v) for s, t, v in zip(decoded.sensor, decoded.time.tolist(), decoded.value, strict=True)]


WANTED = [
    ("ch4", START, 0.0), ("temp", START + 2 * S, 0.5), ("ch4", START + 3 * S, 0.75), ("temp", START + 5 * S, 1.25)
]  # fmt: skip


def test_every_reading_of_the_sites_sensors_is_sent_once_and_strangers_are_counted() -> None:
    played = play(recording, SITE, "", speed=float("inf"))
    assert sent() == WANTED
    assert (played.unknown, played.published.readings, played.rounds) == ({"stranger": 2}, 4, 1)


def test_it_is_shifted_as_a_whole() -> None:
    play(recording, SITE, "", speed=float("inf"), shift_to=START + 10**6 * S)
    assert sent() == [(name, at + 10**6 * S, value) for name, at, value in WANTED]


def test_rounds_follow_each_other_and_every_time_is_new() -> None:
    stop = Event()
    rounds = 0

    def again() -> Iterator[Rows]:
        nonlocal rounds
        rounds += 1
        if rounds == 4:
            stop.set()
        yield from recording()

    played = play(again, SITE, "", speed=float("inf"), loop=True, stop=stop)
    got = sent()
    assert played.rounds == 4
    assert got[:8] == WANTED + [(name, at + 6 * S, value) for name, at, value in WANTED]
    assert len(got) == 12
    assert len({(name, at) for name, at, _ in got}) == 12


def test_an_empty_recording_does_not_go_round_for_ever() -> None:
    assert play(lambda: iter(()), SITE, "", loop=True).rounds == 1


def test_its_pace_is_the_recordings_times_the_speed() -> None:
    play(lambda: recording(step=S // 10), SITE, "", speed=2.0)
    due = np.array([0.0, 0.1, 0.15, 0.25])
    spent = np.array(Box.last.at) - Box.last.begun
    assert np.all(spent >= due), "none before its time"
    assert spent[-1] < 5.0


def test_blocks_of_samples_go_too() -> None:
    wave = Wave(0, 0, START, 0, 100.0, np.arange(50.0))
    none = np.zeros(0)
    one = Rows(["geo"], none.astype(np.intp), none.astype(np.int64), none, none.astype(np.uint8), 0, (wave,))
    play(lambda: iter([one]), SITE, "", speed=float("inf"), form="mseed")
    messages = tuple(Message(letter.topic, letter.payload, MQTT) for letter in Box.last.letters)
    decoded = Decoder(SITE).decode([Seal(1, START, 0, messages)])
    assert [(w.time, w.samples.tolist()) for w in decoded.waves] == [(START, list(range(50)))]


def test_a_real_site_is_refused_and_a_speed_that_is_none() -> None:
    with pytest.raises(NotSimulated, match="recordings go into simulated sites only"):
        play(recording, dataclasses.replace(SITE, simulated=False), "")
    with pytest.raises(ValueError, match="give a number above 0"):
        play(recording, SITE, "", speed=0.0)


@pytest.mark.broker
def test_the_verb_publishes_a_recording_and_says_what_was_not_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from collector.cli import main

    (tmp_path / "site.toml").write_text(
        '[site]\nid = "p"\ntimezone = "UTC"\nsimulated = true\n[payload.a]\ntopic = "p/{sensor}"\n'
        'json = { value = "v", time = "t" }\n[sensor]\nch4 = { area = "f", quantity = "methane", unit = "%vol" }\n'
    )
    (tmp_path / "r.csv").write_text("When;CH4;Other\n2026-01-01 00:00:00;0,5;x\n2026-01-01 00:00:05;0,6;\n")
    (tmp_path / "c.toml").write_text(
        'form = "wide"\ntime = "When"\nzone = "UTC"\ndelimiter = ";"\ndecimal = ","\n[sensors]\nCH4 = "ch4"\n'
    )
    site, columns = str(tmp_path / "site.toml"), ["--columns", str(tmp_path / "c.toml")]
    with mosquitto(tmp_path) as url:
        asked = ["simulate", str(tmp_path / "r.csv"), "--mqtt", url, "--site", site, *columns, "--speed", "1000"]
        assert main(asked) == 0
        assert main([*asked, "--from", "2026-01-01T00:00:05Z", "--shift-to-now"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "published 2 messages with 2 readings and 0 samples", "published 1 messages with 1 readings and 0 samples",
    ]  # fmt: skip
    assert "Other: 1 readings of a sensor that" in err
    assert main(["replay", site, str(tmp_path / "r.csv"), *columns]) == 0
    assert "2 readings" in capsys.readouterr().out
    (tmp_path / "c.toml").write_text((tmp_path / "c.toml").read_text().replace('decimal = ","\n', ""))
    assert main(["replay", site, str(tmp_path / "r.csv"), *columns]) == NO
    assert "r.csv: line 2: found column 'CH4': the value '0,5'" in capsys.readouterr().err
