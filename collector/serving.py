"""The page's two protocols, answered from what judging and history have on disk.

Constraints. It reads; what people do goes through the inbox like any other action. Files are opened read-only, each
thread its own. Nothing is worded or ordered here, and nothing is decided.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from collector import actions
from collector.applying import in_force
from collector.errors import DavylampError
from collector.history import History
from collector.inbox import new_id
from collector.judged import Judged
from collector.ledger import SpoolCounts, balance, read_counts
from collector.verbs_hazards import last_done
from dashboards.console.acting import Answer, Asked, Reply
from dashboards.console.reading import (
    AlarmRow,
    HazardRow,
    LedgerRow,
    LimitLine,
    Line,
    Priority,
    SensorRow,
    Status,
    Unreadable,
    Watching,
)
from dashboards.facts import Limit, limits_by_series
from detectors.records import OWN_RULES
from detectors.rule import Priority as Urgency
from detectors.rule import Rule
from detectors.site import Site, read_site

log = logging.getLogger(__name__)
LEDGER_EVERY = 2.0
"""s between two countings."""
END_OF_TIME = 2**62
T = TypeVar("T")


class FromDisk:
    """`dashboards.console.reading.Reading` over one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = threading.local()
        self._lock = threading.Lock()
        self._spool = SpoolCounts(folder)
        self._counted: tuple[float, Sequence[LedgerRow]] = (-LEDGER_EVERY, ())
        self._missing = 0
        """What did not balance when last counted: roles commit between two reads, so only what lasts is shown."""
        self._site: tuple[int, Site | None] = (0, None)

    def status(self) -> Status:
        """Site, revision, how far judging is, how much is watched."""
        found = self._read(lambda: self._judged.status())
        if "site" not in found:
            raise Unreadable("no site file is in force yet; see `davylamp run` and `davylamp apply`")
        return Status(
            site=found["site"],
            timezone=found["timezone"],
            simulated=bool(found["simulated"]),
            revision=found["revision"],
            now=found["now"],
            behind=time.time_ns() - found["wall"],
            watching=Watching(found["watching"], found["of"]),
        )

    def alarms(self) -> Sequence[AlarmRow]:
        """Every pair of rule and subject."""
        site = self._in_force()
        rules = {} if site is None else {rule.name: rule for rule in site.rules}
        states = {} if site is None else {name: sensor.states for name, sensor in site.sensors.items()}
        return [_alarm(row, rules, states) for row in self._read(lambda: self._judged.alarms())]

    def hazards(self) -> Sequence[HazardRow]:
        """Every open hazard."""
        return [_hazard(row) for row in self._read(lambda: self._judged.hazards())]

    def sensors(self) -> Sequence[SensorRow]:
        """Every sensor of the registry, in the site file's order."""
        return [_sensor(row) for row in self._read(lambda: self._judged.sensors())]

    def ledger(self) -> Sequence[LedgerRow]:
        """Counts in the order in which a reading passes them; counted anew at most every LEDGER_EVERY s."""
        with self._lock:
            if time.monotonic() - self._counted[0] >= LEDGER_EVERY:
                counts = self._read(lambda: read_counts(self._folder, self._spool))
                missing = sum(abs(one.missing) for one in balance(counts))
                lasting, self._missing = min(missing, self._missing), missing
                rows = [LedgerRow(name, count) for name, count in counts.items()]
                self._counted = time.monotonic(), [LedgerRow("not_accounted_for", lasting), *rows]
            return self._counted[1]

    def lines(self, sensor: str, since: int) -> Sequence[Line]:
        """The sensor's own series, then those derived from it, with limits."""
        site = self._in_force()
        if site is None or sensor not in site.sensors:
            return []
        about = site.sensors[sensor]
        named = self._read(lambda: [row for row in self._judged.series().values() if row.sensor == sensor])
        shown = [row for row in named if not row.name.startswith("@")]
        limits = limits_by_series(site)
        shown.sort(key=lambda row: (row.name != sensor, row.name))
        lines = []
        for row in shown:
            times, values, _ = self._read(lambda row=row: self._history.window(row.name, since, END_OF_TIME))  # type: ignore[misc]
            own = row.name == sensor
            lines.append(
                Line(
                    row.name, row.quantity, row.unit, times.tolist(), values.tolist(),
                    _limit_lines(limits.get(row.name, set())),
                    about.every, about.states if own else (),
                )
            )  # fmt: skip
        return lines

    def _in_force(self) -> Site | None:
        revision = int(self._read(lambda: self._judged.status()).get("revision", 0))
        with self._lock:
            if revision != self._site[0]:
                document = self._read(lambda: in_force(self._folder))
                self._site = revision, None if document is None else read_site(document)
            return self._site[1]

    @property
    def _judged(self) -> Judged:
        if not hasattr(self._own, "judged"):
            self._own.judged = Judged(self._folder)
        return cast(Judged, self._own.judged)

    @property
    def _history(self) -> History:
        if not hasattr(self._own, "history"):
            self._own.history = History(self._folder)
        return cast(History, self._own.history)

    @staticmethod
    def _read(what: Callable[[], T]) -> T:
        try:
            return what()
        except DavylampError as error:
            raise Unreadable(str(error)) from error


class ThroughInbox:
    """`dashboards.console.acting.Acting` over one data folder."""

    def __init__(self, folder: Path, wait: float = actions.WAIT) -> None:
        self._folder, self._wait = folder, wait

    def act(self, asked: Asked) -> Answer:
        """Put the action into the log and wait for judging's answer."""
        wanted = actions.Asked(
            asked.kind, asked.rule, asked.subject, asked.by, asked.occurrence, asked.note, asked.until,
            asked.measure, access(asked), asked.id or new_id(), asked.owner, address=asked.address,
        )  # fmt: skip
        judged = Judged(self._folder)
        try:
            (answer,) = actions.act(self._folder, judged, [wanted], self._wait)
        except DavylampError as error:
            log.error("action=%s unanswered reason=%s", wanted.id, error)
            return Answer(Reply.UNANSWERED)
        finally:
            judged.close()
        why = dict(answer.line.get("why") or {})
        return Answer(Reply(answer.outcome), str(why.pop("key", "")), why)


def access(asked: Asked) -> str:
    """How an action names who may ask for it: "login:operator", "console:engineer", "link", "typed"."""
    return f"{asked.means}:{asked.access}" if asked.means else asked.access


def _limit_lines(limits: Iterable[Limit]) -> list[LimitLine]:
    return [LimitLine(one.rule, _priority(one.priority), one.value) for one in sorted(limits)]


def _priority(priority: Urgency) -> Priority:
    return cast(Priority, priority.name.lower())


def _alarm(row: Mapping[str, Any], rules: Mapping[str, Rule], states: Mapping[str, tuple[str, ...]]) -> AlarmRow:
    why = dict(row["why"])
    inputs = row.get("inputs", ())
    rule = rules.get(row["rule"])
    return AlarmRow(
        rule=row["rule"],
        subject=row["subject"],
        area=row["area"],
        kind=row["kind"],
        priority=row["priority"],
        occurrence=row["occurrence"],
        active=row["active"],
        acked=row["acked"],
        latched=row["latched"],
        hidden=frozenset(row["hidden"]),
        watching=row["watching"],
        value=row["value"],
        limit=row["limit"],
        unit=row.get("unit", ""),
        states=states.get(inputs[0], ()) if len(inputs) == 1 else (),
        why_key=str(why.pop("key", "")),
        why_numbers=why,
        since=row["since"] or 0,
        time=row["time"] or 0,
        sensors=tuple(name for name in inputs if name in states),
        guidance=row["guidance"],
        consequence=row["consequence"],
        citation=row.get("citation", ""),
        respond_within=None if rule is None else rule.respond_within,
        desk=row.get("desk", ""),
        notice=row.get("notice", ""),
        accepted_by=row["accepted_by"],
        note=row["note"],
        until=row["until"],
        removed=row["removed"] and row["rule"] not in OWN_RULES,
        test=bool(row.get("test")),
    )


def _hazard(row: Mapping[str, Any]) -> HazardRow:
    names = ("rule", "subject", "occurrence", "area", "priority", "opened", "due", "owner")
    alarms = sum(one["count"] for one in row["occurrences"])
    return HazardRow(**{name: row[name] for name in names}, alarms=alarms, done=last_done(row))


def _sensor(row: Mapping[str, Any]) -> SensorRow:
    handling = row.get("handling") or {}
    return SensorRow(
        sensor=row["sensor"],
        area=row["area"],
        quantity=row["quantity"],
        unit=row["unit"],
        value=row["value"],
        quality=row["quality"],
        time=row["time"] or None,
        arrived=row["arrived"] or None,
        every=row["every"],
        states=tuple(row.get("states", ())),
        handled=handling.get("kind", ""),
        handled_until=handling.get("until", 0),
    )
