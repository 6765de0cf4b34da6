"""A backtest of one lowered limit over 30 days of 100 sensors, one reading a minute: 4.3 million, judged twice.

    python -m bench.backtest [--days 30] [--sensors 100]

Prints the machine, how long the recording took to read and both judges to run, and what was gained. The aim is a minute
for all of it.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from collector.backtesting import backtest
from collector.recording import Recording
from collector.trying import processors

MINUTE = 60 * 10**9
START = 1_760_000_040 * 10**9
EXCURSIONS = 6
"""A sensor and 30 days, each half an hour long, 0.3 to 0.8 % high."""


def document(limit: float, sensors: int) -> dict[str, Any]:
    """Methane sensors with a site's rules: a limit, silence, stuck, and two statistical ones that log."""
    sensor = {"quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "1min", "quantum": 0.01, "noise": 0.03}
    all_of_them = {"sensors": ["ch4-*"]}
    gas = {"kind": "signal.limit", "limit": f"{limit} %vol", "reset": "0.7 %vol"}
    return {
        "site": {"id": "bench", "timezone": "Asia/Shanghai", "simulated": True},
        "payload": {"plain": {"topic": "bench/{area}/{sensor}", "json": {"value": "v", "time": "t"}}},
        "sensor": {f"ch4-{k:03d}": {**sensor, "area": f"a{k % 10}"} for k in range(sensors)},
        "rule": {
            "gas": {**all_of_them, "detector": gas, "priority": "high", "guidance": "Withdraw"},
            "stuck": {**all_of_them, "detector": {"kind": "health.stuck"}, "priority": "low"},
            "spike": {**all_of_them, "detector": {"kind": "signal.spike"}, "priority": "log"},
            "rise": {**all_of_them, "detector": {"kind": "signal.cusum"}, "priority": "log"},
        },
    }


def write_csv(file: Path, days: int, sensors: int) -> None:
    """A daily rhythm, noise, and now and then an excursion."""
    chance, minutes = np.random.default_rng(7), days * 1440
    level = 0.4 + 0.1 * np.cos(2 * np.pi * np.arange(minutes) / 1440)[:, None]
    value = level + 0.03 * chance.standard_normal((minutes, sensors))
    for sensor in range(sensors):
        for begin in chance.integers(0, minutes - 30, max(1, EXCURSIONS * days // 30)):
            value[begin : begin + 30, sensor] += chance.uniform(0.3, 0.8)
    names = [f"ch4-{k:03d}" for k in range(sensors)]
    with file.open("w", encoding="utf-8") as out:
        out.write("time,sensor,value\n")
        for minute, row in enumerate(np.round(np.clip(value, 0, 4), 2).tolist()):
            at = START + minute * MINUTE
            out.writelines(f"{at},{name},{v}\n" for name, v in zip(names, row, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sensors", type=int, default=100)
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder) / "r.csv", asked.days, asked.sensors)
        begun = time.perf_counter()
        with Recording([Path(folder) / "r.csv"]) as recording:
            read = time.perf_counter() - begun
            before = document(1.0, asked.sensors)
            after = copy.deepcopy(before)
            after["rule"]["gas"]["detector"]["limit"] = "0.9 %vol"
            found = backtest(before, after, recording.folder)
            seconds = time.perf_counter() - begun
            print(
                f"{recording.readings:,} readings: read in {read:.1f} s, judged twice on {processors()} processors in "
                f"{seconds - read:.1f} s, {seconds:.1f} s in all"
            )
    print(f"limit 1.0 -> 0.9: {found.of_rule()['gas']}")
    return 0 if found.of_rule()["gas"].get("gained", 0) else 1


if __name__ == "__main__":
    sys.exit(main())
