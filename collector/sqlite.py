"""One way to open SQLite files: WAL, synchronous FULL, one writer, readers that cannot write.

Constraints. `transaction` is all or nothing, and what the disk refuses comes out as `Unavailable`; a page that is not
what was written comes out as `Damaged`, whoever reads it. Not here: what the files hold, and whose they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from collector.errors import Damaged, Unavailable

PATIENCE = 10.0
"""s to wait for another process's transaction."""
UNREADABLE = (msgspec.DecodeError, ValueError)
"""What unpacking a row raises that is not what was written."""
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _Cursor(sqlite3.Cursor):
    """Says which file is damaged, at whichever row that shows."""

    def execute(self, *given: Any) -> _Cursor:
        try:
            super().execute(*given)
        except sqlite3.DatabaseError as error:
            self._told(error)
        return self

    def executemany(self, *given: Any) -> _Cursor:
        try:
            super().executemany(*given)
        except sqlite3.DatabaseError as error:
            self._told(error)
        return self

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as error:
            self._told(error)

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as error:
            self._told(error)

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as error:
            self._told(error)

    def _told(self, error: sqlite3.DatabaseError) -> NoReturn:
        assert isinstance(self.connection, Connection)
        told(self.connection.path, error)


class Connection(sqlite3.Connection):
    """A connection that raises `Damaged`, with the file's name, where SQLite finds a page that it did not write."""

    path = Path()

    def execute(self, *given: Any) -> sqlite3.Cursor:
        return self.cursor(_Cursor).execute(*given)

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        return self.cursor(_Cursor).executemany(*given)

    def executescript(self, *given: Any) -> Any:
        try:
            return super().executescript(*given)
        except sqlite3.DatabaseError as error:
            told(self.path, error)


def told(path: Path, error: sqlite3.DatabaseError) -> NoReturn:
    """Raise an error of SQLite's as what it is: `Damaged`, or itself."""
    if error.sqlite_errorcode & 0xFF not in _BROKEN:
        raise error
    raise damaged(path, str(error)) from error


def damaged(path: Path, why: str) -> Damaged:
    """What is said of a file that does not hold what was written, whoever notices it."""
    text = f"{path} is damaged ({why}): keep the file for evidence"
    return Damaged(f"{text} and follow docs/operations.md#a-damaged-file")


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """Open a file; with `read_only` it must be there. Each statement is its own transaction until BEGIN."""
    address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    store = sqlite3.connect(
        address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=Connection
    )
    store.path = path
    return store


def open_writer(path: Path, schema: str, version: int = 1) -> sqlite3.Connection:
    """The writer's connection; makes folder, file and tables.

    Raises `Damaged` for a file that is no database or of a later version, `Unavailable` when the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store = connect(path)
        try:
            _prepare(store, path, schema, version)
        except BaseException:
            store.close()
            raise
    except (sqlite3.OperationalError, OSError) as error:
        raise Unavailable(f"{path}: {error}; is the disk full, or the folder not ours?") from error
    return store


def _prepare(store: sqlite3.Connection, path: Path, schema: str, version: int) -> None:
    found = store.execute("PRAGMA user_version").fetchone()[0]
    if found > version:
        raise Damaged(f"{path} is of format {found}, this Davylamp writes {version}: use the newer one")
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.executescript(schema)
    if found != version:
        store.execute(f"PRAGMA user_version = {version}")


def open_reader(path: Path) -> sqlite3.Connection | None:
    """A read-only connection; None while the writer has not made the file and its tables."""
    if not path.exists():
        return None
    try:
        store = connect(path, read_only=True)
        if store.execute("PRAGMA user_version").fetchone()[0]:
            return store
        store.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path}: {error}") from error
    return None


@contextmanager
def transaction(store: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is on disk afterwards, or nothing is."""
    try:
        store.execute("BEGIN IMMEDIATE")
        try:
            yield
            store.execute("COMMIT")
        except BaseException:
            if store.in_transaction:
                store.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{_file(store)}: {error}") from error


def spare(store: sqlite3.Connection) -> int:
    """Bytes of a file that deleting has freed: they are filled again before the file grows."""
    pages, size = (store.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size"))
    return int(pages * size)


def _file(store: sqlite3.Connection) -> str:
    rows = store.execute("PRAGMA database_list").fetchall()
    return str(rows[0][2]) if rows else "SQLite"
