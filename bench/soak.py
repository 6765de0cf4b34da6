"""5,000 messages a second for an hour: is the memory of every role flat, are alarms in time, is the spool bounded?

    python -m bench.soak [--minutes 60] [--rate 5000] [--warm 0.25]

Real roles and mosquitto on loopback. Each minute (or twelfth of the time, if that is less) a line: resident memory of
each role, p99 of that part's alarms, the size of the log. Growth is counted from the end of the warm-up (a share of
the time) to the end. The aims: < 5 % growth, p99 <= 250 ms from publishing to the journal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from bench.latency import AIM, LOOK, await_subscription
from bench.machine import machine
from bench.publisher import RISE
from bench.roles import Roles, python, write_site
from collector.judged import Judged
from collector.settings import ROLES
from collector.spool import spool_file
from tests.servers import Mosquitto

GROWTH = 5.0
"""%"""
Memory = dict[str, float]


def memory(roles: Roles) -> Memory:
    """Resident MB of each role."""
    page = os.sysconf("SC_PAGE_SIZE") / 1024**2
    return {
        name: int(Path(f"/proc/{one.pid}/statm").read_text().split()[1]) * page for name, one in roles.processes.items()
    }


def size(path: Path) -> float:
    """MB of a file of SQLite's with its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(one.stat().st_size for one in files if one.exists()) / 1024**2


class Watch:
    """Reads the journal as anyone may, and takes samples."""

    def __init__(self, roles: Roles, every: float) -> None:
        self._roles, self._every = roles, every
        self.judged = Judged(roles.data)
        self._line = (self.judged.journal(0, 10**6) or [(0, "", "")])[-1][0]
        self.samples: list[Memory] = []
        self.delays: list[float] = []
        self._begun = self._sampled = time.monotonic()
        self._shown = 0

    def look(self) -> None:
        """What is new in the journal; a sample when it is time for one."""
        seen = self.judged.journal(self._line)
        now = time.time_ns()
        for number, text, _ in seen:
            self._line, change = number, json.loads(text)
            if change["change"] == "raised" and change["rule"] == "gas":
                self.delays.append((now - change["time"]) / 1e6)
        if time.monotonic() - self._sampled >= self._every:
            self._sampled = time.monotonic()
            self._sample()

    def _sample(self) -> None:
        self.samples.append(memory(self._roles))
        part, self._shown = self.delays[self._shown :], len(self.delays)
        p99 = f"{np.percentile(part, 99):.0f} ms" if part else "-"
        told = ", ".join(f"{name} {mb:.1f}" for name, mb in self.samples[-1].items())
        log = size(spool_file(self._roles.data))
        print(f"{time.monotonic() - self._begun:6.0f} s  {told} MB; p99 {p99}; log {log:.0f} MB", flush=True)


def growth(samples: list[Memory], warm: float) -> Memory:
    """% that each role's memory grew from the end of the warm-up to the end; medians of three samples."""
    after = samples[int(len(samples) * warm) :]
    first, last = after[:3], after[-3:]
    middle = {name: [float(np.median([one[name] for one in part])) for part in (first, last)] for name in after[0]}
    return {name: 100 * (end / begin - 1) for name, (begin, end) in middle.items()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--warm", type=float, default=0.25)
    asked = parser.parse_args(argv)
    seconds = asked.minutes * 60
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Mosquitto(folder / "mosquitto"))
        with Roles(write_site(folder, server.url), ROLES) as roles:
            await_subscription(roles, server.port)
            watch = Watch(roles, min(60.0, seconds / 12))
            command = python("bench.publisher", server.port, asked.rate, seconds)
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as publisher:
                while publisher.poll() is None:
                    watch.look()
                    time.sleep(LOOK)
                sent = int(publisher.stdout.read()) if publisher.stdout else 0
            roles.until(lambda: watch.judged.ledger().get("gate.judged", 0) >= sent, 60)
            watch.look()
            bytes_each = size(spool_file(roles.data)) * 1024**2 / max(1, sent)
            watch.judged.close()
    grown, p99 = growth(watch.samples, asked.warm), float(np.percentile(watch.delays, 99))
    print(f"sent {sent:,}, one in {RISE} above the limit; {len(watch.delays)} alarms, p99 {p99:.0f} ms, aim {AIM:.0f}")
    print(
        "growth after warm-up: " + ", ".join(f"{role} {by:+.1f} %" for role, by in grown.items()) + f"; aim {GROWTH} %"
    )
    print(f"log: {bytes_each:.0f} bytes a message; load {os.getloadavg()[0]:.1f}")
    return 0 if p99 <= AIM and max(grown.values()) < GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
