"""Where a detector that raises does so: the longest beginning of a batch that it takes.

Constraints. The bank's state is the one before the batch and stays so; every try works on a copy. Deadlines past the
row that raises are not reached.
"""

from __future__ import annotations

import copy

from detectors.bank import Bank
from detectors.detector import Outcome
from detectors.reading import Batch


def until_it_raises(bank: Bank, view: Batch, error: Exception) -> tuple[Batch, Outcome, Exception]:
    """The longest beginning of the batch that does not raise, what it yields, and what was raised at its end."""
    before, last = bank.state, error
    low, high = 0, len(view)
    while low < high:
        middle = (low + high + 1) // 2
        try:
            bank.detector.step(copy.deepcopy(before), _beginning(view, middle))
            low = middle
        except Exception as raised:
            high, last = middle - 1, raised
    good = _beginning(view, low)
    try:
        return good, bank.detector.step(copy.deepcopy(before), good), last
    except Exception as raised:
        return good, Outcome(), raised


def _beginning(view: Batch, rows: int) -> Batch:
    until = int(view.arrived[rows]) if rows < len(view) else view.until
    cut = slice(0, rows)
    waves = [w for w in view.waves if rows < len(view) and w.row <= int(view.row[rows])]
    return Batch(
        until, view.sensor[cut], view.time[cut], view.arrived[cut], view.value[cut], view.quality[cut], view.row[cut],
        tuple(waves),
    )
