"""Every fault, one after the other, while readings keep coming; then what was sent is compared with what is there.

    python -m bench.chaos [--only WORD] [--times 2] [--kills 40]

The driver is that of tests/chaos: real roles under the real supervisor, mosquitto, a webhook as the desk. A row that
does not hold what docs/guarantees.md promises makes the exit code 1; one that this machine cannot have says why. What a
fault needs is made in chaos_worlds.py.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from bench.chaos_worlds import Dropped, FullDisk, NotHere, Plain, Real, Refusing, Told, World, WrongType
from bench.machine import machine
from tests.chaos import faults
from tests.chaos.driving import ROLES, Drive
from tests.chaos.influx_fake import Refusal

HEAD = ("fault", "times", "sent", "lost", "twice", "missed", "repeated", "recovered")
SHAPE = "{:<44}{:>6}{:>8}{:>7}{:>7}{:>8}{:>10}{:>11}"


class Outcome(Enum):
    """Of a row."""

    HOLDS = "hold"
    FAILS = "do not hold"
    NOT_HERE = "could not be had on this machine"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: what is done, how often, and whether the promise is about it."""

    name: str
    world: Callable[[ExitStack, Path], World]
    times: int
    promised: bool = True
    """False for a broker that is killed with -9: what it forgets is its own (docs/guarantees.md, 1)."""


def second_of_each(drive: Drive) -> None:
    """Each role a second time: refused by name."""
    for role in ROLES:
        faults.second(drive, role)


def all_faults(times: int, kills: int, chance: random.Random) -> Iterator[Fault]:
    """All rows."""

    def plain(name: str, what: Callable[[Drive], object], often: int = times, promised: bool = True) -> Fault:
        return Fault(name, partial(Plain, what=what), often, promised)

    for role in ROLES:
        yield plain(f"kill -9 of {role}", partial(faults.kill, role=role, chance=chance), kills // len(ROLES))
    for role in ROLES:
        yield plain(f"SIGSTOP of {role} for {faults.LONGER:.0f} s", partial(faults.freeze, role=role))
    yield plain("broker restarted", faults.restart_broker)
    yield plain("broker killed with -9 *", partial(faults.restart_broker, how=signal.SIGKILL), promised=False)
    yield plain("connection reset", faults.reset)
    yield plain("network cut for 3 s", faults.cut)
    yield plain(f"connection half-open for {faults.LONGER:.0f} s", faults.half_open)
    yield plain("a second process of each role", second_of_each, 1)
    for refusal in Refusal:
        yield Fault(f"InfluxDB: {refusal.value}", partial(Refusing, refusal=refusal), 1)
    yield Fault("InfluxDB: a wrong field type already stored", WrongType, 1)
    yield Fault("InfluxDB stopped for 3 s", Real, times)
    yield Fault("InfluxDB's database dropped", Dropped, 1)
    yield Fault("disk full for 6 s", FullDisk, 1)
    slow = f"disk slow for {faults.LONGER:.0f} s: {faults.SLOW * 1000:.0f} ms more a sync"
    yield Fault(slow, partial(Told, what=faults.slow_disk), times)
    yield Fault("disk failing for 4 s: each sync EIO", partial(Told, what=faults.failing_disk), times)
    yield Fault("wall clock + 1 h, back, - 1 h, back", partial(Told, what=faults.set_clock), times)
    away = ("judged.db*", "snapshots")
    judged = partial(faults.damaged_page, name="judged.db", table="journal", role="judge", away=away)
    yield plain("judged.db: last page of the journal damaged", judged)
    yield plain("spool.db: last page of the log damaged", faults.damaged_log)
    yield plain("a snapshot cut short", faults.snapshot_cut_short)


def row(fault: Fault, rate: int) -> Outcome:
    """Do it, print its line."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            world = fault.world(stack, folder)
            with Drive(folder, rate, world.more, world.environment) as drive:
                worst = 0.0
                time.sleep(3)
                for _ in range(fault.times):
                    world.do(drive)
                    worst = max(worst, drive.recovered())
                found = drive.tally(settle=fault.promised)
                wrong = found.wrong + world.wrong(drive, found)
        except NotHere as missing:
            print(f"{fault.name:<44}{fault.times:>6}   not to be had on this machine: {missing}", flush=True)
            return Outcome.NOT_HERE
        except (Exception, SystemExit) as error:  # one row that fails does not cost the others
            print(f"{fault.name:<44}{fault.times:>6}   DOES NOT HOLD: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
            return Outcome.FAILS
    figures = (found.lost, found.twice, found.missed, found.again)
    print(SHAPE.format(fault.name, fault.times, found.sent, *figures, f"{worst:.1f} s"), flush=True)
    for one in wrong:
        print(f"    {one}", flush=True)
    holds = not wrong and not found.twice and (not fault.promised or not any(figures))
    return Outcome.HOLDS if holds else Outcome.FAILS


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose name holds this text")
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--kills", type=int, default=40, help="in all, of all roles")
    parser.add_argument("--rate", type=int, default=200, help="readings a second")
    parser.add_argument("--seed", type=int, default=20230222)
    given = parser.parse_args(argv)
    print(machine())
    print(SHAPE.format(*HEAD))
    chosen = all_faults(given.times, given.kills, random.Random(given.seed))
    outcomes = [row(fault, given.rate) for fault in chosen if given.only in fault.name]
    print("* what a broker forgets that is killed with -9 is its own: docs/guarantees.md, 1")
    counted = (f"{outcomes.count(one)} {one.value}" for one in Outcome if one in outcomes)
    print(f"of {len(outcomes)} faults {', '.join(counted)}")
    return 1 if Outcome.FAILS in outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
