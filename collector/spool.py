"""The spool: the site's one log, on disk before anything is acknowledged.

Constraints. One process writes (a file lock holds that) and alone checkpoints; readers open read-only. `append` returns
after fsync, or raises and has written nothing. A seal holds at most 500 messages or 512 kB; a payload larger than that
lies beside, in a file named by its content, fsynced first. `now` never decreases. It is not a queue: reading removes
nothing, and a cursor is the reader's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from collector.beside import beside
from collector.errors import Damaged, Unavailable
from collector.locking import lock, unlock
from collector.message import Message, Seal
from collector.reserve import refused
from collector.sealing import SEAL_BYTES, count, cut, names_beside, pack, unpack
from collector.sqlite import UNREADABLE, connect, damaged, spare
from collector.whole import clear_parts, sync_folder

READ_BYTES = 64 * 1024 * 1024
VERSION = 1

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS seal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, now INTEGER NOT NULL, wall INTEGER NOT NULL,
    origin TEXT NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS seal_large ON seal (seq) WHERE bytes > {SEAL_BYTES};
CREATE TABLE IF NOT EXISTS taken (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS taken_seq ON taken (seq);
CREATE TABLE IF NOT EXISTS trimmed (
    origin TEXT PRIMARY KEY, messages INTEGER NOT NULL, early INTEGER NOT NULL) WITHOUT ROWID;
"""


def spool_file(folder: Path) -> Path:
    """Where the log of a data folder lies."""
    return Path(folder) / "spool.db"


class Spool:
    """The one writer of a data folder's log.

    Raises `Occupied` when another process writes it, `Damaged` when the file is of a later version, `Unavailable`
    when the disk does not take it now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._folder / "spool.lock", "collector")
        try:
            self._store = _open_writer(spool_file(self._folder))
            self._last, self._floor = self._resume()
            clear_parts(self._folder / "beside")
        except BaseException:
            unlock(self._lock)
            raise

    def append(self, messages: Sequence[Message], now: int, wall: int) -> int:
        """Put messages on disk; return the seq of the (last) seal. None at all is a tick.

        A message whose `id` was appended before is left out. A `now` that would let two readings share an arrival
        is lifted: a reading takes at least one byte, so the next seal begins as many ns later as this one has bytes.
        """
        try:
            self._store.execute("BEGIN IMMEDIATE")
            try:
                seq = self._append(self._unseen(messages), now, wall)
                self._store.execute("COMMIT")
            except BaseException:
                if self._store.in_transaction:
                    self._store.execute("ROLLBACK")
                self._last, self._floor = self._resume()
                raise
        except (sqlite3.OperationalError, OSError) as error:
            raise refused(spool_file(self._folder), error) from error
        return seq

    def last(self) -> int:
        """The seq of the newest seal, 0 for an empty log."""
        return self._last

    @property
    def now(self) -> int:
        """The earliest `now` the next seal can have; 0 for an empty log."""
        return self._floor

    def trim(self, before: int, *, early: bool = False) -> int:
        """Delete the seals below `before`, never the newest; return how many messages that were.

        They stay counted by origin; `early` ones, gone before their time, once more. What allows it is the caller's to
        know.
        """
        before = min(before, self._last)
        names = self._beside("<", before)
        try:
            self._store.execute("BEGIN IMMEDIATE")
            gone = self._trim(before, early)
            self._store.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._store.in_transaction:
                self._store.execute("ROLLBACK")
            raise refused(spool_file(self._folder), error) from error
        for name in names - self._beside(">=", before) if names else ():
            beside(self._folder, name).unlink(missing_ok=True)
        return gone

    def _beside(self, which: str, seq: int) -> set[str]:
        """Files that lie beside for the seals below a seq, or from it on."""
        rows = self._store.execute(f"SELECT blob FROM seal WHERE bytes > {SEAL_BYTES} AND seq {which} ?", (seq,))
        return {name for (blob,) in rows for name in names_beside(blob)}

    def _trim(self, before: int, early: bool) -> int:
        counts = count(self._store, 0, before - 1)
        self._store.executemany(
            "INSERT INTO trimmed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " messages = messages + excluded.messages, early = early + excluded.early",
            [(origin, number, number * early) for origin, number in counts.items()],
        )
        self._store.execute("DELETE FROM seal WHERE seq < ?", (before,))
        self._store.execute("DELETE FROM taken WHERE seq < ?", (before,))
        return counts.total()

    def oldest(self, seals: int) -> list[tuple[int, int]]:
        """(seq, now) of the oldest seals, at most so many."""
        return self._store.execute("SELECT seq, now FROM seal ORDER BY seq LIMIT ?", (seals,)).fetchall()

    def spare(self) -> int:
        """Bytes of the file that trimming has freed: the next seals fill them before the file grows."""
        return spare(self._store)

    def close(self) -> None:
        """Give the file back; what was appended stays."""
        self._store.close()
        unlock(self._lock)

    def _resume(self) -> tuple[int, int]:
        row = self._store.execute("SELECT seq, now, bytes FROM seal ORDER BY seq DESC LIMIT 1").fetchone()
        return (0, 0) if row is None else (row[0], row[1] + row[2])

    def _unseen(self, messages: Sequence[Message]) -> list[Message]:
        kept: list[Message] = []
        for message in messages:
            if message.id:
                new = self._store.execute(
                    "INSERT OR IGNORE INTO taken VALUES (?, ?)", (message.id, self._last + 1)
                ).rowcount
                if not new:
                    continue
            kept.append(message)
        return kept

    def _append(self, messages: list[Message], now: int, wall: int) -> int:
        for part, size in cut(messages):
            now = max(now, self._floor)
            origin = ",".join(sorted({message.origin for message in part}))
            blob = pack(self._folder, part)
            cursor = self._store.execute(
                "INSERT INTO seal (now, wall, origin, messages, bytes, blob) VALUES (?, ?, ?, ?, ?, ?)",
                (now, wall, origin, len(part), size, blob),
            )
            assert cursor.lastrowid is not None
            self._last, self._floor = cursor.lastrowid, now + size
        return self._last


class SpoolReader:
    """Reads a log that another process writes. Before the writer has made it, the log is empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self._store: sqlite3.Connection | None = None

    def read(self, after: int, messages: int = 20000) -> list[Seal]:
        """The seals after seq `after`, in order: about `messages` messages and 64 MB at most, at least one seal."""
        seals: list[Seal] = []
        left, room = messages, READ_BYTES
        try:
            store = self._open()
            if store is None:
                return []
            rows = store.execute(
                "SELECT seq, now, wall, bytes, blob FROM seal WHERE seq > ? ORDER BY seq LIMIT ?", (after, messages)
            )
            for seq, now, wall, size, blob in rows:
                seals.append(Seal(seq, now, wall, self._unpack(seq, blob)))
                left -= len(seals[-1].messages)
                room -= size
                if left <= 0 or room <= 0:
                    break
            rows.close()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{spool_file(self._folder)}: {error}") from error
        return seals

    def _unpack(self, seq: int, blob: bytes) -> tuple[Message, ...]:
        """Raises `Damaged` where the page is one that SQLite does not look into: the middle of a large row."""
        try:
            return unpack(self._folder, blob)
        except UNREADABLE as error:
            raise damaged(spool_file(self._folder), f"seal {seq}: {error}") from error

    def times(self, seals: Iterable[int]) -> dict[int, int]:
        """`now` of each of some seals that the log still has."""
        try:
            store = self._open()
            found = {} if store is None else {
                seal: store.execute("SELECT now FROM seal WHERE seq = ?", (seal,)).fetchone() for seal in seals
            }  # fmt: skip
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{spool_file(self._folder)}: {error}") from error
        return {seal: int(row[0]) for seal, row in found.items() if row is not None}

    def last(self) -> int:
        """The seq of the newest seal, 0 for an empty log."""
        return self._end("max")

    def first(self) -> int:
        """The seq of the oldest seal, 0 for an empty log; above 1 what lay before was trimmed."""
        return self._end("min")

    def _end(self, which: str) -> int:
        try:
            store = self._open()
            return 0 if store is None else int(store.execute(f"SELECT {which}(seq) FROM seal").fetchone()[0] or 0)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{spool_file(self._folder)}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _open(self) -> sqlite3.Connection | None:
        if self._store is None and spool_file(self._folder).exists():
            store = connect(spool_file(self._folder), read_only=True)
            if not store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'seal'").fetchone()[0]:
                store.close()
                return None
            self._store = store
        return self._store


def _open_writer(path: Path) -> sqlite3.Connection:
    store = connect(path)
    version = store.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        store.close()
        raise Damaged(f"{path} is of format {version}, this Davylamp writes {VERSION}: use the newer one")
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.executescript(SCHEMA)
    if version != VERSION:
        store.execute(f"PRAGMA user_version = {VERSION}")
    sync_folder(path.parent)
    return store
