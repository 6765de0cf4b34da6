"""A role's sign of life: one small file each, written anew about each second by the role's own loop.

Constraints. `alive/ROLE.json` of the data folder, whole or not there; no fsync, because only a living machine needs it.
It is written by the loop that does the work and by no thread beside it, so that a loop that hangs falls silent too.
A disk that takes nothing costs the sign, never the role. Read by the watchdog, which shares no other code with a role.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EVERY = 1.0
"""s between two signs at most."""

log = logging.getLogger(__name__)


class Heartbeat:
    """Made and used by one role."""

    def __init__(self, folder: Path, role: str) -> None:
        self._role, self._path = role, alive_folder(folder) / f"{role}.json"
        self._at = -EVERY
        self._failing = False

    def beat(self, now: int = 0, cursor: int = 0, failing: Sequence[str] = ()) -> None:
        """Say that the loop turns, with how far it is: `now` (ns) and number of the last seal, 0 where it has none; and
        which of the role's works are begun again and again (working.py)."""
        if time.monotonic() - self._at < EVERY:
            return
        self._at = time.monotonic()
        said = {
            "role": self._role, "pid": os.getpid(), "now": now, "wall": time.time_ns(), "cursor": cursor,
            "memory": memory(), "failing": list(failing),
        }  # fmt: skip
        part = self._path.with_name(f".{self._role}-{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(said))
            part.replace(self._path)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("heartbeat=%s not-written reason=%s", self._role, error)
            self._failing = True


def alive_folder(folder: Path) -> Path:
    """Where the signs of life lie in a data folder."""
    return Path(folder) / "alive"


def read_heartbeats(folder: Path) -> dict[str, Mapping[str, Any]]:
    """What each role said last, by role; one that cannot be read is as good as none."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(alive_folder(folder).glob("*.json")):
        try:
            said = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(said, dict):
            found[path.stem] = said
    return found


def memory() -> int:
    """Resident memory of this process in bytes; 0 where the machine does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
