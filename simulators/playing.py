"""Recorded readings over MQTT: at their own pace or another, shifted to now, again and again.

Constraints. Only into a site that says `simulated = true`. Memory does not grow with the recording: a loop reads it
again. Names that are no sensor of the site are counted, never sent. The pace goes by the recording's own times, which
may stand still or step back: what is not after the newest is sent at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from simulators.formats import format_writer
from simulators.instrument import SECOND, Readings
from simulators.messages import Letter, Writer
from simulators.publish import NotSimulated
from simulators.registry import SiteLike
from simulators.replay import Rows
from simulators.seismic import Block
from simulators.sender import Published, Sender

ROUND = 1 * SECOND
"""ns between the last reading of one round and the first of the next."""


@dataclass(slots=True)
class Played:
    """What was sent, and what was not: readings by a name that the site does not have."""

    published: Published
    rounds: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


def play(
    recording: Callable[[], Iterable[Rows]],
    site: SiteLike,
    url: str,
    *,
    form: str = "plain",
    speed: float = 1.0,
    shift_to: int | None = None,
    loop: bool = False,
    stop: Event | None = None,
    told: Callable[[float | None, int], None] | None = None,
) -> Played:
    """Publish a recording, which `recording()` begins to read anew.

    `speed` 1 is its own pace, inf as fast as the broker takes it; `shift_to` is when its first reading shall have been
    taken (ns UTC); `loop` goes on until `stop`, each round after the one before. Raises NotSimulated, BrokerRefuses,
    and what the recording raises.
    """
    if not site.simulated:
        raise NotSimulated("found a site without `simulated = true`; recordings go into simulated sites only")
    if not speed > 0:
        raise ValueError(f"speed is {speed}; give a number above 0, 1 is the recording's own pace")
    ended = Event() if stop is None else stop
    writer = format_writer(form, site.sensors, site.payloads)
    played = Played(Published(0, 0, 0))
    with Sender(url, ended, will=writer.will) as sender:
        pace = _Pace(speed, shift_to, ended)
        while not ended.is_set():
            sent = 0
            for rows in recording():
                for letter in pace.keep(_letters(rows, site, writer, played, pace)):
                    sender.send(letter)
                    sent += 1
                if told is not None:
                    told(None, sender.acknowledged)
                if ended.is_set():
                    break
            played.rounds += 1
            if not loop or not sent:
                break
            pace.again()
        for letter in writer.end(time.time_ns()):
            sender.send(letter)
        played.published = sender.settle()
    return played


class _Pace:
    """Shifts times, and waits until they are due."""

    def __init__(self, speed: float, shift_to: int | None, stop: Event) -> None:
        self._speed, self._stop = speed, stop
        self._shift_to = shift_to
        self._shift: int | None = 0 if shift_to is None else None
        self._begun = time.monotonic()
        self._first: int | None = None
        self._newest = -(2**63)

    def moved(self, at: int) -> int:
        """A recorded time as it is published."""
        if self._shift is None:
            assert self._shift_to is not None
            self._shift = self._shift_to - at
        return at + self._shift

    def keep(self, letters: Iterable[Letter]) -> Iterator[Letter]:
        """The letters when they are due."""
        for letter in letters:
            self._newest = max(self._newest, letter.time)
            if self._first is None:
                self._first = letter.time
            due = self._begun + (letter.time - self._first) / SECOND / self._speed
            while (left := due - time.monotonic()) > 0 and not self._stop.is_set():
                self._stop.wait(min(left, 0.5))
            if self._stop.is_set():
                return
            yield letter

    def again(self) -> None:
        """The next round begins after what was last."""
        self._shift_to, self._shift = self._newest + ROUND, None


def _letters(rows: Rows, site: SiteLike, writer: Writer, played: Played, pace: _Pace) -> list[Letter]:
    for place, count in zip(*np.unique(rows.sensor, return_counts=True), strict=True):
        name = rows.names[int(place)]
        if name not in site.sensors:
            played.unknown[name] = played.unknown.get(name, 0) + int(count)
    letters: list[Letter] = []
    for place, at, value in zip(rows.sensor.tolist(), rows.time.tolist(), rows.value.tolist(), strict=True):
        if rows.names[place] in site.sensors:
            one = Readings.of(rows.names[place], np.array([pace.moved(at)]), np.array([value]))
            letters += writer.live(one)
    for wave in rows.waves:
        name = rows.names[wave.sensor]
        if name in site.sensors:
            start = pace.moved(wave.time)
            sent = start + round(len(wave.samples) / wave.rate * SECOND)
            letters.append(writer.wave(Block(name, start, wave.rate, wave.samples, sent)))
        else:
            played.unknown[name] = played.unknown.get(name, 0) + 1
    return writer.ordered(letters)
