"""The faults that are done to a running drive, each once; and what they were.

Constraints. A fault returns when it has ended, and the drive is as it was before: what must recover is the driver's to
wait for. Random moments come from a seeded generator.
"""

from __future__ import annotations

import errno
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from collector.backup import backup, restore
from collector.running import role_command
from tests.chaos.driving import KEEPALIVE, ROLES, Drive
from tests.chaos.preload import Preload

HOUR = 3600 * 10**9
CLOCK_STEPS = (HOUR, -HOUR, -HOUR, HOUR)
"""By how much the wall clock is set, ns, one after the other."""
PAGE = 4096
SLOW = 0.25
"""s that each sync of a slow disk takes longer."""
DAMAGED = "is damaged ("
LONGER = 2.2 * KEEPALIVE
"""s; more than the keep-alive of the connection twice over, the wait for a file and that for an answer."""


def kill(drive: Drive, role: str, chance: random.Random) -> None:
    """kill -9 at a random moment; the supervisor starts the role again."""
    time.sleep(chance.uniform(0.2, 1.0))
    drive.signal(role, signal.SIGKILL)
    time.sleep(0.3)


def freeze(drive: Drive, role: str, seconds: float = LONGER) -> None:
    """SIGSTOP, then SIGCONT."""
    drive.signal(role, signal.SIGSTOP)
    time.sleep(seconds)
    drive.signal(role, signal.SIGCONT)


def restart_broker(drive: Drive, how: int = signal.SIGTERM, away: float = 1.5) -> None:
    """The broker ends, and comes back with what it has kept."""
    drive.broker.stop(how)
    time.sleep(away)
    drive.broker.start()


def reset(drive: Drive) -> None:
    """The connection of collect is reset; the next one gets through."""
    drive.tap.reset()
    time.sleep(0.5)


def cut(drive: Drive, seconds: float = 3.0) -> None:
    """No connection gets through."""
    drive.tap.cut()
    time.sleep(seconds)
    drive.tap.mend()


def half_open(drive: Drive, seconds: float = LONGER) -> None:
    """The connection stands and carries nothing, until collect has given it up."""
    drive.tap.stall()
    time.sleep(seconds)
    drive.tap.mend()


def second(drive: Drive, role: str) -> str:
    """Start a role that runs already; what the second process said, which must have ended by itself with 1."""
    done = subprocess.run(role_command(str(drive.site), role), capture_output=True, text=True, timeout=30)
    said = done.stderr.strip()
    if done.returncode != 1 or "\n" in said or "is being written by process" not in said:
        raise AssertionError(f"a second {role} ended with {done.returncode} and said: {said}")
    return said


def fill(disk: Path, name: str = "ballast") -> Path:
    """Take all the room that a disk has."""
    ballast = disk / name
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def set_clock(preload: Preload, seconds: float = 2.0) -> None:
    """The wall clock of all roles goes an hour ahead, back, an hour behind and back."""
    ahead = 0
    for step in CLOCK_STEPS:
        ahead += step
        preload.tell(ahead=ahead)
        time.sleep(seconds)


def slow_disk(preload: Preload, seconds: float = LONGER) -> None:
    """Each sync of each role takes SLOW s longer."""
    preload.tell(slow=SLOW)
    time.sleep(seconds)
    preload.tell()


def failing_disk(preload: Preload, seconds: float = 4.0) -> None:
    """Each sync of each role is answered by the disk with an input/output error."""
    preload.tell(failing=errno.EIO)
    time.sleep(seconds)
    preload.tell()


def spoil(path: Path, page: int) -> None:
    """Overwrite a page, the first being 1."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def last_page(path: Path, table: str, kind: str = "leaf") -> int:
    """The last page of a database that belongs to a table, leaf or overflow; nobody may have it open."""
    store = sqlite3.connect(path)
    try:
        found = "SELECT max(pageno) FROM dbstat WHERE name = ? AND pagetype = ?"
        return int(store.execute(found, (table, kind)).fetchone()[0])
    finally:
        store.close()


def settle(path: Path) -> None:
    """Put what lies in a database's write-ahead log into the file itself; nobody may have it open."""
    store = sqlite3.connect(path)
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


def cut_short(path: Path, left: float = 0.5) -> None:
    """Only a part of a file is left."""
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * left))


def snapshots(data: Path) -> list[Path]:
    """The judge's, the oldest first."""
    return sorted((data / "snapshots").glob("judge-*.npz"))


def snapshot_cut_short(drive: Drive) -> None:
    """The newest snapshot is half there when the judge starts."""
    said = drive.log("judge").stat().st_size
    with drive.resting():
        cut_short(snapshots(drive.data)[-1])
    drive.says("judge", "unusable=", said)


def damaged_page(drive: Drive, name: str, table: str, role: str, away: Sequence[str]) -> None:
    """The last page of a table is not what was written; then what docs/operations.md says is moved away."""

    def mend(evidence: Path) -> None:
        for path in [found for pattern in away for found in drive.data.glob(pattern)]:
            path.rename(evidence / path.name)

    _damaged(drive, name, table, role, mend)


def damaged_log(drive: Drive) -> None:
    """The log's last page is not what was written; then the backup is restored that was taken just before."""
    copy = drive.folder / f"copy-{time.time_ns()}"

    def mend(evidence: Path) -> None:
        drive.data.rename(evidence / "data")
        restore(copy, drive.data)

    _damaged(drive, "spool.db", "seal", "collect", mend, lambda: backup(drive.data, copy))


def _damaged(
    drive: Drive,
    name: str,
    table: str,
    role: str,
    mend: Callable[[Path], None],
    before: Callable[[], object] = lambda: None,
) -> None:
    """Spoil a file while nobody runs, see that its role says so in one line and writes nothing, mend it."""
    evidence = drive.folder / f"evidence-{time.time_ns()}"
    evidence.mkdir()
    said, path = drive.log(role).stat().st_size, drive.data / name
    with drive.resting():
        before()
        settle(path)
        spoil(path, last_page(path, table))
        spoiled = shutil.copyfile(path, evidence / f"{name}-as-spoiled").read_bytes()
    drive.says(role, f"{path} {DAMAGED}", said)
    time.sleep(2)
    with drive.resting():
        if path.read_bytes() != spoiled:
            raise AssertionError(f"{role} wrote into {name}, which is damaged")
        mend(evidence)


__all__ = [
    "CLOCK_STEPS", "LONGER", "ROLES", "SLOW", "cut", "cut_short", "damaged_log", "damaged_page", "failing_disk", "fill",
    "freeze", "half_open", "kill", "last_page", "reset", "restart_broker", "second", "set_clock", "settle", "slow_disk",
    "snapshot_cut_short", "snapshots", "spoil",
]  # fmt: skip
