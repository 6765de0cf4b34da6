"""Seals in, conclusions out: decode, judge, answer. The same fold serves live judging, a restart and replay.

Constraints. No clock and no disk: what comes out depends on the seals alone, however they are handed in. A seal is
taken whole: what is blind, its readings, then own alarms, receipts, actions and revisions in their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector import orders
from collector.decode import BLIND, CANARY, FACTS, GONE, REACHED, Decoded, Decoder
from collector.message import ACTION, MQTT, OWN, REVISION, Message, Seal
from collector.remembered import Memory
from collector.rows import DeadLetter, Gap
from detectors.bank import Rows
from detectors.detector import Why
from detectors.hazards import Hazard
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import DIFFERS, WRONG_UNIT, Change, Key
from detectors.rule import Priority, Series
from detectors.site import Site

CANARY_APART = 1_000_000_000
"""ns between two canaries of which the journal has a line, at least."""
NO_SITE = "no revision of a site file was applied before it"


@dataclass(slots=True)
class Part:
    """Judged readings and the table that numbers their series."""

    table: Mapping[str, Series]
    rows: list[Rows]


@dataclass(slots=True)
class Folded:
    """What some seals led to."""

    changes: list[Change] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    touched: set[Key] = field(default_factory=set)
    twice: Counter[str] = field(default_factory=Counter)
    """Exact duplicates by sensor."""
    hazards: list[Hazard] = field(default_factory=list)
    """Those that were opened, changed or closed."""
    revised: bool = False


class Folding:
    """The fold over a site's log. `judge` is None until the log's first revision."""

    def __init__(self) -> None:
        self.judge: Judge | None = None
        self.document: Mapping[str, Any] = {}
        self.revision = 0
        self.counts: dict[str, int] = {}
        self.memory = Memory()
        """What decoding remembers."""
        self._decoder: Decoder | None = None

    def adopt(self, site: Site, judge: Judge, revision: int, memory: Memory | None = None) -> None:
        """Go on from a judge that was restored, or made for a replay; `memory` as it was with it."""
        self.judge, self.revision, self.document = judge, revision, site.document
        self.memory = self.memory if memory is None else memory
        self._decoder = Decoder(site, self.memory)

    def fold(self, seals: Iterable[Seal]) -> Folded:
        """Take the seals, which follow those taken before."""
        out = Folded()
        run: list[Seal] = []
        for seal in seals:
            special = [(k, m) for k, m in enumerate(seal.messages) if self._is_special(m)]
            if not special:
                run.append(seal)
                continue
            self._readings(run, out)
            run = []
            self._special(seal, special, out)
        self._readings(run, out)
        if self.judge is not None:
            out.hazards = self.judge.hazards.take_changed()
        return out

    def _is_special(self, message: Message) -> bool:
        """True for what the judge hears of otherwise than as a reading, or also otherwise: the canary."""
        if message.origin == MQTT:
            return self._decoder is not None and message.topic == self._decoder.canary and not message.retained
        return message.origin in (ACTION, REVISION) or (message.origin == OWN and message.topic in FACTS)

    def _special(self, seal: Seal, special: Sequence[tuple[int, Message]], out: Folded) -> None:
        """What is blind comes before the seal's readings; all else after them, and so after what fell due before. But a
        log's very first revision comes before, so that no reading that lies beside it is without a site."""
        revisions = [one for one in special if one[1].origin == REVISION]
        before = [one for one in special if one[1].origin == OWN and one[1].topic == BLIND]
        before += revisions[:1] if self.judge is None else []
        self._obey(before, seal, out)
        canary = None if self._crowded(seal.now) else next((m for _, m in special if m.origin == MQTT), None)
        self._readings([seal], out)
        self._obey([one for one in special if one[1].origin != MQTT and one not in before], seal, out)
        if canary is not None:
            self._canary(canary, seal.now, out)

    def _obey(self, special: Sequence[tuple[int, Message]], seal: Seal, out: Folded) -> None:
        obey = {OWN: self._fact, REVISION: self._revise, ACTION: self._act}
        for place, message in special:
            try:
                obey[message.origin](message, seal, out)
            except orders.Unreadable as error:
                reason = message.topic.removeprefix("own/") if message.origin == OWN else message.origin
                out.dead.append(DeadLetter(seal.seq, place, message.topic, reason, None, str(error)))
                self._count(**{f"dead.{reason}": 1, "received": int(message.origin == OWN)})

    def _canary(self, message: Message, now: int, out: Folded) -> None:
        """A canary's line; one that cannot be read is decoding's dead letter, or is none of ours."""
        try:
            name = orders.canary(message.payload)
        except orders.Unreadable:
            return
        if self.judge is not None:
            self._note(out, self.judge.canary(name, now))

    def _crowded(self, now: int) -> bool:
        """True if a canary came less than CANARY_APART ago: whoever may write its topic cannot fill the journal."""
        number = None if self.judge is None else self.judge.revision.series.get(CANARY)
        return number is None or self.judge.latest.arrived[number] > now - CANARY_APART  # type: ignore[union-attr]

    def _fact(self, message: Message, seal: Seal, out: Folded) -> None:
        if message.topic == BLIND:
            start, end = orders.blind(message.payload, seal.now)
            self._count(blind=1)
            if self.judge is not None:
                self._note(out, self.judge.blind(start, end))
            return
        if message.topic == REACHED:
            one = orders.reached(message.payload)
            self._count(test_receipts=1)
            if self.judge is not None:
                self._note(out, self.judge.reached(one.test, one.sensor, one.alarm, one.channel, seal.now))
            return
        said = orders.own_alarm(message.payload)
        self._count(own_alarms=1)
        if self.judge is not None:
            self._note(out, self._own_alarm(said, seal.now))

    def _own_alarm(self, said: orders.OwnAlarm, now: int) -> list[Change]:
        assert self.judge is not None
        numbers = {"detail": said.detail} if said.detail else {}
        if said.active:
            priority = Priority.CRITICAL if said.rule == DIFFERS else Priority.HIGH
            return self.judge.own(said.rule, said.subject, now, Why(f"own.{said.rule}", numbers), priority)
        ended = Why("own.gone" if said.detail == GONE else "own.ended")
        return self.judge.own_ends(said.rule, said.subject, now, ended)

    def _readings(self, seals: Sequence[Seal], out: Folded) -> None:
        if not seals:
            return
        if self.judge is None or self._decoder is None:
            for seal in seals:
                letters = [
                    DeadLetter(seal.seq, k, m.topic, "no_site", None, NO_SITE)
                    for k, m in enumerate(seal.messages)
                    if m.origin not in (ACTION, REVISION, OWN)
                ]
                own = sum(m.origin == OWN and m.topic not in FACTS for m in seal.messages)
                out.dead += letters
                self._count(received=len(letters) + own, own=own, **{"dead.no_site": len(letters)})
            return
        before = self.memory.copy() if len(seals) > 1 else self.memory
        decoded = self._decoder.decode(seals)
        wrong_unit = any(letter.reason == "wrong_unit" for letter in decoded.dead)
        faulty = wrong_unit or bool(self.judge.alarms.own_standing(WRONG_UNIT))
        if faulty and len(seals) > 1:
            self.memory.restore(before)
            for seal in seals:
                self._readings([seal], out)
            return
        batch = Batch.of(
            decoded.until, decoded.sensor, decoded.time, decoded.value,
            arrived=decoded.arrived, quality=decoded.quality, waves=decoded.waves,
        )  # fmt: skip
        judged = self.judge.step(batch)
        out.parts.append(Part(self.judge.revision.table, judged.rows))
        out.twice.update(judged.twice)
        out.dead += decoded.dead
        self._note(out, judged.changes)
        if faulty:
            self._units(decoded, out)
        self._count(
            received=decoded.received, readings=decoded.readings, own=decoded.own, derived=judged.derived
        )
        for letter in decoded.dead:
            self._count(**{f"dead.{letter.reason}": 1})
        self._count(**{f"said.{what}": number for what, number in decoded.said.items()})
        out.gaps += decoded.gaps
        for gap in decoded.gaps:
            self._count(**{"gap.before_broker": max(gap.missing, 0), "gap.came_late": max(-gap.missing, 0)})

    def _units(self, decoded: Decoded, out: Folded) -> None:
        """A payload in another unit is an alarm on its sensor, until the sensor says something that can be read."""
        assert self.judge is not None
        alarms, names = self.judge.alarms, list(self.judge.site.sensors)
        wrong = {d.sensor: d for d in decoded.dead if d.reason == "wrong_unit" and d.sensor is not None}
        for sensor, letter in wrong.items():
            why = Why("payload.wrong_unit", {"detail": letter.detail})
            self._note(out, self.judge.own(WRONG_UNIT, sensor, decoded.until, why, Priority.MEDIUM))
        heard = {names[k] for k in decoded.sensor.tolist()} - wrong.keys()
        for sensor in alarms.own_standing(WRONG_UNIT):
            if sensor in heard:
                self._note(out, self.judge.own_ends(WRONG_UNIT, sensor, decoded.until, Why("payload.readable")))

    def _count(self, **numbers: int) -> None:
        for name, number in numbers.items():
            if number:
                self.counts[name] = self.counts.get(name, 0) + number

    def _note(self, out: Folded, changes: Sequence[Change]) -> None:
        assert self.judge is not None
        out.changes += changes
        for change in changes:
            key = (change.rule, change.sensor)
            out.touched.add(key)
            if not change.rule and change.sensor:
                out.touched.update(self.judge.handlings.touched(change.sensor))
            pair = self.judge.revision.pair_of.get(key)
            for dependent in self.judge.revision.wiring.dependents.get(-1 if pair is None else pair, ()):
                rule, subject = self.judge.revision.pairs[dependent]
                out.touched.add((rule.name, subject.id))

    def _revise(self, message: Message, seal: Seal, out: Folded) -> None:
        try:
            order = orders.revision(message.payload)
        except orders.Mistaken as mistaken:
            if self.judge is not None:
                why = Why("judge.refused.revision", {"mistakes": str(mistaken)})
                self._note(out, self.judge.refuse(seal.now, why, mistaken.by))
            raise
        self.revision += 1
        if self.judge is None:
            self.judge = Judge(order.site, seal.now, self.revision)
            changes = self.judge.begin(order.by, order.note)
        else:
            changes = self.judge.revise(order.site, seal.now, self.revision, order.by, order.note)
        self.adopt(order.site, self.judge, self.revision)
        out.revised = True
        self._note(out, changes)

    def _act(self, message: Message, seal: Seal, out: Folded) -> None:
        if self.judge is None:
            raise orders.Unreadable(NO_SITE)
        action = orders.action(message.payload)
        judged = self.judge.act(action, seal.now)
        if judged.rows:
            out.parts.append(Part(self.judge.revision.table, judged.rows))
        self._note(out, judged.changes)
        self._count(actions=1, derived=judged.derived)

    def ledger(self) -> dict[str, int]:
        """All counts since the log's beginning, the gate's under `gate.`."""
        gate = {} if self.judge is None else {f"gate.{k}": v for k, v in sorted(self.judge.gate.counts.items())}
        return {**dict(sorted(self.counts.items())), **gate}
