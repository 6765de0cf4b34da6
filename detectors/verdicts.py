"""From readings to held verdicts: every rule steps in the order of dependencies, and what it says is held.

Constraints. A rule's columns and held verdicts are readings to the rules after it, in the same pass. A rule that raises
stops at the row at which it did, and every other goes on. Not here: what becomes of alarms (settling.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from detectors.bank import Bank, Rows, structure, verdict_rows
from detectors.breaking import until_it_raises
from detectors.detector import Outcome, Verdict, Why
from detectors.holding import Held, Holding, Silence
from detectors.reading import AFTER_ROWS, Batch, Wave
from detectors.records import Key
from detectors.revision import Revision
from detectors.rule import Rule
from detectors.sensor import OWN
from detectors.state import StateMismatch, take


@dataclass(slots=True)
class Pass:
    """One pass through all rules: what was read up to `until`, and what those that have stepped made of it."""

    parts: list[Rows]
    """First what was read; then columns and verdicts."""
    waves: Sequence[Wave]
    until: int
    silences: dict[int, list[Silence]] = field(default_factory=dict)
    """By pair: its inputs that fell silent or spoke again."""


class Verdicts:
    """What every pair's detector remembers, and what the pair holds."""

    def __init__(self, revision: Revision, now: int, seen: Mapping[Key, int]) -> None:
        """`seen`: `now` at which a pair came under watch, where that was before."""
        self.revision = revision
        self.seen = {key: seen.get(key, now) for key in revision.pair_of}
        self.holding = Holding(
            np.array([rule.on_delay for rule, _ in revision.pairs], np.int64),
            np.array([rule.off_delay for rule, _ in revision.pairs], np.int64),
            np.array([all(name.startswith("@") for _, name in s.inputs) for _, s in revision.pairs], np.bool_),
        )
        self.broken: dict[str, Why] = {}
        """Rules that have stopped."""
        self.restarted: list[tuple[int, int]] = []
        """(pair, `now`) of what learns anew since then; the next step tells it."""
        self.banks = self._banks()
        self._series = [revision.series[f"@{rule.name}/{subject.id}"] for rule, subject in revision.pairs]
        self._counted = np.array([not subject.id.startswith(OWN) for _, subject in revision.pairs], np.bool_)

    def _banks(self) -> list[Bank]:
        """Rules stepped as one where kind, structure and place in the order of dependencies agree."""
        groups: dict[tuple[Any, ...], list[Rule]] = {}
        for rule in self.revision.rules:
            groups.setdefault((self.revision.levels[rule.name], structure(rule.detector)), []).append(rule)
        return [self.bank(rules) for rules in groups.values()]

    def bank(self, rules: Sequence[Rule]) -> Bank:
        """A bank of these rules that has seen nothing."""
        keys = [(rule.name, subject.id) for rule in rules for subject in rule.subjects]
        pairs = np.array([self.revision.pair_of[key] for key in keys], np.intp)
        seen = np.array([self.seen[key] for key in keys], np.int64)
        return Bank(self.revision.site, rules, pairs, self.revision.series, seen, self.revision.table)

    # -- readings --------------------------------------------------------------------------------------------------

    def step(self, rows: Rows, waves: Sequence[Wave], until: int) -> tuple[list[Held], list[Rows]]:
        """What the pairs hold anew, in order; and the rows with all that was derived of them, the given ones first."""
        run = Pass([rows], waves, until)
        held = self._tell_restarted(run)
        held += [h for bank in list(self.banks) for h in self._step_bank(bank, run)]
        return _in_order(held), run.parts

    def _step_bank(self, bank: Bank, run: Pass) -> list[Held]:
        view = bank.view(run.parts, run.waves, run.until)
        try:
            outcome = bank.step(view)
        except Exception as error:
            return self._break(bank, view, error, run)
        begun = self._tell_forgotten(bank, view, run) if bank.forgot else []
        return begun + self._hold(bank, view, outcome, run, run.silences)

    def _hold(
        self, bank: Bank, view: Batch, outcome: Outcome, run: Pass, silences: Mapping[int, Sequence[Silence]]
    ) -> list[Held]:
        events = bank.events(outcome.findings, silences)
        waiting = self.holding.pending.keys()
        touched = sorted(set(events) | (waiting & set(bank.pairs.tolist()) if waiting else set()))
        held: list[Held] = []
        for pair in touched:
            held += self.holding.hold(pair, events.get(pair, ()), partial(bank.good_rows, view, pair), view.until)
        if bank.detector.kind == "health.silent":
            self._spread_silence(held, run)
        run.parts += bank.derived(outcome)
        if held:
            run.parts.append(verdict_rows(_in_order(held), self._series))
        return held

    def _spread_silence(self, held: Sequence[Held], run: Pass) -> None:
        for h in held:
            change = int(h.verdict is Verdict.ACTIVE) - int(h.was is Verdict.ACTIVE)
            if change:
                sensor = self.revision.pairs[h.pair][1].id
                for pair in self.revision.listeners.get(sensor, ()):
                    run.silences.setdefault(pair, []).append(Silence(h.at, h.row, change))

    # -- a rule that raises ----------------------------------------------------------------------------------------

    def _break(self, bank: Bank, view: Batch, error: Exception, run: Pass) -> list[Held]:
        """Stop the rule that raised, at the row or wave at which it did; every other rule of the bank goes on."""
        at = self.banks.index(bank)
        if len(bank.rules) > 1:
            singles = self._one_by_one(bank)
            self.banks[at : at + 1] = singles
            return [h for single in singles for h in self._step_bank(single, run)]
        good, outcome, last, place = until_it_raises(bank, view, error)
        heard = {pair: [s for s in those if (s.at, s.row) < place] for pair, those in run.silences.items()}
        held = self._hold(bank, good, outcome, run, heard)
        self.banks.remove(bank)
        why = Why("rule.broken", {"error": f"{type(last).__name__}: {last}"})
        self.broken[bank.rules[0].name] = why
        unwatched = [self.holding.unwatch(pair, place, why) for pair in bank.pairs.tolist()]
        run.parts.append(verdict_rows(unwatched, self._series))
        return held + unwatched

    def _one_by_one(self, bank: Bank) -> list[Bank]:
        singles, start = [], 0
        for rule in bank.rules:
            single = self.bank([rule])
            index = np.arange(start, start + len(rule.subjects))
            try:
                single.state = take(bank.state, index, bank.subjects, single.state)
                single.forgot = bank.forgot
            except StateMismatch:
                single.state.verdict[bank.state.verdict[index] == Verdict.ACTIVE] = int(Verdict.ACTIVE)
                single.forgot = True
            if single.forgot:
                self._stand(single)
            start += len(rule.subjects)
            singles.append(single)
        return singles

    def _tell_forgotten(self, bank: Bank, view: Batch, run: Pass) -> list[Held]:
        """The bank's memory was lost before this batch: it learns anew, and until it has nobody watches."""
        bank.forgot = False
        begins = [(wave.arrived, wave.row) for wave in view.waves]
        begins += [(int(view.arrived[0]), int(view.row[0]))] if len(view) else []
        place = min(begins, default=(run.until, AFTER_ROWS))
        return self._tell_anew([(pair, place) for pair in bank.pairs.tolist()], run)

    # -- a rule whose memory has another form ----------------------------------------------------------------------

    def anew(self, bank: Bank, now: int) -> Bank:
        """The bank's rules as if they came under watch now, which the next step tells; what stands is not clear."""
        self.seen.update(dict.fromkeys(bank.subject_keys(), now))
        fresh = self.bank(bank.rules)
        self._stand(fresh)
        self.restarted += [(pair, now) for pair in fresh.pairs.tolist()]
        return fresh

    def _tell_restarted(self, run: Pass) -> list[Held]:
        restarted, self.restarted = self.restarted, []
        return self._tell_anew([(pair, (now, AFTER_ROWS)) for pair, now in restarted], run)

    def _stand(self, bank: Bank) -> None:
        """A bank that learns anew: what stands is not clear."""
        bank.state.verdict[self.holding.verdict[bank.pairs] == Verdict.ACTIVE] = int(Verdict.ACTIVE)

    def _tell_anew(self, begun: Sequence[tuple[int, tuple[int, int]]], run: Pass) -> list[Held]:
        """Of (pair, place): from there on it learns anew."""
        forgotten = [self.holding.forget(pair, place, Why("rule.restarted")) for pair, place in begun]
        told = [h for h in forgotten if h.was_watching or h.was is not h.verdict]
        run.parts += [verdict_rows(told, self._series)] if told else []
        return told

    # -- time and listing ------------------------------------------------------------------------------------------

    def excuse(self, start: int, end: int) -> None:
        """Nobody listened from `start` to `end`: deadlines of silence inside it move to its end plus an interval."""
        for bank in self.banks:
            excuse = getattr(bank.detector, "excuse", None)
            if excuse is not None:
                excuse(bank.state, start, end)

    def watching(self, unwatched: Sequence[int]) -> tuple[int, int]:
        """(pairs whose verdict is known and which are not among `unwatched`, pairs), those on the system's own sensors
        left out: they say whether the watching can be relied on, not what is watched."""
        watched = self.holding.watching & self._counted
        watched[list(unwatched)] = False
        return int(np.count_nonzero(watched)), int(np.count_nonzero(self._counted))


def _in_order(held: Sequence[Held]) -> list[Held]:
    return sorted(held, key=lambda h: (h.at, h.row, h.pair))
