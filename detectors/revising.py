"""What a judge remembers, carried from one revision of the site to the next. It clears nothing.

Constraints. A detector's state goes along where kind, structure, inputs, their units and the form of its arrays are as
they were; else the subject learns anew, visibly. An active verdict stays active until good readings under the new rule
end it: what waits to end it goes along only where the rule asks for what it asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from detectors.bank import Bank
from detectors.detector import Verdict
from detectors.gate import Gate
from detectors.holding import Holding
from detectors.latest import Latest
from detectors.reading import Indices
from detectors.records import Key
from detectors.sensor import Sensor
from detectors.state import StateMismatch, take
from detectors.verdicts import Verdicts

GATE = ("newest", "highest", "count", "times", "values")
"""The gate's memory, one row a sensor."""
LATEST = ("value", "time", "arrived", "quality")
"""The same of what each sensor said last."""


def carry_verdicts(old: Verdicts, new: Verdicts, active: Set[Key], now: int) -> None:
    """Bring what the old ones remember into the new, which have just begun. `active`: alarms that stand active."""
    before = {key: (bank, k) for bank in old.banks for k, key in enumerate(bank.subject_keys())}
    carried = {key for bank in new.banks for key in _carry_bank(bank, before, now)}
    unchanged = carried & _asking_the_same(old.banks, new.banks)
    for bank in new.banks:
        _stand(bank, active - unchanged)
    for key, pair in new.revision.pair_of.items():
        if key in old.revision.pair_of:
            place = old.revision.pair_of[key]
            _carry_pair(old.holding, new.holding, place, pair, key in carried)
            _carry_wait(old.holding, new.holding, place, pair, key in unchanged, now)
        elif key in active:
            new.holding.verdict[pair] = int(Verdict.ACTIVE)
    for pair, (rule, subject) in enumerate(new.revision.pairs):
        if rule.detector.kind == "health.silent" and new.holding.verdict[pair] == Verdict.ACTIVE:
            for listener in new.revision.listeners.get(subject.id, ()):
                new.holding.silent[listener] += 1
    for bank in new.banks:
        for k, key in enumerate(bank.subject_keys()):
            if key in carried and old.holding.silent[old.revision.pair_of[key]]:
                _end_silence(bank, k, new.holding)


def carry_gate(old: Gate, new: Gate, before: Mapping[str, Sensor], after: Mapping[str, Sensor]) -> None:
    """Bring what the gate remembers into one over other sensors. Its counts go on."""
    here, there = _same(list(before), list(after))
    for column in GATE:
        getattr(new, column)[here] = getattr(old, column)[there]
    new.counts = old.counts


def carry_latest(old: Latest, new: Latest, before: Mapping[str, Sensor], after: Mapping[str, Sensor]) -> None:
    """The same of what each sensor said last, but of a sensor whose unit is another now."""
    here, there = _same(*([(one.id, one.unit) for one in sensors.values()] for sensors in (before, after)))
    for column in LATEST:
        getattr(new, column)[here] = getattr(old, column)[there]


def _same(old: Sequence[Any], new: Sequence[Any]) -> tuple[Indices, Indices]:
    """(places in the new, places in the old) of what is in both."""
    place = {one: k for k, one in enumerate(old)}
    kept = [(k, place[one]) for k, one in enumerate(new) if one in place]
    return np.array([k for k, _ in kept], np.intp), np.array([k for _, k in kept], np.intp)


def _end_silence(bank: Bank, subject: int, holding: Holding) -> None:
    """Where nothing says any more that an input is silent, what was said before the silence is not known to hold."""
    pair = int(bank.pairs[subject])
    if holding.silent[pair]:
        return
    if holding.verdict[pair] == Verdict.ACTIVE:
        holding.watching[pair] = holding.said[pair] != Verdict.UNKNOWN
        if holding.said[pair] == Verdict.CLEAR:
            bank.state.verdict[subject] = holding.said[pair] = int(Verdict.ACTIVE)
        return
    bank.state.verdict[subject] = holding.said[pair] = int(Verdict.UNKNOWN)


def _carry_pair(before: Holding, after: Holding, old: int, pair: int, carried: bool) -> None:
    learns = not carried and before.verdict[old] != Verdict.ACTIVE
    after.verdict[pair] = int(Verdict.UNKNOWN) if learns else before.verdict[old]
    if carried:
        after.said[pair], after.watching[pair] = before.said[old], before.watching[old]


def _carry_wait(before: Holding, after: Holding, old: int, pair: int, unchanged: bool, now: int) -> None:
    """What would end an alarm waits on where its rule is `unchanged`; else it is to be said again."""
    pending = before.pending.get(old)
    if pending is not None and (unchanged or pending.verdict is Verdict.ACTIVE):
        after.go_on_waiting(pair, pending, now)
    if not unchanged and after.verdict[pair] == Verdict.ACTIVE and after.said[pair] == Verdict.CLEAR:
        after.said[pair] = int(Verdict.ACTIVE)


def _asking_the_same(old: Iterable[Bank], new: Iterable[Bank]) -> set[Key]:
    """The keys whose detector's parameters are what they were."""
    before, after = (
        {key: asked for bank in banks for key, asked in zip(bank.subject_keys(), bank.parameters(), strict=True)}
        for banks in (old, new)
    )
    return {key for key, asked in after.items() if before.get(key) == asked}


def _stand(bank: Bank, keys: Set[Key]) -> None:
    """Readings have to say of these that they are no longer active."""
    for k, key in enumerate(bank.subject_keys()):
        if key in keys:
            bank.state.verdict[k] = int(Verdict.ACTIVE)


def _carry_bank(bank: Bank, before: Mapping[Key, tuple[Bank, int]], now: int) -> list[Key]:
    """The keys whose state went along."""
    keys = bank.subject_keys()
    carried = []
    for donor in {id(b): b for b, _ in before.values() if b.key == bank.key}.values():
        index = np.full(len(keys), -1, np.intp)
        for k, key in enumerate(keys):
            source = before.get(key)
            if source is not None and source[0] is donor and bank.inputs_of(k) == donor.inputs_of(source[1]):
                index[k] = source[1]
        try:
            bank.state = take(donor.state, index, donor.subjects, bank.state)
        except StateMismatch:
            continue
        retime = getattr(bank.detector, "retime", None)
        if retime is not None:
            retime(bank.state, donor.state, index, now)
        carried += [key for key, k in zip(keys, index.tolist(), strict=True) if k >= 0]
    return carried
