"""`davylamp replay` of 30 days of 500 sensors, a reading a minute, three rules a sensor: 21.6 million readings.

    python -m bench.month [--days 30] [--third '{ kind = "signal.limit", limit = "2 %vol" }' ...]

The readings are CSV as `davylamp replay` takes it, written beforehand; the command runs as a user runs it, so its start
and reading the file are counted. Each `--third` is a run of its own with another third rule beside signal.limit and
health.stuck; the rule `silent` comes with `every`. The aim: under 120 s.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.machine import machine

S = 10**9
MINUTE = 60 * S
START = 29_333_333 * MINUTE
SENSORS, AREAS = 500, 10
THIRD = '{ kind = "signal.cusum" }'
HEAD = """
[site]
id = "bench"
timezone = "Asia/Shanghai"
simulated = true
[rule.gas]
sensors = ["ch4-*"]
detector = { kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }
priority = "high"
guidance = "Withdraw"
[rule.stuck]
sensors = ["ch4-*"]
detector = { kind = "health.stuck" }
priority = "low"
"""


def site(third: str) -> str:
    """The site file."""
    sensor = 'quantity = "methane", unit = "%vol", span = [0, 4], every = "1min", quantum = 0.01, noise = 0.05'
    lines = [f'ch4-{k:03d} = {{ area = "a{k % AREAS}", {sensor} }}' for k in range(SENSORS)]
    rule = f'[rule.third]\nsensors = ["ch4-*"]\ndetector = {third}\npriority = "log"\n'
    return "\n".join([HEAD, rule, "[sensor]", *lines, ""])


def write_readings(path: Path, days: int) -> None:
    """Noise about 0.5 %vol, quantised, with a rare excursion over the limit."""
    chance = np.random.default_rng(7)
    names = [f",ch4-{k:03d}," for k in range(SENSORS)]
    with path.open("w") as out:
        out.write("time,sensor,value\n")
        for minute in range(days * 24 * 60):
            level = 0.5 + 0.05 * chance.standard_normal(SENSORS)
            level[chance.random(SENSORS) < 1e-5] = 1.2
            now = str(START + minute * MINUTE)
            out.writelines(f"{now}{name}{v}\n" for name, v in zip(names, np.round(level, 2).tolist(), strict=True))


def run(root: Path, third: str) -> bool:
    """One line of the table; False if the command failed, which it has said itself."""
    (root / "site.toml").write_text(site(third), encoding="utf-8")
    command = [sys.executable, "-m", "collector.cli", "replay", str(root / "site.toml"), str(root / "readings.csv")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run([*command, "--journal", str(root / "j"), "--json"], stdout=subprocess.PIPE)
    if done.returncode:
        return False
    taken = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{told['readings']:,} readings in {taken:.1f} s, {used:.1f} s of processor time, "
        f"{taken / told['readings'] * 1e9:.0f} ns/reading, {after.ru_maxrss / 1024:.0f} MB at most, "
        f"{told['lines']} journal lines; third rule {third}",
        flush=True,
    )
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--third", action="append", metavar="DETECTOR")
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        begun = time.perf_counter()
        write_readings(root / "readings.csv", asked.days)
        size = (root / "readings.csv").stat().st_size
        print(f"{size / 1e6:.0f} MB of CSV written in {time.perf_counter() - begun:.0f} s (not counted)", flush=True)
        done = [run(root, third) for third in asked.third or [THIRD]]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
