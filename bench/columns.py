"""100 readings a message: our decoding of seals, beside bare msgspec decode of the same payloads."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.roles import sensor, write_site
from collector.config import load
from collector.decode import Decoder
from collector.message import MQTT, Message, Seal

READINGS, MESSAGES, REPEATS = 100, 2_000, 7
START = 1_760_000_000 * 10**9


class Columns(msgspec.Struct):
    """The payload, as bare msgspec reads it."""

    s: list[str] | str
    v: list[float]
    t: list[int]


def seals(many: bool) -> list[Seal]:
    """Columnar payloads: of 100 sensors each (a logger), or of one sensor each."""
    out: list[Seal] = []
    for k in range(MESSAGES):
        now = START + k * 10**9
        names = [sensor(j) for j in range(READINGS)] if many else sensor(k % READINGS)
        values = [round(0.5 + (j * 7 + k) % 40 / 100, 2) for j in range(READINGS)]
        table = {"s": names, "v": values, "t": [now + j * 10**6 for j in range(READINGS)]}
        message = Message("logger/pit", json.dumps(table, separators=(",", ":")).encode(), MQTT)
        out.append(Seal(k + 1, now + 10**9, now, (message,)))
    return out


def median(work: Callable[[], object]) -> float:
    """Median seconds of a call."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def columns() -> None:
    """Two lines of the table."""
    with TemporaryDirectory() as folder:
        site = load(write_site(Path(folder), "mqtt://127.0.0.1:1")).site
    bare = msgspec.json.Decoder(Columns).decode
    for name, many in (("a sensor each", True), ("of one sensor", False)):
        log = seals(many)
        payloads = [m.payload for s in log for m in s.messages]
        decoder = Decoder(site)
        count = decoder.decode(log).readings
        if count != READINGS * MESSAGES:
            raise RuntimeError(f"decoded {count} of {READINGS * MESSAGES} readings")
        ours = median(lambda decoder=decoder, log=log: decoder.decode(log)) / count  # type: ignore[misc]
        peer = median(lambda payloads=payloads: [bare(p) for p in payloads]) / count  # type: ignore[misc]
        print(
            f"100 readings a message, {name:<17}{1 / ours / 1e6:>9.2f} M readings/s  {ours * 1e9:.0f} ns each   "
            f"bare msgspec {peer * 1e9:.0f} ns: ours takes {ours / peer:.2f} x"
        )


if __name__ == "__main__":
    from bench.machine import machine

    print(machine())
    columns()
