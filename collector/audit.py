"""The book of who came in, who was turned away, and who did what from where, in a hash chain.

Constraints. One file, `audit.db`, written by the page role alone and kept for ever. It holds no password, no token, no
cookie. Failures of one kind are written at the 1st to 10th and then at each doubling, so that nobody fills the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from collector import chain
from collector.errors import Unavailable
from collector.sqlite import open_writer, transaction
from collector.throttle import Rate

FILE = "audit.db"
GENESIS = sha256(b"davylamp audit 1").hexdigest()
"""The hash before the first line; `collector.journal.verify` takes it as `previous`."""
LINES, LINES_EACH_HOUR = 500.0, 60.0
"""Lines of one kind about those who were turned away, at once and in the long run."""

log = logging.getLogger(__name__)


class Audit:
    """The writer's side. May be used by several threads."""

    def __init__(self, folder: Path, wall: Callable[[], int] = time.time_ns) -> None:
        self._store = open_writer(folder / FILE, chain.SCHEMA)
        self._chain = chain.Chain(self._store, GENESIS)
        self._wall, self._guard = wall, threading.Lock()
        self._lines, self._left_out = Rate(burst=LINES, each_second=LINES_EACH_HOUR / 3600), dict[str, int]()

    def note(self, what: str, by: str, address: str, **more: str | int | None) -> None:
        """Write one line. What the disk refuses is logged: nobody is kept from an alarm because a book is full."""
        line = {"wall": self._wall(), "what": what, "by": by, "from": address, **more}
        with self._guard:
            try:
                with transaction(self._store):
                    head = self._chain.add([line])
                self._chain.head = head
            except Unavailable as error:
                log.error("audit=not-written what=%s by=%r reason=%r", what, by, str(error))

    def turned_away(self, what: str, by: str, address: str, **more: str | int | None) -> None:
        """Note what did not succeed: LINES at once and LINES_EACH_HOUR, however many addresses it comes from; how many
        were left out stands in the next one."""
        with self._guard:
            if self._lines.wait(what):
                self._left_out[what] = self._left_out.get(what, 0) + 1
                return
            left_out = self._left_out.pop(what, 0)
        self.note(what, by, address, **more, **({"left_out": left_out} if left_out else {}))

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def worth_a_line(count: int) -> bool:
    """True for the failures that are written: the first ten, then each doubling."""
    return count <= 10 or count & (count - 1) == 0


def read_audit(folder: Path) -> Iterator[str]:
    """The book's lines with their hashes, in order; none if nobody ever came."""
    yield from chain.read_lines(folder / FILE)
