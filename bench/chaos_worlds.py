"""What each fault of bench.chaos needs besides the driver: a store that refuses, a real one, a small disk, a library.

Constraints. A world is made for one row and cleared up with its stack; a fault is done once by `do`. What this machine
cannot give is said as `NotHere`, with what is missing. InfluxDB's refusals are a fake's of the tests, all else is a
real influxd.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.errors import Unavailable
from collector.influx import Address
from collector.stored import Standing, cursor_file, standings
from tests.chaos import faults
from tests.chaos.driving import Drive, Tally, eventually
from tests.chaos.influx_fake import InfluxFake, Refusal
from tests.chaos.numbers import SENSORS, sensor
from tests.chaos.preload import Preload
from tests.influx.conftest import Influxd, ask, wrong_type
from tests.influx.conftest import counts as influx_counts

DISK = "256m"
INFLUX = '[influx]\nurl = "{url}"\ndatabase = "telemetry"\n'


class NotHere(Exception):
    """This machine cannot have the fault; why."""


class World:
    """What a fault needs besides the drive. `more` is TOML for the site file, `environment` is the roles'."""

    more = ""
    environment: Mapping[str, str] = {}

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


class Told(World):
    """A fault of the machine, by the library that is preloaded into the roles."""

    def __init__(self, stack: ExitStack, folder: Path, what: Callable[[Preload], object]) -> None:
        super().__init__(stack, folder)
        self._what = what
        try:
            self._preload = Preload(folder)
        except Unavailable as error:
            raise NotHere(str(error)) from error
        self.environment = self._preload.environment

    def do(self, drive: Drive) -> None:
        self._what(self._preload)


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
        refused = _influx(drive).counts.get("refused", 0)
        said = []
        if self._store.readings() + refused != found.sent:
            said.append(f"InfluxDB has {self._store.readings()} readings, refused {refused}, of {found.sent}")
        if (refused > 0) != (self._refusal is Refusal.LINE):
            said.append(f"the ledger counts {refused} readings as refused")
        if self._store.early:
            said.append(f"{self._store.early} requests before Retry-After had passed")
        return said


class Real(World):
    """A real InfluxDB that stops for 3 s; afterwards it must have each reading."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        try:
            self.server = stack.enter_context(Influxd(folder / "influxd"))
        except pytest.skip.Exception as missing:
            raise NotHere(str(missing)) from missing
        self.address = Address(self.server.url, "telemetry", True)
        self.more = INFLUX.format(url=self.server.url)

    def do(self, drive: Drive) -> None:
        self.server.stop()
        time.sleep(3)
        self.server.start()

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        has = self.has()
        return [] if has == found.sent else [f"InfluxDB has {has} readings of {found.sent}"]

    def has(self) -> int:
        """Readings of the driver's sensors that it holds."""
        there = influx_counts(self.address)
        return sum(there.get(sensor(k), 0) for k in range(SENSORS))


class Dropped(Real):
    """Its database is dropped: what lay in it is gone with it, nothing that came later may be."""

    def do(self, drive: Drive) -> None:
        ask(self.address, "DROP DATABASE telemetry")
        time.sleep(3)

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        has = self.has()
        return [] if 0 < has < found.sent else [f"after the drop it has {has} readings"]


class WrongType(Real):
    """It holds a text where our numbers go, so it refuses what we write; then that is dropped and all written anew."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        wrong_type(self.address, sensor(3), time.time_ns())

    def do(self, drive: Drive) -> None:
        time.sleep(3)
        refused, held = _influx(drive).counts.get("refused", 0), self.has() - 1  # without the text itself
        if not refused or held or not _influx(drive).refused:
            raise AssertionError(f"{refused} lines are counted as refused, and it holds {held} readings")
        drive.recovered()  # history is not held up
        with drive.resting():
            ask(self.address, "DROP MEASUREMENT reading")
            cursor_file(drive.data, "influx").unlink()
        eventually(lambda: self.has() > drive.numbers.sent // 2, 60, "InfluxDB does not catch up")

    def wrong(self, drive: Drive, found: Tally) -> list[str]:
        refused = _influx(drive).counts.get("refused", 0)
        said = [f"the ledger counts {refused} readings as refused after the mend"] if refused else []
        return [*said, *super().wrong(drive, found)]


class FullDisk(World):
    """The data folder on a small disk, full for 6 s."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        self._disk = folder / "data"
        self._disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(self._disk)]
        done = subprocess.run(mount, capture_output=True, text=True)
        if done.returncode:
            raise NotHere(f"no right to mount a small disk: {done.stderr.strip()}")
        stack.callback(subprocess.run, ["umount", "-l", str(self._disk)], check=True)

    def do(self, drive: Drive) -> None:
        ballast, end = faults.fill(self._disk), time.monotonic() + 6
        while time.monotonic() < end:
            time.sleep(1)
            faults.fill(self._disk, "more")  # what the reserve gave
        ballast.unlink()
        (self._disk / "more").unlink()


def _influx(drive: Drive) -> Standing:
    return next(one for one in standings(drive.data) if one.name == "influx")
