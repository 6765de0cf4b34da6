"""The faults that are done to a running drive, each once; and what they were.

Constraints. A fault returns when it has ended, and the drive is as it was before: what must recover is the driver's to
wait for. Random moments come from a seeded generator.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

from collector.running import role_command
from tests.chaos.driving import KEEPALIVE, ROLES, Drive

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


__all__ = [
    "LONGER", "ROLES", "cut", "fill", "freeze", "half_open", "kill", "reset", "restart_broker", "second",
]  # fmt: skip
