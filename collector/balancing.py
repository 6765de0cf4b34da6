"""Does the ledger balance? Asked each minute while storing runs; that it does not is an alarm of its own.

Constraints. It reads as `davylamp ledger` does, so both say the same. Roles commit while it reads, so an imbalance
must last. While it does it is said each time: a reset hides nothing. A ledger that cannot be read is no verdict.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from collector.actions import own_alarm
from collector.errors import DavylampError
from collector.judged import Judged
from collector.ledger import read_at_rest, verdict
from detectors.records import UNBALANCED

EVERY = 60.0
"""s"""
SUBJECT = "ledger"

log = logging.getLogger(__name__)


def watch_balance(folder: Path, stop: threading.Event, every: float = EVERY) -> None:
    """Look each `every` s until stopped."""
    said = _standing(folder)
    while not stop.wait(every):
        said = look(folder, said)


def look(folder: Path, said: bool) -> bool:
    """Look once; `said`: an imbalance was reported and not taken back. Returns whether one is now."""
    try:
        counts, wrong = read_at_rest(folder)
        words = verdict(counts, wrong)
        if bool(wrong) is not said:
            (log.error if wrong else log.info)("ledger=%s", words)
        if wrong or said:
            own_alarm(folder, UNBALANCED, SUBJECT, bool(wrong), words if wrong else "")
        return bool(wrong)
    except DavylampError as error:
        log.warning("ledger=unreadable reason=%s", error)
        return said


def _standing(folder: Path) -> bool:
    judged = Judged(folder)
    try:
        return any(row["rule"] == UNBALANCED and row["active"] for row in judged.alarms())
    except DavylampError:
        return False
    finally:
        judged.close()
