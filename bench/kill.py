"""60,000 QoS 1 messages while collect, judge and store are killed with -9 at random, 200 times; then every promise.

    python -m bench.kill [--kills 200]

The rig and its checks are those of tests/chaos/test_kill.py: the ledger balances, history holds each reading once, the
journal's hash is that of an undisturbed fold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import machine
from collector.actions import ask_revision
from collector.config import load
from tests.chaos.killing import Rig, await_stored, await_subscription, publish, verify, write_site
from tests.servers import mosquitto

TOTAL = 60_000


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20230222)
    asked = parser.parse_args(argv)
    print(machine())
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as url:
        site = write_site(Path(name), url)
        loaded = load(site)
        ask_revision(loaded.settings.data, loaded.document, "bench", "first")
        begun = time.perf_counter()
        with Rig(site) as rig:
            await_subscription(rig, url)
            publish(url, TOTAL, rig, asked.kills, asked.seed)
            await_stored(rig, TOTAL, 300)
        counts = verify(rig, TOTAL)
        seconds = time.perf_counter() - begun
    if counts["gate.judged"] != TOTAL:
        raise RuntimeError(f"judged {counts['gate.judged']} of {TOTAL}")
    print(
        f"{TOTAL:,} messages, {rig.kills} kills with -9 in {seconds:.0f} s: {counts['gate.judged']:,} judged once "
        f"({counts.get('gate.duplicate', 0):,} deliveries were repeats), ledger balances, the journal's hash is equal"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
