"""Every fault, one after the other, while readings keep coming; then what was sent is compared with what is there.

    python -m bench.chaos [--only WORD] [--times 2] [--kills 40]

The driver is that of tests/chaos: real roles under the real supervisor, mosquitto, a webhook as the desk. A row that
does not hold what docs/guarantees.md promises makes the exit code 1. InfluxDB's refusals are given by a fake of the
tests, its absence by a real one.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.machine import machine
from collector.influx import Address
from collector.stored import standings
from tests.chaos import faults
from tests.chaos.driving import ROLES, Drive, Tally, eventually
from tests.chaos.influx_fake import InfluxFake, Refusal
from tests.chaos.numbers import SENSORS, sensor
from tests.influx.conftest import Influxd, ask
from tests.influx.conftest import counts as influx_counts

HEAD = ("fault", "times", "sent", "lost", "twice", "missed", "repeated", "recovered")
SHAPE = "{:<44}{:>6}{:>8}{:>7}{:>7}{:>8}{:>10}{:>11}"
DISK = "256m"
INFLUX = '[influx]\nurl = "{url}"\ndatabase = "telemetry"\n'


class World:
    """What a fault needs besides the drive. `more` is TOML for the site file."""

    more = ""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder

    def do(self, drive: Drive) -> None:
        """The fault, once."""
        raise NotImplementedError

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        """What else does not hold, the roles being at rest."""
        return []


class Plain(World):
    """A fault that needs nothing."""

    def __init__(self, stack: ExitStack, folder: Path, what: Callable[[Drive], object]) -> None:
        super().__init__(stack, folder)
        self._what = what

    def do(self, drive: Drive) -> None:
        self._what(drive)


class Refusing(World):
    """An InfluxDB that refuses for 3 s; afterwards it must have each reading once, or as refused in the ledger."""

    def __init__(self, stack: ExitStack, folder: Path, refusal: Refusal) -> None:
        super().__init__(stack, folder)
        self._refusal, self._store = refusal, InfluxFake()
        stack.callback(self._store.close)
        self.more = INFLUX.format(url=self._store.url)

    def do(self, drive: Drive) -> None:
        self._store.refusal = self._refusal
        time.sleep(14 if self._refusal is Refusal.SLOW else 3)
        self._store.refusal = None
        eventually(lambda: self._store.readings() >= drive.numbers.sent // 2, 60, "InfluxDB does not catch up")

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        counts = next(one for one in standings(drive.data) if one.name == "influx").counts
        refused = counts.get("refused", 0)
        said = []
        if self._store.readings() + refused != found.sent:
            said.append(f"InfluxDB has {self._store.readings()} readings, refused {refused}, of {found.sent}")
        if (refused > 0) != (self._refusal is Refusal.LINE):
            said.append(f"the ledger counts {refused} readings as refused")
        if self._store.early:
            said.append(f"{self._store.early} requests before Retry-After had passed")
        return said


class Real(World):
    """A real InfluxDB that stops for 3 s, or whose database is dropped."""

    def __init__(self, stack: ExitStack, folder: Path, drop: bool) -> None:
        super().__init__(stack, folder)
        self._server, self._drop = stack.enter_context(Influxd(folder / "influxd")), drop
        self._address = Address(self._server.url, "telemetry", True)
        self.more = INFLUX.format(url=self._server.url)

    def do(self, drive: Drive) -> None:
        if self._drop:
            ask(self._address, "DROP DATABASE telemetry")
            time.sleep(3)
            return
        self._server.stop()
        time.sleep(3)
        self._server.start()

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        there = influx_counts(self._address)
        has = sum(there.get(sensor(k), 0) for k in range(SENSORS))
        if self._drop:  # what lay in it is gone with it, nothing that came later may be
            return [] if 0 < has < found.sent else [f"after the drop it has {has} readings"]
        return [] if has == found.sent else [f"InfluxDB has {has} readings of {found.sent}"]


class FullDisk(World):
    """The data folder on a small disk, full for 6 s."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        self._disk = folder / "data"
        self._disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(self._disk)], check=True)
        stack.callback(subprocess.run, ["umount", "-l", str(self._disk)], check=True)

    def do(self, drive: Drive) -> None:
        ballast, end = faults.fill(self._disk), time.monotonic() + 6
        while time.monotonic() < end:
            time.sleep(1)
            faults.fill(self._disk, "more")  # what the reserve gave
        ballast.unlink()
        (self._disk / "more").unlink()


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
    yield Fault("InfluxDB stopped for 3 s", partial(Real, drop=False), times)
    yield Fault("InfluxDB's database dropped", partial(Real, drop=True), 1)
    yield Fault("disk full for 6 s", FullDisk, 1)


def row(fault: Fault, rate: int) -> bool:
    """Do it, print its line; True if it holds what is promised."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            world = fault.world(stack, folder)
            with Drive(folder, rate, world.more) as drive:
                worst = 0.0
                time.sleep(3)
                for _ in range(fault.times):
                    world.do(drive)
                    worst = max(worst, drive.recovered())
                found = drive.tally(settle=fault.promised)
                wrong = found.wrong + world.wrong(drive, found)
        except (Exception, SystemExit) as error:  # one row that cannot be had does not cost the others
            print(f"{fault.name:<44}{fault.times:>6}   DOES NOT HOLD: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
            return False
    figures = (found.lost, found.twice, found.missed, found.again)
    print(SHAPE.format(fault.name, fault.times, found.sent, *figures, f"{worst:.1f} s"), flush=True)
    for one in wrong:
        print(f"    {one}", flush=True)
    return not wrong and not found.twice and (not fault.promised or not any(figures))


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
    held = [row(fault, given.rate) for fault in chosen if given.only in fault.name]
    print("* what a broker forgets that is killed with -9 is its own: docs/guarantees.md, 1")
    print(f"{sum(held)} of {len(held)} faults hold what is promised")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
