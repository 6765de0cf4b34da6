"""How far each sink has come, and what became of every judged reading there: one small file a sink.

Constraints. `data/cursors/NAME.sqlite`; the sink's own thread writes it, cursor and counts in one transaction, so a
kill never counts twice. Counts add up to the judged readings up to the cursor. Not here: what the sink wrote.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import Unavailable
from collector.judged import Judged, judged_file
from collector.sqlite import connect, open_reader, open_writer, transaction
from collector.times import shown

KEPT_MINUTES = 90 * 24 * 60
KEPT_REFUSED = 1000
"""Refused lines kept for people, the newest; all are counted."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS count (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (name TEXT PRIMARY KEY, written INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minute (minute INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refused (id INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pair (tags BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forecast (one INTEGER PRIMARY KEY CHECK (one = 1), data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS source (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trouble (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT, since INTEGER);
"""

BLOCKS, JOURNAL = "block", "journal"
WRITTEN, NO_NUMBER, CONFLICT, REFUSED, TRIMMED = "written", "no_number", "conflict", "refused", "trimmed"

Refused = list[tuple[bytes, str]]
"""(line, the server's reason)"""


def cursor_file(folder: Path, sink: str) -> Path:
    """Where a sink's cursor lies in a data folder."""
    return Path(folder) / "cursors" / f"{sink}.sqlite"


class Cursor:
    """One sink's own file, opened for writing."""

    def __init__(self, folder: Path, sink: str) -> None:
        self._store = open_writer(cursor_file(folder, sink), SCHEMA)
        self._trouble = self._store.execute("SELECT text FROM trouble").fetchone() is not None

    def at(self, name: str) -> int:
        """The number of the last block or journal line that was dealt with, 0 for none."""
        row = self._store.execute("SELECT seq FROM position WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def follow(self, identity: str) -> bool:
        """From now on positions are in that judged.db; True if it is another than before: all begins again at 0."""
        row = self._store.execute("SELECT identity FROM source").fetchone()
        if row is not None and row[0] == identity:
            return False
        with transaction(self._store):
            self._store.execute("INSERT OR REPLACE INTO source VALUES (1, ?)", (identity,))
            for table in ("position", "count", "series", "minute") if row is not None else ():
                self._store.execute(f"DELETE FROM {table}")
        return row is not None

    def dealt(self) -> int:
        """Judged readings up to the cursor, whatever became of them."""
        return int(self._store.execute("SELECT sum(number) FROM count").fetchone()[0] or 0)

    def advance(
        self,
        name: str,
        seq: int,
        counts: Mapping[str, int],
        series: Mapping[str, int],
        refused: Refused,
        minutes: Mapping[int, int] | None = None,
    ) -> None:
        """Move on to `seq`, with what became of all up to it; `minutes`: how many of them by minute of their block."""
        with transaction(self._store):
            self._store.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (name, seq))
            self._add("count", "number", counts)
            self._add("series", "written", series)
            self._add("minute", "number", minutes or {})
            self._store.execute("DELETE FROM minute WHERE minute < ?", (max(minutes or {0: 0}) - KEPT_MINUTES,))
            self._keep(refused)

    def refuse(self, refused: Refused) -> None:
        """Keep lines that were refused and that no cursor counts (levels)."""
        with transaction(self._store):
            self._keep(refused)

    def pairs(self) -> set[bytes]:
        """Tags of the alarm states that were written last."""
        return {tags for (tags,) in self._store.execute("SELECT tags FROM pair")}

    def keep_pairs(self, new: Iterable[bytes], gone: Iterable[bytes]) -> None:
        """Tags written for the first time, and those whose last 0 was written."""
        with transaction(self._store):
            self._store.executemany("INSERT OR IGNORE INTO pair VALUES (?)", [(tags,) for tags in new])
            self._store.executemany("DELETE FROM pair WHERE tags = ?", [(tags,) for tags in gone])

    def forecasts(self) -> bytes | None:
        """What was kept of forecasts; None if nothing was."""
        row = self._store.execute("SELECT data FROM forecast").fetchone()
        return None if row is None else bytes(row[0])

    def keep_forecasts(self, data: bytes) -> None:
        """For the next start."""
        with transaction(self._store):
            self._store.execute("INSERT OR REPLACE INTO forecast VALUES (1, ?)", (data,))

    def trouble(self, text: str, since: int) -> None:
        """Note what is wrong, for the page and `davylamp ledger`; the first `since` stays while it lasts."""
        self._trouble = True
        with transaction(self._store):
            self._store.execute(
                "INSERT INTO trouble VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", (text, since)
            )

    def well(self) -> None:
        """Nothing is wrong any more."""
        if self._trouble:
            with transaction(self._store):
                self._store.execute("DELETE FROM trouble")
            self._trouble = False

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _add(self, table: str, column: str, numbers: Mapping[str, int] | Mapping[int, int]) -> None:
        self._store.executemany(
            f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT DO UPDATE SET {column} = {column} + excluded.{column}",
            [(name, number) for name, number in numbers.items() if number],
        )

    def _keep(self, refused: Refused) -> None:
        if refused:
            self._store.executemany("INSERT INTO refused (line, reason) VALUES (?, ?)", refused[-KEPT_REFUSED:])
            self._store.execute("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?", (KEPT_REFUSED,))


@dataclass(frozen=True, slots=True)
class Standing:
    """How one sink stands."""

    name: str
    positions: Mapping[str, int]
    counts: Mapping[str, int]
    """Judged readings up to the cursor by what became of them; their sum is all of them."""
    series: Mapping[str, int]
    """Readings written of each series, by its name."""
    refused: tuple[tuple[bytes, str], ...]
    """The newest refused lines and the server's reasons."""
    trouble: str | None
    since: int
    """ns UTC since when there is trouble, 0 without."""
    minutes: Mapping[int, int] = field(default_factory=dict)
    """Judged readings dealt with, by the minute of their block; of the last `KEPT_MINUTES`."""
    identity: str = ""
    """The judged.db that positions and counts are of; empty if it never said."""

    def follows(self, identity: str) -> bool:
        """True unless positions and counts are of another judged.db."""
        return self.identity in ("", identity)

    def wrong(self) -> Iterator[str]:
        """What a person should see to: its trouble, and what it refused."""
        if self.trouble is not None:
            yield f"{self.name} since {shown(self.since)}: {self.trouble}"
        for line, reason in self.refused[:1]:
            yield f"{self.name} refused lines, the newest {line.decode()!r}: {reason}"


def standings(folder: Path) -> list[Standing]:
    """Every sink of a data folder, by name."""
    return [_standing(path) for path in sorted((Path(folder) / "cursors").glob("*.sqlite"))]


def stored(folder: Path) -> dict[str, dict[str, int]]:
    """`store.NAME` -> judged readings there by what became of them, those still `waiting`, and the `cursor`."""
    judged = Judged(folder)
    try:
        identity, (upto, rows) = judged.identity(), judged.trimmed()
    finally:
        judged.close()
    found = {}
    for sink in standings(folder):
        follows = sink.follows(identity)
        cursor, counts = (sink.positions.get(BLOCKS, 0), dict(sink.counts)) if follows else (0, {})
        if cursor < upto:
            counts[TRIMMED] = counts.get(TRIMMED, 0) + rows - sum(counts.values())
        found[f"store.{sink.name}"] = {**counts, "waiting": _waiting(folder, cursor), "cursor": cursor}
    return found


def _standing(path: Path) -> Standing:
    try:
        store = open_reader(path)
        if store is None:
            return Standing(path.stem, {}, {}, {}, (), None, 0)
        try:
            return _read(path.stem, store)
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path}: {error}") from error


def _read(name: str, store: sqlite3.Connection) -> Standing:
    store.execute("BEGIN")
    trouble = store.execute("SELECT text, since FROM trouble").fetchone()
    source = store.execute("SELECT name FROM sqlite_master WHERE name = 'source'").fetchone()
    minute = store.execute("SELECT name FROM sqlite_master WHERE name = 'minute'").fetchone()
    identity = store.execute("SELECT identity FROM source").fetchone() if source else None
    return Standing(
        name=name,
        positions=dict(store.execute("SELECT name, seq FROM position")),
        counts=dict(store.execute("SELECT name, number FROM count")),
        series=dict(store.execute("SELECT name, written FROM series ORDER BY name")),
        refused=tuple(store.execute("SELECT line, reason FROM refused ORDER BY id DESC")),
        trouble=None if trouble is None else trouble[0],
        since=0 if trouble is None else trouble[1],
        minutes=dict(store.execute("SELECT minute, number FROM minute") if minute else ()),
        identity="" if identity is None else identity[0],
    )


def _waiting(folder: Path, cursor: int) -> int:
    """Judged readings after a block."""
    path = judged_file(folder)
    if not path.exists():
        return 0
    try:
        store = connect(path, read_only=True)
        try:
            rows = store.execute("SELECT sum(rows) FROM block WHERE seq > ?", (cursor,)).fetchone()[0]
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path}: {error}") from error
    return int(rows or 0)
