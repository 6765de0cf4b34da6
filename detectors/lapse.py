"""A clear verdict that lapses: when nothing new is heard for long enough, "clear" becomes "not known".

Constraints. Only a clear verdict lapses; an active one stands whatever is missing. Runs by arrival, not device time.
This is not the dead-man (health.silent): it raises nothing, it only stops claiming to watch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from detectors.detector import NEVER, Finding, Verdict, Why, at_deadline


def lapse(state: Any, until: int, why: Callable[[int], Why]) -> list[Finding]:
    """Turn clear verdicts whose `state.due` has passed unknown; `due` of all that passed becomes NEVER."""
    passed = np.flatnonzero(state.due < until)
    clear = passed[state.verdict[passed] == Verdict.CLEAR]
    findings = [at_deadline(int(state.due[k]), k, Verdict.UNKNOWN, why(k)) for k in clear.tolist()]
    state.verdict[clear] = Verdict.UNKNOWN
    state.due[passed] = NEVER
    return findings


def lapse_one(state: Any, who: int, before: int, why: Why) -> list[Finding]:
    """The same of one subject, if its `state.due` passed before `before`, the arrival of its next row."""
    due = int(state.due[who])
    if due >= before:
        return []
    state.due[who] = NEVER
    if state.verdict[who] != Verdict.CLEAR:
        return []
    state.verdict[who] = Verdict.UNKNOWN
    return [at_deadline(due, who, Verdict.UNKNOWN, why)]


def earliest(state: Any) -> int:
    """The next deadline ahead, NEVER if none."""
    return int(state.due.min()) if len(state.due) else NEVER
