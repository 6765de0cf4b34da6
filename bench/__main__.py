"""All benches, one after the other, each in a process of its own so that none inherits another's memory.

python -m bench [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys

from bench.roles import python

ALL = {
    "detectors": (),
    "ingest": (),
    "latency": (),
    "notify": (),
    "catch_up": (),
    "replay": ("--hours", "1"),
    "month": (),
    "backtest": (),
    "simulate": (),
    "publish": (),
    "kill": (),
    "fuzz": ("--messages", "1000000"),
    "chaos": ("--times", "1", "--kills", "8"),
    "flood": (),
    "soak": ("--minutes", "2"),
    "sizes": ("--sensors", "100", "1000"),
}


def main() -> int:
    asked = sys.argv[1:] or list(ALL)
    unknown = [name for name in asked if name not in ALL]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}: there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    failed = []
    for name in asked:
        print(f"\n# {name}: python -m bench.{name} {' '.join(ALL[name])}", flush=True)
        if subprocess.run(python(f"bench.{name}", *ALL[name])).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
