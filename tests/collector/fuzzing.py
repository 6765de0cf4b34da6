"""Mutants decoded and counted: each message must be readings, dead letters, or something else that has a name.

Constraints. Each message is a seal of its own with a `now` of its own, so what came of it can be told from the columns'
arrivals: one message's many readings hide no other's loss. What is looked at is looked at for a whole batch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from collector.decode import Decoded, Decoder
from collector.message import CSV, MQTT, OWN, REVISION, Message, Seal
from collector.spool import Spool
from detectors.reading import Quality, Wave
from tests.collector.mutants import batches, form
from tests.collector.test_decode import DOCUMENT, NAMES, NOW, SITE

STEP = 1_000_000
"""ns between two messages."""
TOGETHER = 100
"""Messages that are appended to a log at once."""
NO_VALUE, SIMULATED = int(Quality.NO_VALUE), int(Quality.SIMULATED)


@dataclass(slots=True)
class Tally:
    """What became of some messages, by the form of what they were made of."""

    messages: Counter[str] = field(default_factory=Counter)
    readings: Counter[str] = field(default_factory=Counter)
    dead: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By form and reason."""
    silent: Counter[str] = field(default_factory=Counter)
    """Neither readings nor dead letters, but something else that was counted."""
    seconds: Counter[str] = field(default_factory=Counter)
    """Processor time: made, decoded, looked at, beside."""
    wrong: list[str] = field(default_factory=list)
    """What must not be, the first few."""

    def add(self, other: Tally) -> None:
        """Add another's counts."""
        for name in ("messages", "readings", "dead", "silent", "seconds"):
            getattr(self, name).update(getattr(other, name))
        self.wrong += other.wrong


def fuzz(count: int, seed: int, beside: Callable[[Sequence[Message], Sequence[str]], None] | None = None) -> Tally:
    """Decode and look at so many mutants, with one decoder and what it remembers. `beside` is given each batch too."""
    decoder, tally, first, clock = Decoder(SITE), Tally(), 0, process_time
    at = clock()
    for messages in batches(count, seed):
        made = clock()
        decoded = decoder.decode(seals(messages))
        done = clock()
        forms = [form(first + k) for k in range(len(messages))]
        take(messages, decoded, forms, tally)
        looked = clock()
        if beside is not None:
            beside(messages, forms)
        tally.seconds.update({"made": made - at, "decoded": done - made, "looked at": looked - done})
        at = clock()
        tally.seconds.update({"beside": at - looked})
        first += len(messages)
    return tally


def spooled(folder: Path, count: int, seed: int) -> int:
    """The log of a site to which so many mutants came, but for CSV's: a file's row carries time on to its own, years
    ahead. Returns how many messages of readings it has."""
    spool, now, appended = Spool(folder), NOW, 0
    spool.append([Message("revision", json.dumps({"document": DOCUMENT}).encode(), REVISION)], now, now)
    for batch in batches(count, seed):
        live = [message for message in batch if message.origin != CSV]
        appended += len(live)
        for first in range(0, len(live), TOGETHER):
            now += TOGETHER * STEP
            spool.append(live[first : first + TOGETHER], now, now)
    spool.close()
    return appended


def seals(messages: Sequence[Message]) -> list[Seal]:
    """A seal each."""
    return [Seal(k + 1, NOW + k * STEP, NOW, (message,)) for k, message in enumerate(messages)]


def take(messages: Sequence[Message], decoded: Decoded, forms: Sequence[str], tally: Tally) -> None:
    """Look at a batch and add what became of it."""
    tally.messages.update(forms)
    tally.dead.update((forms[letter.seal - 1], letter.reason) for letter in decoded.dead)
    given, later = _given(decoded, len(messages))
    for k in np.flatnonzero(given).tolist():
        tally.readings[forms[k]] += int(given[k])
    tally.readings["csv"] += later
    silent = _silent(decoded, given)
    tally.silent.update(forms[k] for k in silent)
    if len(tally.wrong) < 10:
        tally.wrong += [*odd(messages, decoded), *lost([messages[k] for k in silent], decoded, later)]
        if decoded.received != len(messages):
            tally.wrong.append(f"{len(messages)} messages, {decoded.received} received")


def _given(decoded: Decoded, count: int) -> tuple[NDArray[np.int64], int]:
    """Readings, blocks and ends of each message, and how many came later than theirs: CSV's, which bring their time."""
    arrived = np.concatenate((decoded.arrived, np.array([wave.arrived for wave in decoded.waves], np.int64)))
    place, beside = np.divmod(arrived - NOW, STEP)
    same = (beside == 0) & (place < count)
    return np.bincount(place[same], minlength=count), int(np.count_nonzero(~same))


def _silent(decoded: Decoded, given: NDArray[np.int64]) -> list[int]:
    """Places of messages that gave neither a reading nor a dead letter."""
    heard = given > 0
    heard[[letter.seal - 1 for letter in decoded.dead]] = True
    return np.flatnonzero(~heard).tolist()


def lost(silent: Sequence[Message], decoded: Decoded, later: int) -> list[str]:
    """Messages of which nothing is told, and more of a kind than were counted under its name."""
    by = Counter(message.origin for message in silent if message.origin != CSV or _lines(message.payload))
    named = {MQTT: sum(decoded.said.values()), OWN: decoded.own, CSV: later}
    found = [f"lost: {message}" for message in silent if message.origin == MQTT and not _says_otherwise(message.topic)]
    return found + [f"{by[o]} of {o} are silent, {n} have another name" for o, n in named.items() if by[o] > n]


def _says_otherwise(topic: str) -> bool:
    """Births, commands and deaths of Sparkplug; fields that the site file passes over."""
    return topic == "fields" or topic.startswith("spBv1.0/")


def _lines(payload: bytes) -> bool:
    """Whether a file has a line below its header."""
    lines = payload.replace(b"\r\n", b"\n").strip(b"\n").split(b"\n")
    return any(line for k, line in enumerate(lines) if k or not line.startswith(b"time,"))


def odd(messages: Sequence[Message], decoded: Decoded) -> list[str]:
    """What no detector may see, and letters that nobody could keep."""
    found = [
        f"{letter.detail}: {messages[letter.seal - 1]}" for letter in decoded.dead if letter.reason == "decoder_failed"
    ]
    try:
        "".join(f"{letter.topic}{letter.sensor}{letter.detail}" for letter in decoded.dead).encode()
    except UnicodeEncodeError as error:
        found.append(f"a dead letter that no file can take: {error}")
    columns = decoded.sensor, decoded.time, decoded.arrived, decoded.value, decoded.quality
    if len({len(column) for column in columns}) > 1:
        return [*found, f"columns of {[len(column) for column in columns]}"]
    wrong = {
        "a sensor that is none": (decoded.sensor < 0) | (decoded.sensor >= len(NAMES)),
        "an infinite value": np.isinf(decoded.value),
        "no number, and not marked so": np.isnan(decoded.value) & (decoded.quality & NO_VALUE == 0),
        "not marked as simulated": decoded.quality & SIMULATED == 0,
    }
    found += [f"{what}: {np.flatnonzero(rows)[:3]}" for what, rows in wrong.items() if rows.any()]
    return found + [f"an odd block: {wave}" for wave in decoded.waves if not _sound(wave, messages)]


def _sound(wave: Wave, messages: Sequence[Message]) -> bool:
    """Samples at a rate; an end only of who dies."""
    if not 0 <= wave.sensor < len(NAMES) or not 0 < wave.rate < 1e6:
        return False
    if wave.ends:
        return "DEATH" in messages[(wave.arrived - NOW) // STEP].topic
    return not np.isinf(wave.samples).any()
