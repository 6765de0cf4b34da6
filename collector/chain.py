"""Lines in a hash chain inside one of our SQLite files: written on by one process, never rewritten unseen.

Constraints. A line is JSON whose last key is its hash, as in the journal, so `collector.journal.verify` reads it. The
transaction is the caller's: what was added counts once `head` is set to it. Not here: what the lines say.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from collector.journal import link, with_hash
from collector.sqlite import open_reader

SCHEMA = "CREATE TABLE IF NOT EXISTS line (seq INTEGER PRIMARY KEY, line BLOB NOT NULL, hash TEXT NOT NULL);"


class Head(NamedTuple):
    """The last line's number and hash."""

    seq: int
    hash: str


class Chain:
    """The writer's side of a store's table `line`. `genesis` is the hash before the first line."""

    def __init__(self, store: sqlite3.Connection, genesis: str) -> None:
        self._store = store
        row = store.execute("SELECT seq, hash, line FROM line ORDER BY seq DESC LIMIT 1").fetchone()
        self.head = Head(0, genesis) if row is None else Head(int(row[0]), str(row[1]))
        self.last: Mapping[str, Any] = {} if row is None else json.loads(row[2])
        """The line that was last when the file was opened; nothing in an empty one."""

    def add(self, lines: Iterable[Mapping[str, Any]]) -> Head:
        """Add them inside the caller's transaction; the head to set once that is on disk."""
        seq, digest = self.head
        for given in lines:
            seq += 1
            line = json.dumps({"seq": seq, **given}, ensure_ascii=False, separators=(",", ":")).encode()
            digest = link(digest, line)
            self._store.execute("INSERT INTO line VALUES (?, ?, ?)", (seq, with_hash(line, digest), digest))
        return Head(seq, digest)


def read_lines(path: Path, after: int = 0) -> Iterator[str]:
    """A file's lines with their hashes, in order; none if the file was never made."""
    store = open_reader(path)
    if store is None:
        return
    try:
        for (line,) in store.execute("SELECT line FROM line WHERE seq > ? ORDER BY seq", (after,)):
            yield line if isinstance(line, str) else bytes(line).decode(errors="replace")
    finally:
        store.close()
