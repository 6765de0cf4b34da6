"""A backtest and a tuned limit as a person reads them, and the reason that goes with the revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from collector.actions import REASONS
from collector.backtesting import Backtest, Difference, Tried
from collector.scoring import plain
from collector.scoring_text import curve, number, rate, share, spread
from collector.sweeping import PROMISE, Point, Tuned
from collector.times import SECOND, shown
from collector.verb import table

WHATS = ("gained", "lost", "earlier", "later", "split", "joined", "same")
FIGURES = ("alarms", "per 10 min", "most in 10 min", "in flood")


def words(found: Backtest, differing: Sequence[str], zone: str, most: int) -> str:
    """The whole comparison. `differing`: what the changed file changes, in words; `most` differences are listed."""
    place = ZoneInfo(zone)
    parts = [
        *_about(found, place),
        "",
        "what the other file changes",
        *(f"  {one}" for one in differing or ["nothing"]),
    ]
    parts += ["", _rules(found), "", _desks(found)]
    if found.present.score and found.changed.score:
        parts += ["", _scores(found)]
    listed = [one for one in found.differences if one.what != "same"]
    if listed:
        parts += ["", f"differences, {min(most, len(listed))} of {len(listed)}", _list(listed[:most], place)]
    if found.refused:
        parts += ["", "actions of the log that would not fit any more", *(_action(one, place) for one in found.refused)]
    return "\n".join(parts)


def _about(found: Backtest, zone: ZoneInfo) -> list[str]:
    course, other = found.present.course, found.changed.course
    span = f"{shown(course.start, zone)} to {shown(course.end, zone)}"
    out = [f"{course.readings:,} readings, {span}, judged twice from the beginning"]
    if course.revisions:
        out.append(f"the log's own revisions ({course.revisions}) are left out: the given files stand for all of them")
    if course.begins > 1:
        out.append(f"the log begins at seal {course.begins}: what stood before is not known to either")
    for tried, name in ((course, "present"), (other, "other")):
        out += [
            f"{name} file: {n:,} readings of {sensor}, which it does not have" for sensor, n in tried.unknown.items()
        ]
        out += [f"{name} file: {n:,} messages cannot be read, {reason}" for reason, n in tried.dead.items()]
    return out


def _rules(found: Backtest) -> str:
    rows = []
    for rule, counts in found.of_rule().items():
        both = sum(counts.get(what, 0) for what in ("earlier", "later", "same"))
        before, after = (
            both + sum(counts.get(what, 0) for what in ones) for ones in (("lost", "joined"), ("gained", "split"))
        )
        rows.append((rule, before, after, *(counts.get(what, 0) for what in WHATS)))  # type: ignore[call-overload]
    return table(("rule", "present", "other", *WHATS), rows, ("present", "other", *WHATS))


def _desks(found: Backtest) -> str:
    rows = []
    for desk, both in found.desks.items():
        for name, one in zip(("present", "other"), both, strict=True):
            rows.append((desk, name, one.alarms, f"{one.per_window:.3g}", one.most, share(one.in_flood)))
    return table(("desk", "file", *FIGURES), rows, FIGURES)


def _scores(found: Backtest) -> str:
    head = ("rule", "file", "truths", "found", "missed", "delay s", "lead s", "false", "a month (95 %)")
    rows = []
    for name, tried in (("present", found.present), ("other", found.changed)):
        for part in tried.score.rules if tried.score else ():
            rows.append((
                part.name, name, part.truths, part.detected, part.missed, spread(part.delay), spread(part.lead),
                part.false.count, rate(part.false),
            ))  # fmt: skip
    return table(head, sorted(rows, key=lambda row: str(row[0])), head[2:])


def _list(ones: Sequence[Difference], zone: ZoneInfo) -> str:
    rows = [
        (one.what, shown(one.of.raised, zone), one.of.name, moved(one.shift), one.of.value, one.of.limit)
        for one in ones
    ]
    return table(("what", "time", "alarm", "by", "value", "limit"), rows, ("value", "limit"))


def moved(shift: int) -> str:
    """How much earlier or later."""
    return f"{number(abs(shift) / SECOND)} s {'later' if shift > 0 else 'earlier'}" if shift else ""


def _action(line: Any, zone: ZoneInfo) -> str:
    asked = line.why.numbers.get("asked", "")
    reason = line.why.key.removeprefix("judge.refused.")
    who = f"{shown(line.now, zone)}  {asked} {line.rule}/{line.sensor} by {line.by}"
    return f"  {who}: {REASONS.get(reason, reason)}"


def reason(found: Backtest, differing: Sequence[str], zone: str) -> str:
    """The note for `davylamp apply`: what changes, and what that did in the backtest."""
    course, place = found.present.course, ZoneInfo(zone)
    total: dict[str, int] = {}
    for one in found.differences:
        total[one.what] = total.get(one.what, 0) + 1
    before, after = (sum(f.alarms for f in side) for side in zip(*found.desks.values(), strict=True))
    counts = ", ".join(f"{total[what]} {what}" for what in WHATS if total.get(what) and what != "same")
    return (
        f"{'; '.join(differing) or 'nothing changes'}. Backtest over {shown(course.start, place)} to "
        f"{shown(course.end, place)} ({course.readings:,} readings): {counts or 'no occurrence differs'}; "
        f"alarms that call a person {before} before, {after} after"
    )


def document(found: Backtest, differing: Sequence[str]) -> dict[str, Any]:
    """The comparison for a program. Times and shifts are ns."""

    def tried(one: Tried) -> dict[str, Any]:
        parts = None if one.score is None else [plain(part) for part in one.score.rules]
        return {"course": msgspec.to_builtins(one.course), "rules": parts}

    return {
        "version": 1,
        "changes": list(differing),
        "present": tried(found.present),
        "other": tried(found.changed),
        "rules": found.of_rule(),
        "desks": {desk: msgspec.to_builtins(both) for desk, both in found.desks.items()},
        "differences": [
            {"what": one.what, "shift": one.shift, "name": one.of.name, **msgspec.to_builtins(one.of)}
            for one in found.differences
            if one.what != "same"
        ],
        "refused": [{"now": one.now, "action": one.action, "why": one.why.key, "by": one.by} for one in found.refused],
    }


def tuned_words(found: Tuned, known: bool) -> str:
    """What was tried, what is within the budget, what it costs, and whether it can be promised."""
    lines = [curve(str(found.parameter), found.tried), ""]
    if not known:
        lines.append("no truth was given: every alarm counts as false, and the delay is not known")
    months = found.present.part.false.months
    budget = f"{found.budget:g} false alarms a month on one subject"
    if found.chosen is None:
        lines.append(f"no value tried is within {budget}: change the rule, not the limit")
    else:
        lines.append(
            f"{found.parameter} = {found.chosen.value} is the loosest within {budget}; present {found.present.value}"
        )
        lines.append(_cost(found.present, found.chosen) if known else "")
        if found.chosen is found.tried[-1]:
            lines.append("even the loosest value tried is within it")
    if not found.promised:
        seen = found.chosen.part.false.count if found.chosen else 0
        lines.append(
            f"NOT PROMISED: {months:.3g} subject-months are too short. To say so with {PROMISE:.0%}, "
            f"{found.months_needed:.3g} would be needed with {seen} false alarms in them"
        )
    else:
        lines.append(
            f"promised with {PROMISE:.0%}: {months:.3g} subject-months were watched, {found.months_needed:.3g} needed"
        )
    return "\n".join(line for line in lines if line)


def _cost(before: Point, after: Point) -> str:
    def of(point: Point) -> str:
        part = point.part
        return f"delay {spread(part.delay)} s, {part.missed} of {part.truths} missed, {rate(part.false)} a month"

    return f"before: {of(before)}\nafter:  {of(after)}"


def tuned_document(found: Tuned) -> Mapping[str, Any]:
    """The same for a program."""
    return {
        "version": 1,
        "parameter": str(found.parameter),
        "budget": found.budget,
        "present": found.present.value,
        "chosen": None if found.chosen is None else found.chosen.value,
        "promised": found.promised,
        "months_needed": found.months_needed,
        "tried": [{"value": point.value, **plain(point.part)} for point in found.tried],
    }


def tuned_reason(found: Tuned) -> str:
    """The note for `davylamp apply`."""
    if found.chosen is None:
        return ""
    held = "" if found.promised else "; too short to promise it"
    months = found.chosen.part.false.months
    return (
        f"{found.parameter}: {found.present.value} -> {found.chosen.value}, tuned to at most {found.budget:g} false "
        f"alarms a month: {found.chosen.part.false.count} in {months:.3g} subject-months{held}"
    )
