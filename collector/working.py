"""The works of a role, each in a thread of its own: one that dies is said, begun again, and an alarm while that lasts.

Constraints. A work that ends before it is told to is dead, whatever it raised; the others notice nothing. A role is not
ended for it: the supervisor of roles (running.py) would stop the works that are well too. One death is a line of the
log with its traceback; a second one before the work has run for WELL s is an own alarm that names it, and in the role's
sign of life, where the watchdog finds it. Not here: work that hangs; what a lag's rule says of that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from collector.actions import own_alarm
from collector.decode import GONE
from collector.errors import DavylampError, Unavailable, told
from collector.heartbeat import Heartbeat
from collector.judged import Judged
from detectors.records import WORK

FIRST_WAIT, LONGEST_WAIT, WELL = 1.0, 60.0, 180.0
"""s before it is begun again: at first, at most; and of running after which it is well, longer than any work waits."""
LOOK, COMPARE = 0.25, 10.0
"""s between two looks at the threads, and at the alarms that stand."""
RETURNED = "it ended without a reason"

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Work:
    """One of them; times in s, monotonic."""

    name: str
    do: Callable[[], object]
    thread: threading.Thread | None = None
    error: Exception | None = None
    begun: float = 0.0
    begin_at: float = 0.0
    deaths: int = 0
    """Since it was well."""

    def run(self) -> None:
        """The thread's."""
        try:
            self.do()
        except Exception as error:  # whatever one work does, the others go on
            self.error = error

    def reason(self) -> str:
        """Why it died."""
        return RETURNED if self.error is None else told(self.error)


class Works:
    """Those of one role. Made and run in one thread."""

    def __init__(self, folder: Path, role: str, works: Iterable[tuple[str, Callable[[], object]]]) -> None:
        self._folder, self._role = folder, role
        self._works = [Work(name, do) for name, do in works]
        self._heart = Heartbeat(folder, role)
        self._judged = Judged(folder)
        self._compare_at = 0.0
        self._ended: set[str] = set()
        """Alarms that were said to be over, as long as they stand."""

    def run(self, stop: threading.Event) -> None:
        """Until stopped, and every work has ended. What it raises itself ends the works, and with them the process."""
        try:
            while not stop.is_set():
                self.look(time.monotonic())
                self._heart.beat(failing=self.failing)
                stop.wait(LOOK)
        finally:
            stop.set()
            for work in self._works:
                if work.thread is not None:
                    work.thread.join()
            self._judged.close()

    @property
    def failing(self) -> list[str]:
        """Names of those that were begun again and died again."""
        return [work.name for work in self._works if work.deaths > 1]

    def look(self, now: float) -> None:
        """Begin what is to begin, notice what has died or is well again."""
        for work in self._works:
            if work.thread is not None and not work.thread.is_alive():
                self._died(work, now)
            elif work.thread is not None and now - work.begun >= WELL:
                work.deaths = 0
            if work.thread is None and now >= work.begin_at:
                work.error, work.begun = None, now
                work.thread = threading.Thread(target=work.run, name=f"{self._role}-{work.name}")
                work.thread.start()
        if now >= self._compare_at:
            self._compare_at = now + COMPARE
            self._compare(now)

    def _died(self, work: Work, now: float) -> None:
        wait = min(FIRST_WAIT * 2 ** min(work.deaths, 9), LONGEST_WAIT)
        work.thread, work.begin_at, work.deaths = None, now + wait, work.deaths + 1
        log.error("role=%s work=%s ended again-in=%.0fs reason=%s", self._role, work.name, wait, work.reason(),
                  exc_info=work.error)  # fmt: skip
        if work.deaths > 1:
            self._say(work.name, True, work.reason())
        work.error = None

    def _compare(self, now: float) -> None:
        """End the alarms of works that are well, and of those that this role no longer has."""
        known = {work.name: work for work in self._works}
        over = {}
        for name in self._standing():
            work = known.get(name)
            if work is None or (work.deaths == 0 and now - work.begun >= WELL):
                over[name] = GONE if work is None else ""
        self._ended &= over.keys()
        for name in over.keys() - self._ended:
            if self._say(name, False, over[name]):
                self._ended.add(name)

    def _standing(self) -> list[str]:
        """Names of works about which an alarm stands, also from a process before this one."""
        try:
            alarms = self._judged.alarms()
        except DavylampError as error:
            log.warning("role=%s alarms=not-read reason=%s", self._role, error)
            return []
        subjects = [row["subject"].partition("/") for row in alarms if row["rule"] == WORK and row["active"]]
        return [name for role, _, name in subjects if role == self._role]

    def _say(self, name: str, fails: bool, detail: str) -> str:
        """The message's name; none where it could not be written: it is then said again."""
        try:
            return own_alarm(self._folder, WORK, f"{self._role}/{name}", fails, detail)
        except Unavailable as error:
            log.warning("role=%s work=%s alarm=not-written reason=%s", self._role, name, error)
            return ""
