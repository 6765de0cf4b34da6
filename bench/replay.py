"""Replay of 1,000 sensors at 1 Hz with two rules each, from a spool and from CSV, journal written.

    python -m bench.replay [--hours 1]

Prints the machine, the times, and how many times real time that is. The aim for the spool is 1,000 x.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from collector.message import MQTT, REVISION, Message
from collector.replaying import replay
from collector.spool import Spool
from detectors.site import Site, read_site

S = 10**9
START = 1_760_000_000 * S
SENSORS, LOGGERS = 1000, 10


def document() -> dict[str, Any]:
    """1,000 methane sensors, each with a limit and a stuck rule, beside the silence rule that comes with `every`."""
    sensor = {"quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "1s", "quantum": 0.01}
    limit = {"kind": "signal.limit", "side": "above", "limit": "1.0 %vol", "reset": "0.9 %vol"}
    columns = {"sensor": "s", "value": "v", "time": "t"}
    return {
        "site": {"id": "bench", "timezone": "Asia/Shanghai", "simulated": True},
        "payload": {"logger": {"topic": "bench/{area}", "columns": columns}},
        "sensor": {f"ch4-{k:04d}": {**sensor, "area": f"a{k % LOGGERS}"} for k in range(SENSORS)},
        "rule": {
            "gas": {"sensors": ["ch4-*"], "detector": limit, "priority": "high", "guidance": "Withdraw"},
            "stuck": {"sensors": ["ch4-*"], "detector": {"kind": "health.stuck"}, "priority": "low"},
        },
    }


def values(seconds: int) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """(now, 1,000 values) each second: noise about 0.5, quantised, with a rare excursion."""
    chance = np.random.default_rng(7)
    for k in range(seconds):
        level = 0.5 + 0.05 * chance.standard_normal(SENSORS)
        level[chance.random(SENSORS) < 1e-5] = 1.2
        yield START + k * S, np.round(level, 2)


def write_spool(folder: Path, seconds: int) -> int:
    """Ten loggers, each one columnar message of 100 readings a second."""
    spool = Spool(folder)
    spool.append([Message("revision", json.dumps({"document": document()}).encode(), REVISION)], START - S, START - S)
    names = [[f"ch4-{k:04d}" for k in range(SENSORS) if k % LOGGERS == a] for a in range(LOGGERS)]
    for now, level in values(seconds):
        messages = []
        for area in range(LOGGERS):
            payload = {"s": names[area], "v": level[area::LOGGERS].tolist(), "t": [now] * len(names[area])}
            messages.append(Message(f"bench/a{area}", json.dumps(payload).encode(), MQTT))
        spool.append(messages, now, now)
    spool.close()
    return seconds * SENSORS


def write_csv(path: Path, seconds: int) -> None:
    """The same readings as CSV."""
    with path.open("w") as out:
        out.write("time,sensor,value\n")
        for now, level in values(seconds):
            out.writelines(f"{now},ch4-{k:04d},{v}\n" for k, v in enumerate(level.tolist()))


def show(name: str, site: Site, source: Path, journal: Path, seconds: int) -> None:
    """One line of the table."""
    begun = time.process_time()
    result = replay(site, source, journal)
    used = time.process_time() - begun
    print(
        f"{name:<8}{result.readings:>12,} readings {result.seconds:>7.1f} s ({used:.1f} s of processor time, "
        f"{used / result.readings * 1e9:.0f} ns/reading) {seconds / result.seconds:>7.0f} x real time  "
        f"{result.lines} journal lines",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    seconds = int(asked.hours * 3600)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        begun = time.perf_counter()
        write_spool(root / "spool", seconds)
        print(f"log written in {time.perf_counter() - begun:.0f} s")
        site = read_site(document())
        if asked.profile:
            import cProfile

            cProfile.runctx("replay(site, root / 'spool', root / 'j')", globals(), locals(), sort="tottime")
        show("spool", site, root / "spool", root / "journal.jsonl", seconds)
        short = min(seconds, 600)
        write_csv(root / "readings.csv", short)
        show("csv", site, root / "readings.csv", root / "journal.jsonl", short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
