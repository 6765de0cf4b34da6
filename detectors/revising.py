"""What a judge remembers, carried from one revision of the site to the next. It clears nothing.

Constraints. A detector's state goes along where kind, structure and inputs are as they were; else the subject learns
anew, visibly. An active verdict stays active until good readings under the new rule end it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from detectors.bank import Bank
from detectors.detector import Verdict
from detectors.holding import Holding
from detectors.records import Key
from detectors.state import take
from detectors.verdicts import Verdicts

GATE = ("newest", "highest", "count", "times", "values")
"""The gate's memory, one row a sensor."""
LATEST = ("value", "time", "arrived", "quality")
"""The same of what each sensor said last."""


def carry_verdicts(old: Verdicts, new: Verdicts, active: Collection[Key], now: int) -> None:
    """Bring what the old ones remember into the new, which have just begun. `active`: alarms that stand active."""
    before = {key: (bank, k) for bank in old.banks for k, key in enumerate(bank.subject_keys())}
    carried = {key for bank in new.banks for key in _carry_bank(bank, before, active)}
    for key, pair in new.revision.pair_of.items():
        if key in old.revision.pair_of:
            _carry_pair(old.holding, new.holding, old.revision.pair_of[key], pair, key in carried, now)
    for pair, (rule, subject) in enumerate(new.revision.pairs):
        if rule.detector.kind == "health.silent" and new.holding.verdict[pair] == Verdict.ACTIVE:
            for listener in new.revision.listeners.get(subject.id, ()):
                new.holding.silent[listener] += 1


def carry_sensors(old: Iterable[str], new: Iterable[str], memories: Iterable[tuple[Any, Any, Iterable[str]]]) -> None:
    """Bring columns over the old sensors into those over the new: (from, into, names of the columns) of each memory."""
    place = {name: k for k, name in enumerate(old)}
    kept = [(k, place[name]) for k, name in enumerate(new) if name in place]
    here, there = np.array([a for a, _ in kept], np.intp), np.array([b for _, b in kept], np.intp)
    for before, after, columns in memories:
        for column in columns:
            getattr(after, column)[here] = getattr(before, column)[there]


def _carry_pair(before: Holding, after: Holding, old: int, pair: int, carried: bool, now: int) -> None:
    learns = not carried and before.verdict[old] != Verdict.ACTIVE
    after.verdict[pair] = int(Verdict.UNKNOWN) if learns else before.verdict[old]
    if carried:
        after.said[pair], after.watching[pair] = before.said[old], before.watching[old]
    if old in before.pending:
        after.go_on_waiting(pair, before.pending[old], now)


def _carry_bank(bank: Bank, before: Mapping[Key, tuple[Bank, int]], active: Collection[Key]) -> list[Key]:
    """The keys whose state went along."""
    keys = bank.subject_keys()
    carried = []
    for donor in {id(b): b for b, _ in before.values() if b.key == bank.key}.values():
        index = np.full(len(keys), -1, np.intp)
        for k, key in enumerate(keys):
            source = before.get(key)
            if source is not None and source[0] is donor and bank.inputs_of(k) == donor.inputs_of(source[1]):
                index[k] = source[1]
                carried.append(key)
        bank.state = take(donor.state, index, donor.subjects, bank.state)
    for k, key in enumerate(keys):
        if key in active:
            bank.state.verdict[k] = int(Verdict.ACTIVE)
    return carried
