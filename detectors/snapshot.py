"""The judge's memory as arrays and plain data, and back. No pickle; nothing is written here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.alarm import Alarm, Hidden
from detectors.bank import Bank
from detectors.desk_load import Load
from detectors.desks import Notice
from detectors.detector import Finding, Verdict, Why
from detectors.hazards import Done, Hazard
from detectors.holding import Pending
from detectors.judge import Judge
from detectors.records import Change, Record
from detectors.revising import GATE, LATEST
from detectors.rule import Priority, Rule
from detectors.site import Site
from detectors.state import StateMismatch, arrays_of
from detectors.state import restore as restore_state
from detectors.verdicts import Verdicts

Arrays = dict[str, NDArray[Any]]


def snapshot(judge: Judge) -> tuple[Arrays, dict[str, Any]]:
    """(arrays, plain JSON-able data): all that `restore` needs beside the site."""
    verdicts = judge.verdicts
    held, pending = verdicts.holding.snapshot()
    arrays: Arrays = {f"holding.{name}": array for name, array in held.items()}
    arrays |= {f"gate.{name}": getattr(judge.gate, name) for name in GATE}
    arrays |= {f"latest_{name}": getattr(judge.latest, name) for name in LATEST}
    for k, bank in enumerate(verdicts.banks):
        arrays |= {f"bank.{k}.{name}": array for name, array in arrays_of(bank.state).items()}
    return arrays, {
        "now": judge.now,
        "revision": judge.revision.number,
        "banks": [[rule.name for rule in bank.rules] for bank in verdicts.banks],
        "counts": judge.gate.counts,
        "seen": [[rule, subject, now] for (rule, subject), now in verdicts.seen.items()],
        "broken": {name: _why(why) for name, why in verdicts.broken.items()},
        "restarted": [list(one) for one in verdicts.restarted],
        "pending": [[pair, _pending(p)] for pair, p in sorted(pending.items())],
        "records": [[*key, _record(r)] for key, r in sorted(judge.alarms.records.items())],
        "used": [[*key, number] for key, number in sorted(judge.alarms.used.items())],
        "active": sorted(judge.alarms.active),
        "hazards": [dataclasses.asdict(hazard) for hazard in judge.hazards.open.values()],
        "told": [[desk, [_notice(one) for one in told]] for desk, told in sorted(judge.desks.told.items())],
        "notices": [[*key, notice] for key, notice in sorted(judge.desks.notice_of.items())],
        "load": [[desk, _load(load)] for desk, load in judge.desks.load.items()],
        "counted": judge.desks.counted,
        "heard": [_change(change) for change in judge.heard],
        "handlings": judge.handlings.snapshot(),
    }


def restore(site: Site, arrays: Mapping[str, NDArray[Any]], plain: Mapping[str, Any]) -> Judge:
    """The judge as it was, but for rules whose memory has another form now: they learn anew (`Verdicts.anew`)."""
    judge = Judge(site, plain["now"], plain["revision"])
    verdicts = judge.verdicts
    verdicts.seen = {(rule, subject): now for rule, subject, now in plain["seen"]}
    verdicts.restarted = [(pair, now) for pair, now in plain.get("restarted", ())]
    pending = {pair: _pending_of(p) for pair, p in plain["pending"]}
    verdicts.holding.restore(_part(arrays, "holding."), pending)
    by_name = {rule.name: rule for rule in judge.revision.rules}
    verdicts.banks = [
        _bank(verdicts, [by_name[name] for name in names], _part(arrays, f"bank.{k}."), judge.now)
        for k, names in enumerate(plain["banks"])
    ]
    for name in GATE:
        setattr(judge.gate, name, np.array(arrays[f"gate.{name}"]))
    judge.gate.counts = dict(plain["counts"])
    for name in LATEST:
        setattr(judge.latest, name, np.array(arrays[f"latest_{name}"]))
    verdicts.broken = {name: Why(*why) for name, why in plain["broken"].items()}
    judge.alarms.records = {(rule, subject): _record_of(r) for rule, subject, r in plain["records"]}
    judge.alarms.used = {(rule, subject): number for rule, subject, number in plain.get("used", ())}
    judge.alarms.active = set(plain["active"])
    judge.hazards.restore(_hazard_of(hazard) for hazard in plain.get("hazards", ()))
    judge.desks.told = {desk: [_notice_of(one) for one in told] for desk, told in plain.get("told", ())}
    judge.desks.load |= {desk: _load_of(load) for desk, load in plain.get("load", ())}
    if "load" not in plain:  # an older version's snapshot: desks bear what stands
        for key, record in sorted(judge.alarms.standing(), key=lambda one: one[1].since):
            judge.desks.count(record.line(key, record.since, judge.revision.number, "standing"))
    judge.desks.counted = plain.get("counted", judge.desks.counted)
    judge.heard = [_change_of(change) for change in plain.get("heard", ())]
    judge.desks.notice_of = {(rule, subject): notice for rule, subject, notice in plain.get("notices", ())}
    judge.handlings.restore(plain.get("handlings", ()))
    return judge


def _part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _bank(verdicts: Verdicts, rules: Sequence[Rule], memory: Arrays, now: int) -> Bank:
    bank = verdicts.bank(rules)
    try:
        bank.state = restore_state(bank.state, memory)
    except StateMismatch:
        return verdicts.anew(bank, now)
    return bank


def _why(why: Why) -> list[Any]:
    return [why.key, dict(why.numbers)]


def _pending(pending: Pending) -> dict[str, Any]:
    plain = dataclasses.asdict(dataclasses.replace(pending, finding=None))  # type: ignore[arg-type]
    finding = pending.finding
    values = [getattr(finding, f.name) for f in dataclasses.fields(finding) if f.name != "why"]
    return plain | {"finding": [*values, _why(finding.why)]}


def _pending_of(plain: Mapping[str, Any]) -> Pending:
    at, row, subject, verdict, time, value, limit, why = plain["finding"]
    finding = Finding(at, row, subject, Verdict(verdict), time, value, limit, Why(*why))
    known = {name: plain[name] for name in ("since", "time", "arrived")}
    return Pending(Verdict(plain["verdict"]), **known, finding=finding, timely=plain.get("timely", True))


def _notice(one: Notice) -> dict[str, Any]:
    return {"line": _change(one.line), "joined": one.joined, "worst": one.worst}


def _notice_of(plain: Mapping[str, Any]) -> Notice:
    return Notice(_change_of(plain["line"]), plain["joined"], Priority(plain["worst"]))


def _change(change: Change) -> dict[str, Any]:
    return {f.name: getattr(change, f.name) for f in dataclasses.fields(change)} | {"why": _why(change.why)}


def _change_of(plain: Mapping[str, Any]) -> Change:
    return Change(**{**plain, "why": Why(*plain["why"])})


def _load(load: Load) -> dict[str, Any]:
    standing = [[*key, since] for key, since in load.standing.items()]
    return {"called": load.called, "heard": load.heard, "standing": standing, "flooded": load.flooded}


def _load_of(plain: Mapping[str, Any]) -> Load:
    called = [(at, (rule, sensor)) for at, (rule, sensor) in plain["called"]]
    standing = {(rule, sensor): since for rule, sensor, since in plain["standing"]}
    return Load(called, plain["heard"], standing, plain["flooded"])


def _record(record: Record) -> dict[str, Any]:
    plain = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    return plain | {"alarm": list(dataclasses.astuple(record.alarm)), "why": _why(record.why)}


def _record_of(plain: Mapping[str, Any]) -> Record:
    active, acked, latched, hidden, occurrence = plain["alarm"]
    alarm = Alarm(active, acked, latched, Hidden(hidden), occurrence)
    known = dict(plain) | {"alarm": alarm, "priority": Priority(plain["priority"]), "why": Why(*plain["why"])}
    return Record(**known)


def _hazard_of(plain: Mapping[str, Any]) -> Hazard:
    done = [Done(**{**one, "evidence": tuple(one["evidence"])}) for one in plain["done"]]
    return Hazard(**{**plain, "priority": Priority(plain["priority"]), "done": done})
