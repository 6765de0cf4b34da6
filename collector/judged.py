"""What judging has concluded, in one file: cursor, judged readings, journal, every pair's state, dead letters, counts.

Constraints. judging alone writes it (judged_writer.py). Readers open read-only and follow by number (blocks, journal
lines); their cursors lie elsewhere and hold for one file, which `identity` names. This is not the history: blocks are
trimmed once every store has passed them. The file may be replaced while it is open: the next question is to the new.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.errors import Unavailable
from collector.sqlite import UNREADABLE, connect, damaged

_unpack = msgspec.msgpack.Decoder(list[bytes]).decode
MINUTE = 60 * 10**9
DTYPES = (np.int32, np.int64, np.float64, np.uint8, np.int64)


class Journaled(Protocol):
    """What has a journal."""

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...


def every_line(of: Journaled, after: int = 0) -> Iterator[tuple[int, str, str]]:
    """(number, line with its hash, hash) of all lines after a number, read a page at a time."""
    while page := of.journal(after):
        yield from page
        after = page[-1][0]


class SeriesRow(NamedTuple):
    """One series that may have readings: `name` is its id in the site (`ch4-2105`, `@wall-moving/prism-17`)."""

    sensor: str
    name: str
    area: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Judged readings of one commit, as columns; `series` numbers `Judged.series()`."""

    seq: int
    now: int
    series: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    arrived: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)


def judged_file(folder: Path) -> Path:
    """Where it lies in a data folder."""
    return Path(folder) / "judged.db"


class Judged:
    """Reads it, from any process. Before judging has made it, everything is empty."""

    def __init__(self, folder: Path) -> None:
        self._path = judged_file(folder)
        self._store: sqlite3.Connection | None = None
        self._inode = 0

    def blocks(self, after: int, limit: int = 100) -> list[Block]:
        """Blocks after number `after`, in order."""
        rows = self._all("SELECT seq, now, data FROM block WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [self._block(*row) for row in rows]

    def _block(self, seq: int, now: int, data: bytes) -> Block:
        try:
            return Block(seq, now, *(np.frombuffer(c, t) for c, t in zip(_unpack(data), DTYPES, strict=True)))
        except UNREADABLE as error:
            raise damaged(self._path, f"block {seq}: {error}") from error

    def block_after(self, seq: int) -> int | None:
        """`now` of the first block after a number; None if there is none."""
        rows = self._all("SELECT now FROM block WHERE seq > ? ORDER BY seq LIMIT 1", seq)
        return int(rows[0][0]) if rows else None

    def series(self) -> dict[int, SeriesRow]:
        """Every series by its number."""
        rows = self._all("SELECT id, sensor, name, area, quantity, unit FROM series")
        return {number: SeriesRow(*row) for number, *row in rows}

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]:
        """(number, line with its hash, hash) after number `after`."""
        return self._all("SELECT seq, line, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)

    def lines(self) -> int:
        """The number of the last journal line, 0 before the first."""
        rows = self._all("SELECT max(seq) FROM journal")
        return int(rows[0][0] or 0) if rows else 0

    def answer(self, action: str) -> dict[str, Any] | None:
        """The journal's line that answers an action, None while there is none."""
        rows = self._all("SELECT line FROM journal WHERE action = ? LIMIT 1", action)
        return json.loads(rows[0][0]) if rows else None

    def alarms(self) -> list[dict[str, Any]]:
        """Every (rule, subject) pair with all that is known of it."""
        return [json.loads(data) for (data,) in self._all("SELECT data FROM pair ORDER BY rule, subject")]

    def hazards(self, closed: bool = False) -> list[dict[str, Any]]:
        """Open hazards, or with `closed` all there ever were; none in a file made before hazards were kept."""
        if not self._has("hazard"):
            return []
        which = "" if closed else "WHERE closed IS NULL"
        return [json.loads(data) for (data,) in self._all(f"SELECT data FROM hazard {which} ORDER BY opened, name")]

    def status(self) -> dict[str, Any]:
        """now, wall, seal, last_seal, watching, of, revision, simulated, site, timezone; empty before the first."""
        return dict(self._fact("status") or {})

    def ledger(self) -> dict[str, int]:
        """Counts of judging: received, readings, dead.*, gated ones, judged, derived."""
        return dict(self._fact("ledger") or {})

    def minutes(self, since: int = 0) -> dict[int, dict[str, int]]:
        """Minute (of `now`, counted from 1970) -> what the ledger counted in it, from a time (ns) on."""
        found: dict[int, dict[str, int]] = {}
        if self._has("minute"):
            query = "SELECT minute, name, number FROM minute WHERE minute >= ? ORDER BY minute, name"
            for minute, name, number in self._all(query, since // MINUTE):
                found.setdefault(minute, {})[name] = number
        return found

    def twice(self, sensor: str, since: int = 0) -> dict[int, int]:
        """Minute -> exact duplicates of a sensor."""
        if not self._has("twice"):
            return {}
        query = "SELECT minute, number FROM twice WHERE sensor = ? AND minute >= ?"
        return dict(self._all(query, sensor, since // MINUTE))

    def _has(self, table: str) -> bool:
        """False in a file that an older version made."""
        return bool(self._all("SELECT 1 FROM sqlite_master WHERE name = ?", table))

    def sensors(self) -> list[dict[str, Any]]:
        """Every sensor with its latest judged reading."""
        return list(self._fact("sensors") or [])

    def dead(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest dead letters first."""
        names = ("seq", "seal", "number", "topic", "reason", "sensor", "detail")
        rows = self._all(f"SELECT {', '.join(names)} FROM dead ORDER BY seq DESC LIMIT ?", limit)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def missed(self) -> list[dict[str, Any]]:
        """What senders numbered and the broker never had, in order; `missing` -1 is one that came after all."""
        names = ("now", "sender", "before", "number", "missing")
        rows = self._all(f"SELECT {', '.join(names)} FROM missed ORDER BY seq") if self._has("missed") else []
        return [dict(zip(names, row, strict=True)) for row in rows]

    def dead_of(self, sensor: str) -> Counter[int]:
        """Seal -> dead letters of a sensor in it."""
        query = "SELECT seal, count(*) FROM dead WHERE sensor = ? GROUP BY seal ORDER BY seal"
        return Counter(dict(self._all(query, sensor)))

    def block_before(self, now: int) -> int:
        """The last block that was judged before a time, 0 if there is none."""
        rows = self._all("SELECT max(seq) FROM block WHERE now < ?", now)
        return int(rows[0][0] or 0) if rows else 0

    def identity(self) -> str:
        """Names this very file; another file, whose numbers mean other things, has another. Empty before it is made."""
        return str(self._fact("identity") or "")

    def anchor(self) -> int:
        """The seal up to which judging can do without the log, 0 if it needs it all."""
        return int(self._fact("anchor") or 0)

    def document(self) -> dict[str, Any] | None:
        """The site in force at the newest snapshot; None before the first."""
        return self._fact("document")  # type: ignore[no-any-return]

    def trimmed(self) -> tuple[int, int]:
        """The last block that was trimmed, and the readings in all that were; (0, 0) if none was."""
        upto, rows = self._fact("trimmed") or (0, 0)
        return int(upto), int(rows)

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _fact(self, name: str) -> Any:
        rows = self._all("SELECT value FROM fact WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def _all(self, query: str, *values: Any) -> list[Any]:
        try:
            store = self._open()
            return [] if store is None else store.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection | None:
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            return self._store
        if self._store is not None and inode != self._inode:
            self.close()
        if self._store is None:
            store = connect(self._path, read_only=True)
            if not store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'fact'").fetchone()[0]:
                store.close()
                return None
            self._store, self._inode = store, inode
        return self._store
