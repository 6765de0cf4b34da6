"""How whatever follows judging goes on: step after step until stopped; what fails is said and tried again.

Constraints. The wait grows with each failure in a row, and is never shorter than the other side asked for. What is not
to be tried again in place ends the work, which is then begun afresh (working.py). Not here: that a follower is behind;
its lag is a reading with a rule.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from collector.errors import DavylampError, Unavailable, told

FIRST_WAIT = 0.5
"""s after a first failure."""

log = logging.getLogger(__name__)


def follow(
    name: str,
    step: Callable[[], float],
    stop: threading.Event,
    longest: float,
    failed: Callable[[str], None] = lambda reason: None,
    again_after: type[Exception] | tuple[type[Exception], ...] = DavylampError,
) -> None:
    """Do `step` until stopped; it returns the s until the next.

    `name` says in the log who it is ("destination=pager"), `longest` the s between two attempts at most. `failed` is
    told in words why a step raised one of `again_after`; whatever else it raises goes to the caller.
    """
    wait = FIRST_WAIT
    while not stop.is_set():
        try:
            pause = step()
            wait = FIRST_WAIT
        except again_after as error:
            pause = max(min(wait, longest), error.after if isinstance(error, Unavailable) else 0.0)
            failed(_said(name, error, pause))
            wait = min(2 * wait, longest)
        stop.wait(pause)


def _said(name: str, error: Exception, pause: float) -> str:
    reason = told(error)
    unforeseen = None if isinstance(error, DavylampError) else error
    log.warning("%s again-in=%.1fs reason=%s", name, pause, reason, exc_info=unforeseen)
    return reason
