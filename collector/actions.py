"""What people ask for, on its way into the log, and judging's answer on its way back.

Constraints. An action is a message in the one log: asking writes it to the inbox, and only judging takes or refuses it.
The answer is the journal line that bears the action's id. No answer in time is neither yes nor no: it may still come.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from collector.decode import OWN_ALARM
from collector.errors import Unavailable
from collector.inbox import new_id, put
from collector.message import ACTION, OWN, REVISION, Message

WAIT = 5.0
"""s to wait for judging's answer."""
KINDS = ("acknowledge", "accept", "comment", "shelve", "unshelve", "out_of_service", "in_service", "reset", "assign",
         "did", "close")  # fmt: skip
REASONS = {
    "unknown_alarm": "there is no such rule and subject: `davylamp alarms --all` lists them",
    "other_occurrence": "it has come again since: look at `davylamp alarms` and name the present occurrence",
    "nobody": "say who with --by",
    "nothing_to_acknowledge": "it is acknowledged already, or nothing stands",
    "no_note": "it needs a reason: --note; for out-of-service a compensating measure: --measure",
    "never_shelved": "an alarm of this priority is never shelved",
    "not_shelved": "it is not shelved",
    "in_service_already": "it is in service",
    "nothing_to_reset": "nothing there waits for a reset: it is neither latched, nor removed, nor reported by a role",
    "no_end": "it needs an end that is still ahead: --end 30min",
    "no_hazard": "no open hazard holds it: `davylamp hazards` lists them",
    "no_owner": "say who has it with --to",
    "bad_evidence": "evidence is a file's SHA-256 digest, two spaces and its name: give the file with --evidence",
    "still_stands": "one of its alarms is active, or waits for a reset: `davylamp alarms`",
    "too_long": "that is too long: see --help for how long it may be",
    "unknown_sensor": "there is no such sensor: `davylamp sensors` lists them",
    "in_alarm": "not while an alarm of it stands: it would be lost among those of the test:",
    "handled": "it is in test or calibration already; --end ends that",
    "not_handled": "nothing of the kind runs there",
    "follows_another": "`follows` in the site file says something else of this sensor",
    "no_record": "give the gas, what was applied and the reading afterwards",
    "unknown_action": "judging knows no such action: are command and judge of the same version?",
}


class AlarmName(ValueError):
    """An alarm is spelled rule/subject#occurrence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One action of a person on one alarm; `until` is ns UTC."""

    kind: str
    rule: str
    subject: str
    by: str
    occurrence: int | None = None
    note: str = ""
    until: int | None = None
    measure: str = ""
    access: str = "typed"
    id: str = field(default_factory=new_id)
    owner: str = ""
    evidence: tuple[str, ...] = ()
    details: Mapping[str, float | str] = field(default_factory=dict)
    """What a calibration's record says."""
    address: str = ""
    """Where it came from, for those who look into the log; judging does not ask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What judging made of an action: "taken", "refused" or "unanswered", and why in words."""

    id: str
    outcome: str
    reason: str = ""
    line: dict[str, Any] = field(default_factory=dict)


class Answering(Protocol):
    """What is read of judging: `collector.judged.Judged`."""

    def answer(self, action: str) -> dict[str, Any] | None: ...


def alarm_name(text: str) -> tuple[str, str, int | None]:
    """rule, subject and occurrence of `rule/subject#occurrence`; without `#...` the occurrence is None.

    Raises `AlarmName` with what is allowed.
    """
    rule, slash, rest = text.partition("/")
    subject, mark, number = rest.rpartition("#") if "#" in rest else (rest, "", "")
    if not rule or not slash or not subject or (mark and not number.isdigit()):
        raise AlarmName(f"{text!r} is no alarm: write rule/subject#occurrence, as `davylamp alarms` shows it")
    return rule, subject, int(number) if mark else None


def ask(data: Path, asked: Asked) -> str:
    """Put the action on disk for judging; returns its id."""
    payload = {
        "id": asked.id,
        "kind": asked.kind,
        "rule": asked.rule,
        "subject": asked.subject,
        "occurrence": asked.occurrence,
        "by": asked.by,
        "note": asked.note,
        "until": asked.until,
        "measure": asked.measure,
        "access": asked.access,
        "owner": asked.owner,
        "evidence": asked.evidence,
        "details": dict(asked.details),
        "from": asked.address,
        "wall": time.time_ns(),
    }
    return put(data, Message("action", json.dumps(payload).encode(), ACTION, id=asked.id))


def ask_revision(data: Path, document: Any, by: str, note: str) -> str:
    """Put a new revision of the site on disk for judging; returns its id."""
    name = new_id()
    payload = {"id": name, "document": document, "by": by, "note": note, "wall": time.time_ns()}
    return put(data, Message("revision", json.dumps(payload).encode(), REVISION, id=name))


def own_alarm(data: Path, rule: str, subject: str, active: bool, detail: str = "") -> str:
    """Put on disk for judging that an alarm about the system itself begins or ends; returns its id.

    Raises `Unavailable` where the disk does not take it: say it again later.
    """
    payload = {"rule": rule, "subject": subject, "active": active, "detail": detail}
    try:
        return put(data, Message(OWN_ALARM, json.dumps(payload).encode(), OWN, id=new_id()))
    except OSError as error:
        raise Unavailable(f"{data / 'inbox'}: {error}") from error


def act(data: Path, judged: Answering, asked: Sequence[Asked], wait: float = WAIT) -> list[Answer]:
    """Ask for all, then wait for all answers together, `wait` s at most; in the order asked."""
    return await_answers(judged, [ask(data, one) for one in asked], wait)


def await_answers(judged: Answering, names: Sequence[str], wait: float = WAIT) -> list[Answer]:
    """Judging's answers to what was asked under these ids."""
    found: dict[str, dict[str, Any]] = {}
    end = time.monotonic() + wait
    while len(found) < len(names):
        for name in names:
            line = None if name in found else judged.answer(name)
            if line is not None:
                found[name] = line
        if len(found) == len(names) or time.monotonic() >= end:
            break
        time.sleep(0.05)
    return [_answer(name, found.get(name)) for name in names]


def _answer(name: str, line: dict[str, Any] | None) -> Answer:
    if line is None:
        reason = "judging has not answered yet: is `davylamp run` running on this data folder? It may still be taken"
        return Answer(name, "unanswered", reason)
    if line["change"] != "refused":
        return Answer(name, "taken", "", line)
    key = str((line.get("why") or {}).get("key", ""))
    return Answer(name, "refused", REASONS.get(key.removeprefix("judge.refused."), key), line)
