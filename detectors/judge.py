"""The fold: (state, readings, actions, revisions) -> (state, changes). The one place where a verdict becomes an alarm.

Constraints. Nothing here may depend on how the log is cut into batches, or on how often it is asked: everything that
happens has a place (at, row, rule in dependency order, subject), and is settled in that order. No clock: `now` comes
with the rows. The judge writes nothing; `collector.judging` commits what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detectors.alarms import Alarms
from detectors.bank import Rows
from detectors.desk_load import FIGURES
from detectors.desks import Desks
from detectors.detector import Why
from detectors.gate import Gate
from detectors.handlings import Handlings, Said
from detectors.hazards import Hazards
from detectors.latest import Latest
from detectors.reading import AFTER_ROWS, Batch, Quality, Wave
from detectors.records import Action, Change, Key
from detectors.revising import carry_gate, carry_latest, carry_verdicts
from detectors.revision import Revision
from detectors.rule import Priority
from detectors.settling import Settling
from detectors.site import Site
from detectors.verdicts import Verdicts


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
        self._adopt(Revision(site, revision), now, {})
        self.alarms, self.hazards, self.handlings = Alarms(self.revision), Hazards(), Handlings(self.revision)
        self.settling = Settling(self.alarms, self.hazards, self.handlings)
        self.desks = Desks(site.desk_of, now)
        self.heard: list[Change] = []
        """Changes since the last step, which the desks have still to count."""

    def _adopt(self, revision: Revision, now: int, seen: Mapping[Key, int]) -> None:
        sensors = revision.site.sensors.values()
        self.revision, self.now = revision, now
        self.verdicts = Verdicts(revision, now, seen)
        low, high = (np.array([one.span[side] for one in sensors], np.float64) for side in (0, 1))
        self.gate: Gate = Gate.over(low, high)
        self.latest = Latest.of_none(len(sensors))

    @property
    def site(self) -> Site:
        """The site as it is judged now."""
        return self.revision.site

    # -- readings --------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> Judged:
        """Judge readings; `batch.sensor` counts the site's sensors in their order. An empty batch is a tick."""
        judged = Judged()
        rows, waves = self._gated(batch, judged), self.handlings.mark_waves(batch.waves)
        for at, said in list(self.handlings.endings(batch.until)):
            early = rows.arrived <= at
            self._fold(rows.where(early), [w for w in waves if w.arrived <= at], at, judged)
            self._say(said, at, judged)
            rows, waves = rows.where(~early), [w for w in waves if w.arrived > at]
        self._fold(rows, waves, batch.until, judged)
        return judged

    def _gated(self, batch: Batch, judged: Judged) -> Rows:
        quality = self.handlings.mark(batch.sensor, batch.time, batch.arrived, batch.quality)
        keep, quality = self.gate.mark(batch.sensor, batch.time, batch.arrived, batch.value, quality)
        rows = Rows(batch.sensor, batch.time, batch.arrived, batch.row, batch.value, quality)
        self.gate.count_waves(sum(not wave.ends for wave in batch.waves))
        if keep.all():
            return rows
        names, twice = list(self.site.sensors), np.bincount(batch.sensor[~keep])
        judged.twice = {names[k]: int(twice[k]) for k in np.flatnonzero(twice).tolist()}
        return rows.where(keep)

    def _fold(self, rows: Rows, waves: Sequence[Wave], until: int, judged: Judged) -> None:
        self.latest.note(rows, waves)
        held, parts = self.verdicts.step(rows, waves, until)
        self.now = max(self.now, until)
        judged.changes += self._heard(self.settling.settle(held, until), until)
        if windows := self.desks.windows(self.heard, until):
            parts.append(self._desk_rows(windows))
        self.heard = []
        judged.rows += parts
        judged.derived += sum(len(part) for part in parts[1:])

    def _desk_rows(self, windows: Sequence[tuple[int, int, list[float]]]) -> Rows:
        at = np.repeat(np.array([end for end, _, _ in windows], np.int64), len(FIGURES))
        first = len(self.revision.series) - len(self.desks.names) * len(FIGURES)
        desk = np.array([place for _, place, _ in windows], np.intp)
        number = (first + desk[:, None] * len(FIGURES) + np.arange(len(FIGURES))).ravel()
        value = np.array([figure for _, _, figures in windows for figure in figures], np.float64)
        return Rows(number, at, at, np.full(len(at), AFTER_ROWS), value, np.zeros(len(at), np.uint8))

    def _say(self, said: Sequence[Said], at: int, judged: Judged) -> None:
        """What people did as readings of the sensors that follow it; a later one has a later time."""
        sensors = list(self.site.sensors)
        for name, value in said:
            place = sensors.index(name)
            time = max(at, int(self.latest.time[place]) + 1)
            series, when, arrived, row = (np.array([n], np.int64) for n in (place, time, at, 0))
            flags = np.array([Quality.SIMULATED if self.site.simulated else 0], np.uint8)
            self._fold(Rows(series, when, arrived, row, np.array([value]), flags), (), at, judged)
            judged.derived += 1

    # -- people and revisions --------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> Judged:
        """An action at its place in the log; the answer is among the changes (with its id), taken or refused."""
        self.now = max(self.now, now)
        judged = Judged(self._heard(self.settling.act(action, now), now))
        self._say(self.handlings.take_said(), now, judged)
        return judged

    def reached(self, test: str, sensor: str, alarm: str, channel: str, now: int) -> list[Change]:
        """A channel took the notice of an alarm that a test raised."""
        return self._heard(self.handlings.reached(test, sensor, alarm, channel, now), now)

    def own(self, rule: str, subject: str, now: int, why: Why, least: Priority) -> list[Change]:
        """An alarm of the system's own begins: on a rule, a sensor, a way to reach people."""
        return self._heard(self.settling.raising.own(rule, subject, now, why, least), now)

    def own_ends(self, rule: str, subject: str, now: int, why: Why) -> list[Change]:
        """An alarm of the system's own is over."""
        return self._heard(self.settling.raising.own_ends(rule, subject, now, why), now)

    def canary(self, name: str, now: int) -> list[Change]:
        """A canary of that name came by: a line of its own kind, never an alarm."""
        self.now = max(self.now, now)
        return self._heard(self.settling.note("canary", now, Why("judge.canary", {"id": name})), now)

    def refuse(self, now: int, why: Why, by: str) -> list[Change]:
        """Something asked of the whole site is refused."""
        return self._heard(self.settling.note("refused", now, why, by), now)

    def _heard(self, changes: Sequence[Change], until: int) -> list[Change]:
        changes = self.desks.follow(changes, until, self.revision.number)
        self.heard += changes
        return changes

    def blind(self, start: int, end: int) -> list[Change]:
        """Nothing was received from start to end: deadlines of silence inside it move to its end plus an interval.

        All others fire in it, so its line has its place at the start.
        """
        self.verdicts.excuse(start, end)
        begun = max(start, self.now)
        self.now = max(self.now, end)
        return self._heard(self.settling.note("blind", begun, Why("judge.blind", {"from": start, "to": end})), begun)

    def revise(self, site: Site, now: int, revision: int, by: str, note: str) -> list[Change]:
        """Adopt a revision. It clears nothing: what stood stands until good readings, or a reset, end it."""
        before, verdicts, gate, latest = self.revision, self.verdicts, self.gate, self.latest
        after = Revision(site, revision)
        watched, watches = before.watches(), after.watches()
        self._adopt(after, now, {key: at for key, at in verdicts.seen.items() if watches.get(key) == watched[key]})
        carry_verdicts(verdicts, self.verdicts, self.alarms.active_keys(), now)
        carry_gate(gate, self.gate, before.site.sensors, site.sensors)
        carry_latest(latest, self.latest, before.site.sensors, site.sensors)
        changes = self.settling.revised(after, now, by, note)
        for change in self.heard:
            self.desks.count(change)
        self.heard = []
        self.desks.revise(site.desk_of, {key: record.area for key, record in self.alarms.records.items()})
        return self._heard(changes, now)

    def begin(self, by: str = "", note: str = "") -> list[Change]:
        """The first revision: said once, before anything is judged."""
        return self._heard(self.settling.revised(self.revision, self.now, by, note), self.now)

    def watching(self) -> tuple[int, int]:
        """(pairs whose verdict is known, which are in service and not in test, pairs): see `Verdicts.watching`."""
        return self.verdicts.watching(self.alarms.out_of_service_pairs() + self.handlings.tested_pairs())
