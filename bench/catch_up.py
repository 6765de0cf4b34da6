"""Judging was away for ten minutes while collect took 1,000 readings a second: how soon it has caught up.

    python -m bench.catch_up [--minutes 10]

The log is written through the real spool as collect would have: 50 seals a second of 20 messages, one reading each. The
aim is <= 5 s, counted from the start of the process, Python's own start included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.machine import machine
from bench.roles import Roles, payload, topic, write_site
from collector.judged import Judged
from collector.message import MQTT, Message
from collector.spool import Spool, SpoolReader

SENSORS, RATE, SEALS = 1000, 1000, 50
MS = 10**6
AIM = 5.0


def write(data: Path, seconds: int, start: int) -> int:
    """Seals of so many seconds; returns the readings."""
    spool, count = Spool(data), 0
    for now, messages in seals(start, seconds):
        spool.append(messages, now, now)
        count += len(messages)
    spool.close()
    return count


def seals(start: int, seconds: int) -> Iterator[tuple[int, list[Message]]]:
    """(now, messages) of each seal."""
    each = RATE // SEALS
    for k in range(seconds * SEALS):
        now = start + (k + 1) * 1000 * MS // SEALS
        yield (
            now,
            [
                Message(
                    topic(s := (k * each + j) % SENSORS).decode(),
                    payload(0.5 + (s * 7 + k) % 40 / 100, now - MS + j),
                    MQTT,
                )
                for j in range(each)
            ],
        )


def begin(site: Path, data: Path) -> None:
    """A second of readings, judged; then judging stops."""
    write(data, 1, time.time_ns() - 1800 * 1000 * MS)
    with Roles(site, ("judge",)) as roles:
        roles.until(lambda: at_the_end(data), 60)


def at_the_end(data: Path) -> bool:
    """Whether judging's cursor is at the log's last seal."""
    judged, spool = Judged(data), SpoolReader(data)
    seal = judged.status().get("seal")
    last = spool.last()
    judged.close()
    spool.close()
    return bool(seal == last)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args(argv)
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        site = write_site(Path(name), "mqtt://127.0.0.1:1", SENSORS)
        data = Path(name) / "data"
        begin(site, data)
        seconds = int(asked.minutes * 60)
        count = write(data, seconds, time.time_ns() - seconds * 1000 * MS)
        with Roles(site, ("judge",)) as roles:
            took = roles.until(lambda: at_the_end(data), 600, pause=0.02)
            memory, busy = roles.memory(), roles.cpu("judge")
        judged = Judged(data)
        taken = judged.ledger().get("gate.judged", 0)
        judged.close()
    if taken != count + RATE:
        raise RuntimeError(f"judged {taken} of {count + RATE} readings")
    verdict = "within" if took <= AIM else "MISSES"
    print(
        f"caught up on {asked.minutes:g} min, {count:,} messages, in {took:.1f} s "
        f"({count / took:,.0f} messages/s; {busy:.1f} s of processor time, {busy / count * 1e6:.1f} us a message); "
        f"{verdict} the aim of {AIM:g} s for 10 min; memory: {memory}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
