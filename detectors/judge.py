"""The fold: (state, readings, actions, revisions) -> (state, changes). The one place where a verdict becomes an alarm.

Constraints. Nothing here may depend on how the log is cut into batches, or on how often it is asked: everything that
happens has a place (at, row, rule in dependency order, subject), and is settled in that order. No clock: `now` comes
with the rows. The judge writes nothing; `collector.judging` commits what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from detectors.bank import Bank, Rows, structure, verdict_rows
from detectors.breaking import until_it_raises
from detectors.desk_load import FIGURES
from detectors.desks import Desks
from detectors.detector import Outcome, Verdict, Why
from detectors.gate import Gate
from detectors.handlings import Said
from detectors.holding import Held, Holding, Silence
from detectors.levels import SILENCE, levels_of, rungs_from_the_top
from detectors.reading import AFTER_ROWS, Batch, Quality, Wave
from detectors.records import Action, Change, Key
from detectors.revising import Memory, carry
from detectors.rule import Priority, Rule, Subject
from detectors.sensor import OWN
from detectors.settling import Records
from detectors.site import Site, series
from detectors.state import take


@dataclass(slots=True)
class Judged:
    """What one step of the fold yields: changes in their order, and every judged reading, derived ones included."""

    changes: list[Change] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    derived: int = 0
    """Rows that were computed: columns, verdicts, and what people's doing became."""
    twice: Mapping[str, int] = field(default_factory=dict)
    """How many exact duplicates the gate held back, by sensor."""


class Judge:
    """The fold's state over one site. Feed it the log in order; it returns what changed."""

    def __init__(self, site: Site, now: int, revision: int = 1) -> None:
        self._build(site, now, revision, {})
        self.records = Records(self)
        self.desks = Desks(site.desk_of, now)
        self.heard: list[Change] = []
        """Changes since the last step, which the desks have still to count."""

    # -- structure -------------------------------------------------------------------------------------------------

    def _build(self, site: Site, now: int, revision: int, seen: dict[tuple[str, str], int]) -> None:
        self.site, self.revision, self.now = site, revision, now
        self.table = {s.id: s for s in series(site)}
        self.series = {name: k for k, name in enumerate(self.table)}
        self.levels = levels_of(site.rules)
        self.rules = rungs_from_the_top(site.rules, self.levels)
        self.pairs = [(rule, subject) for rule in self.rules for subject in rule.subjects]
        self.pair_of = {(rule.name, subject.id): k for k, (rule, subject) in enumerate(self.pairs)}
        self.seen = {key: seen.get(key, now) for key in self.pair_of}
        self.holding = Holding(
            np.array([rule.on_delay for rule, _ in self.pairs], np.int64),
            np.array([rule.off_delay for rule, _ in self.pairs], np.int64),
            np.array([all(name.startswith("@") for _, name in subject.inputs) for _, subject in self.pairs], np.bool_),
        )
        self.counted = np.array([not subject.id.startswith(OWN) for _, subject in self.pairs], np.bool_)
        self.verdict_series = [self.series[f"@{rule.name}/{subject.id}"] for rule, subject in self.pairs]
        self.listeners = self._silence_listeners()
        self.broken: dict[str, Why] = {}
        self.banks = self._banks()
        low = np.array([s.span[0] for s in site.sensors.values()], np.float64)
        high = np.array([s.span[1] for s in site.sensors.values()], np.float64)
        self.gate: Gate = Gate.over(low, high)
        self.latest_value = np.full(len(low), np.nan)
        self.latest_time = np.zeros(len(low), np.int64)
        self.latest_arrived = np.zeros(len(low), np.int64)
        self.latest_quality = np.zeros(len(low), np.uint8)

    def _silence_listeners(self) -> dict[str, list[int]]:
        """sensor -> pairs that fall unknown when it is silent."""
        listeners: dict[str, list[int]] = {}
        for pair, (rule, subject) in enumerate(self.pairs):
            if rule.detector.kind in SILENCE:
                continue
            raw = {self.table[name].sensor for _, name in subject.inputs if not name.startswith("@")}
            for sensor in raw & self.site.sensors.keys():
                listeners.setdefault(sensor, []).append(pair)
        return listeners

    def _banks(self) -> list[Bank]:
        """Rules stepped as one where kind, structure and place in the order of dependencies agree."""
        groups: dict[tuple[Any, ...], list[Rule]] = {}
        for rule in self.rules:
            groups.setdefault((self.levels[rule.name], structure(rule.detector)), []).append(rule)
        return [self.bank(rules) for rules in groups.values()]

    def bank(self, rules: Sequence[Rule]) -> Bank:
        keys = [(rule.name, subject.id) for rule in rules for subject in rule.subjects]
        pairs = np.array([self.pair_of[key] for key in keys], np.intp)
        seen = np.array([self.seen[key] for key in keys], np.int64)
        return Bank(self.site, rules, pairs, self.series, seen, self.table)

    # -- readings --------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Judged:
        """Judge readings; `batch.sensor` counts the site's sensors in their order. An empty batch is a tick."""
        handlings, judged = self.records.handlings, Judged()
        rows, waves = self._gated(batch, judged), handlings.mark_waves(batch.waves)
        for at, said in list(handlings.endings(batch.until)):
            early = rows.arrived <= at
            self._fold(rows.where(early), [w for w in waves if w.arrived <= at], at, judged)
            self._say(said, at, judged)
            rows, waves = rows.where(~early), [w for w in waves if w.arrived > at]
        self._fold(rows, waves, batch.until, judged)
        return judged

    def _gated(self, batch: Batch, judged: Judged) -> Rows:
        quality = self.records.handlings.mark(batch.sensor, batch.time, batch.arrived, batch.quality)
        keep, quality = self.gate.mark(batch.sensor, batch.time, batch.arrived, batch.value, quality)
        rows = Rows(batch.sensor, batch.time, batch.arrived, batch.row, batch.value, quality)
        self.gate.count_waves(sum(not wave.ends for wave in batch.waves))
        if keep.all():
            return rows
        names, twice = list(self.site.sensors), np.bincount(batch.sensor[~keep])
        judged.twice = {names[k]: int(twice[k]) for k in np.flatnonzero(twice).tolist()}
        return rows.where(keep)

    def _fold(self, rows: Rows, waves: Sequence[Wave], until: int, judged: Judged) -> None:
        self._note_latest(rows, waves)
        parts, held = [rows], []
        silences: dict[int, list[Silence]] = {}
        for bank in list(self.banks):
            held += self._step_bank(bank, parts, waves, until, silences)
        held.sort(key=lambda h: (h.at, h.row, h.pair))
        self.now = max(self.now, until)
        judged.changes += self._heard(self.records.settle(held, until), until)
        if windows := self.desks.windows(self.heard, until):
            parts.append(self._desk_rows(windows))
        self.heard = []
        judged.rows += parts
        judged.derived += sum(len(part) for part in parts[1:])

    def _desk_rows(self, windows: Sequence[tuple[int, int, list[float]]]) -> Rows:
        at = np.repeat(np.array([end for end, _, _ in windows], np.int64), len(FIGURES))
        first = len(self.series) - len(self.desks.names) * len(FIGURES)
        desk = np.array([place for _, place, _ in windows], np.intp)
        number = (first + desk[:, None] * len(FIGURES) + np.arange(len(FIGURES))).ravel()
        value = np.array([figure for _, _, figures in windows for figure in figures], np.float64)
        return Rows(number, at, at, np.full(len(at), AFTER_ROWS), value, np.zeros(len(at), np.uint8))

    def _say(self, said: Sequence[Said], at: int, judged: Judged) -> None:
        """What people did as readings of the sensors that follow it; a later one has a later time."""
        sensors = list(self.site.sensors)
        for name, value in said:
            place = sensors.index(name)
            time = max(at, int(self.latest_time[place]) + 1)
            series, when, arrived, row = (np.array([n], np.int64) for n in (place, time, at, 0))
            flags = np.array([Quality.SIMULATED if self.site.simulated else 0], np.uint8)
            self._fold(Rows(series, when, arrived, row, np.array([value]), flags), (), at, judged)
            judged.derived += 1

    def _note_latest(self, rows: Rows, waves: Sequence[Wave]) -> None:
        late = (rows.quality & (Quality.LATE | Quality.CONFLICT | Quality.SKEWED)) != 0
        for column, source in (
            (self.latest_value, rows.value),
            (self.latest_time, rows.time),
            (self.latest_arrived, rows.arrived),
            (self.latest_quality, rows.quality),
        ):
            column[rows.series[~late]] = source[~late]
        for wave in waves:
            if wave.ends:
                continue
            self.latest_time[wave.sensor] = wave.time + int(len(wave.samples) / wave.rate * 1e9)
            self.latest_arrived[wave.sensor] = wave.arrived
            self.latest_value[wave.sensor] = float(np.abs(wave.samples).max())

    def _step_bank(
        self, bank: Bank, parts: list[Rows], waves: Sequence[Wave], until: int, silences: dict[int, list[Silence]]
    ) -> list[Held]:
        view = bank.view(parts, waves, until)
        try:
            outcome = bank.step(view)
        except Exception as error:
            return self._break(bank, view, error, parts, waves, until, silences)
        return self._take_outcome(bank, view, outcome, parts, until, silences)

    def _take_outcome(
        self,
        bank: Bank,
        view: Batch,
        outcome: Outcome,
        parts: list[Rows],
        until: int,
        silences: dict[int, list[Silence]],
    ) -> list[Held]:
        events = bank.events(outcome.findings, silences)
        waiting = self.holding.pending.keys()
        touched = sorted(set(events) | (waiting & set(bank.pairs.tolist()) if waiting else set()))
        held: list[Held] = []
        for pair in touched:
            changes = self.holding.hold(pair, events.get(pair, ()), partial(bank.good_rows, view, pair), until)
            held += changes
        if bank.detector.kind == "health.silent":
            self._spread_silence(held, silences)
        parts += bank.derived(outcome)
        if held:
            parts.append(verdict_rows(sorted(held, key=lambda h: (h.at, h.row, h.pair)), self.verdict_series))
        return held

    def _spread_silence(self, held: Sequence[Held], silences: dict[int, list[Silence]]) -> None:
        for h in held:
            change = int(h.verdict is Verdict.ACTIVE) - int(h.was is Verdict.ACTIVE)
            if change:
                sensor = self.pairs[h.pair][1].id
                for pair in self.listeners.get(sensor, ()):
                    silences.setdefault(pair, []).append(Silence(h.at, h.row, change))

    # -- a rule that raises ----------------------------------------------------------------------------------------

    def _break(
        self,
        bank: Bank,
        view: Batch,
        error: Exception,
        parts: list[Rows],
        waves: Sequence[Wave],
        until: int,
        silences: dict[int, list[Silence]],
    ) -> list[Held]:
        """Stop the rule that raised, at the row at which it did; every other rule of the bank goes on."""
        at = self.banks.index(bank)
        if len(bank.rules) > 1:
            self.banks[at : at + 1] = self._one_by_one(bank)
            singles = self.banks[at : at + len(bank.rules)]
            return [h for single in singles for h in self._step_bank(single, parts, waves, until, silences)]
        good, outcome, last = until_it_raises(bank, view, error)
        row = len(good)
        place = (int(view.arrived[row]), int(view.row[row])) if row < len(view) else (until, AFTER_ROWS)
        if bank.detector.kind != "health.silent":
            silences = {pair: [s for s in heard if (s.at, s.row) < place] for pair, heard in silences.items()}
        held = self._take_outcome(bank, good, outcome, parts, good.until, silences)
        self.banks.remove(bank)
        rule = bank.rules[0]
        why = Why("rule.broken", {"error": f"{type(last).__name__}: {last}"})
        self.broken[rule.name] = why
        unwatched = [self.holding.unwatch(pair, place, why) for pair in bank.pairs.tolist()]
        parts.append(verdict_rows(unwatched, self.verdict_series))
        return held + unwatched

    def _one_by_one(self, bank: Bank) -> list[Bank]:
        singles, start = [], 0
        for rule in bank.rules:
            single = self.bank([rule])
            index = np.arange(start, start + len(rule.subjects))
            single.state = take(bank.state, index, bank.subjects, single.state)
            start += len(rule.subjects)
            singles.append(single)
        return singles

    # -- people and revisions --------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> Judged:
        """An action at its place in the log; the answer is among the changes (with its id), taken or refused."""
        self.now = max(self.now, now)
        judged = Judged(self._heard(self.records.act(action, now), now))
        self._say(self.records.handlings.take_said(), now, judged)
        return judged

    def reached(self, test: str, sensor: str, alarm: str, channel: str, now: int) -> list[Change]:
        """A channel took the notice of an alarm that a test raised."""
        return self._heard(self.records.handlings.reached(test, sensor, alarm, channel, now), now)

    def own(self, rule: str, subject: str, now: int, why: Why, least: Priority) -> list[Change]:
        """An alarm of the system's own begins: on a rule, a sensor, a way to reach people."""
        return self._heard(self.records.own(rule, subject, now, why, least), now)

    def own_ends(self, rule: str, subject: str, now: int, why: Why) -> list[Change]:
        """An alarm of the system's own is over."""
        return self._heard(self.records.own_ends(rule, subject, now, why), now)

    def canary(self, name: str, now: int) -> list[Change]:
        """A canary of that name came by: a line of its own kind, never an alarm."""
        self.now = max(self.now, now)
        return self._heard(self.records.note("canary", now, Why("judge.canary", {"id": name})), now)

    def refuse(self, now: int, why: Why, by: str) -> list[Change]:
        """Something asked of the whole site is refused."""
        return self._heard(self.records.note("refused", now, why, by), now)

    def _heard(self, changes: Sequence[Change], until: int) -> list[Change]:
        changes = self.desks.follow(changes, until, self.revision)
        self.heard += changes
        return changes

    def blind(self, start: int, end: int) -> list[Change]:
        """Nothing was received from start to end: deadlines of silence inside it move to its end plus an interval.

        All others fire in it, so its line has its place at the start.
        """
        for bank in self.banks:
            excuse = getattr(bank.detector, "excuse", None)
            if excuse is not None:
                excuse(bank.state, start, end)
        begun = max(start, self.now)
        self.now = max(self.now, end)
        return self._heard(self.records.note("blind", begun, Why("judge.blind", {"from": start, "to": end})), begun)

    def revise(self, site: Site, now: int, revision: int, by: str, note: str) -> list[Change]:
        """Adopt a revision. It clears nothing: what stood stands until good readings, or a reset, end it."""
        old = self._memory()
        before, again = (_watched(pairs) for pairs in (self.pairs, [(r, s) for r in site.rules for s in r.subjects]))
        self._build(site, now, revision, {k: t for k, t in self.seen.items() if again.get(k) == before[k]})
        carry(old, self._memory(), self.records.active_keys(), self.now)
        changes = self.records.revised(now, by, note)
        for change in self.heard:
            self.desks.count(change)
        self.heard = []
        self.desks.revise(site.desk_of, {key: record.area for key, record in self.records.records.items()})
        return self._heard(changes, now)

    def begin(self, by: str = "", note: str = "") -> list[Change]:
        """The first revision: said once, before anything is judged."""
        return self._heard(self.records.revised(self.now, by, note), self.now)

    def _memory(self) -> Memory:
        latest = (self.latest_value, self.latest_time, self.latest_arrived, self.latest_quality)
        sensors = list(self.site.sensors)
        return Memory(self.banks, self.holding, self.pairs, self.pair_of, self.gate, sensors, latest, self.listeners)

    def watching(self) -> tuple[int, int]:
        """(pairs whose verdict is known, which are in service and not in test, pairs), those on the system's own
        sensors left out: they say whether the watching can be relied on, not what is watched."""
        watched = self.holding.watching & self.counted
        watched[self.records.out_of_service_pairs()] = False
        watched[self.records.handlings.tested_pairs()] = False
        return int(np.count_nonzero(watched)), int(np.count_nonzero(self.counted))


def _watched(pairs: Sequence[tuple[Rule, Subject]]) -> dict[Key, Any]:
    """What each pair looks at, and how: a subject of other inputs comes under watch anew."""
    return {(rule.name, subject.id): (rule.detector.kind, subject.inputs) for rule, subject in pairs}
