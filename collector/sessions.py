"""Who is logged in: sessions, registered consoles and known browsers, in memory and in a small file of the page's own.

Constraints. One file, `sessions.db`, written by the page role alone. A secret is 256 bits of chance and only its
SHA-256 is kept, so a stolen file opens nothing. A restart keeps all of it. When a session was last used is written at
most each `FLUSH`. Times are wall ns. Not here: who may do what, and passwords.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from collector.errors import Unavailable
from collector.sqlite import open_reader, open_writer, transaction
from collector.users import digest

log = logging.getLogger(__name__)
FILE = "sessions.db"
SECOND = 1_000_000_000
FLUSH = 60 * SECOND
KNOWN_FOR = 180 * 86_400 * SECOND
"""ns that a browser stays known without a login."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    hash TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, mark TEXT NOT NULL, address TEXT NOT NULL,
    made INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
Kind = Literal["session", "console", "known", "token"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One session, console, known browser, or token's last use; `hash` is that of its secret."""

    hash: str
    kind: Kind
    name: str
    """The login; of a console its own name."""
    mark: str
    """The password's mark; of a console who registered it."""
    address: str
    made: int
    used: int
    """When a person last acted; of a console or token, when it last asked."""


def last_used(folder: Path) -> dict[str, int]:
    """When each token was last used, ns, for reading; nothing where there is no file."""
    store = open_reader(folder / FILE)
    if store is None:
        return {}
    try:
        return dict(store.execute("SELECT name, used FROM entry WHERE kind = 'token'").fetchall())
    finally:
        store.close()


class Sessions:
    """The store. May be used by several threads."""

    def __init__(self, folder: Path, wall: Callable[[], int] = time.time_ns) -> None:
        self._store, self.wall, self._guard = open_writer(folder / FILE, SCHEMA), wall, threading.Lock()
        (folder / FILE).chmod(0o600)
        rows = self._store.execute("SELECT hash, kind, name, mark, address, made, used FROM entry")
        self._entries = {row[0]: Entry(*row) for row in rows}
        self._written = {key: one.used for key, one in self._entries.items()}

    def open(self, kind: Kind, name: str, mark: str, address: str) -> str:
        """A new one; its secret, which is nowhere else."""
        secret, now = secrets.token_urlsafe(32), self.wall()
        with self._guard:
            self._put(Entry(digest(secret), kind, name, mark, address, now, now))
        return secret

    def find(self, kind: Kind, secret: str) -> Entry | None:
        """What a secret opens."""
        found = self._entries.get(digest(secret)) if secret else None
        return found if found is not None and found.kind == kind else None

    def use(self, entry: Entry) -> None:
        """Note that it is in use now."""
        with self._guard:
            now = self.wall()
            if entry.hash not in self._entries:
                return
            fresh = replace(entry, used=now)
            if abs(now - self._written.get(entry.hash, 0)) >= FLUSH:
                self._put(fresh)
            self._entries[entry.hash] = fresh

    def remark(self, entry: Entry, mark: str) -> None:
        """It goes on under another password's mark."""
        with self._guard:
            self._put(replace(entry, mark=mark, used=self.wall()))

    def used_token(self, name: str, address: str) -> None:
        """Note a token's use."""
        key, now = digest(f"token {name}"), self.wall()
        known = self._entries.get(key)
        if known is None:
            with self._guard:
                self._put(Entry(key, "token", name, "", address, now, now))
        else:
            self.use(replace(known, address=address))

    def end(self, entries: Iterable[Entry]) -> None:
        """End these for good."""
        gone = [(entry.hash,) for entry in entries]
        with self._guard:
            for (key,) in gone:
                self._entries.pop(key, None)
                self._written.pop(key, None)
            self._write("DELETE FROM entry WHERE hash = ?", gone)

    def all(self, kind: Kind) -> list[Entry]:
        """All of a kind, the oldest first."""
        return sorted((one for one in list(self._entries.values()) if one.kind == kind), key=lambda one: one.made)

    def fact(self, name: str) -> str:
        """A text that is kept across restarts; empty if never set."""
        row = self._store.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Keep a text."""
        with self._guard:
            self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", [(name, value)])

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _put(self, entry: Entry) -> None:
        self._entries[entry.hash], self._written[entry.hash] = entry, entry.used
        row = (entry.hash, entry.kind, entry.name, entry.mark, entry.address, entry.made, entry.used)
        self._write("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def _write(self, statement: str, rows: Sequence[tuple[str | int, ...]]) -> None:
        """What the disk refuses is logged, and held in memory only: a full disk keeps nobody from an alarm."""
        try:
            with transaction(self._store):
                self._store.executemany(statement, rows)
        except Unavailable as error:
            log.error("sessions=not-written reason=%r", str(error))
