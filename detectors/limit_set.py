"""`use = "methane.T1"`: a ladder of rules made of a jurisdiction's limits, each with its clause.

Constraints. No limit is a constant in code: all come from the document's "limit_set" (limits/*.toml). A value from
recall [R] needs a person's confirmation on a live site; a looser value a deviation with a reason. Not a legal opinion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detectors.document import Table, as_unit, is_number, nearest, of_family, shown
from detectors.rule import Priority
from detectors.units import UnitError, duration_ns

LIMIT_KEYS: Mapping[str, str] = {
    "rung": "text. Name of the step, lowest first: warn, cut, withdraw.",
    "place": "text. Where the clause applies.",
    "unit": "unit of trip and reset.",
    "side": '"above" (trips at or above, where not given) or "below".',
    "trip": "number. The clause's level.",
    "reset": "number. The clause's own end of it.",
    "delay": "duration that the clause grants.",
    "kind": "detector kind; signal.limit where not given.",
    "window": "duration over which the clause averages (gas.stel); 15min where not given.",
    "over": 'what the clause divides a dose by (dust.shift_twa): "8h"; the whole shift where not given.',
    "priority": "critical, high, medium, low.",
    "action": "text. What the clause demands.",
    "clause": "text.",
    "source": "text. What was read, or to be read.",
    "mark": '"V" the text was seen, "R" from recall.',
    "reset_mark": "the same of the reset where it differs.",
    "note": "text.",
}
TRIPS: Mapping[str, str] = {"dust.explosion": "fraction", "health.calibration": "every"}
"""Kinds whose trip is another parameter than `limit`."""
PLAIN = ("dust.explosion", "slope.tangent_angle")
"""Kinds whose trip is a plain number in the one unit it can have."""
CHANGES = ("trip", "reset", "delay", "priority")
USE_KEYS = ("use", "change", "confirmed", "deviation")
SIGNED = re.compile(r".+,\s*\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder as the data of a rule: name suffix, keys, place in the ladder."""

    name: str
    data: Mapping[str, Any]
    place: int


def expand(table: Table, limit_set: Mapping[str, Any], live: bool) -> list[Rung]:
    """The rungs of a rule that says `use`; none, with mistakes noted, where it cannot be."""
    use = table.text("use")
    entries = _found(table, use, limit_set)
    changes = table.table("change", [str(entry["rung"]) for entry in entries] if entries else None)
    rungs = [_rung(table, use, entry, changes, place) for place, entry in enumerate(entries)]
    for entry in entries:
        if live and "R" in (entry.get("mark"), entry.get("reset_mark")) and not _confirmed(table, str(entry["rung"])):
            value = f"an unconfirmed value [R] in {use}.{entry['rung']} ({entry['clause']})"
            table.wrong(("use",), value, 'confirmed = "name, 2026-01-31" once somebody has read the clause')
    return rungs


def _found(table: Table, use: str, limit_set: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    names = [f"{kind}.{place}" for kind, places in limit_set.items() if isinstance(places, Mapping) for place in places]
    if not names:
        table.wrong(("use",), shown(use), 'limits = "cn" (or "us", "eu") in [site], which brings a limit set')
        return ()
    if use not in names:
        if use:
            family = of_family(use, names)
            more = ", or another (`davylamp detectors --limits`)" if len(family) < len(names) else ""
            table.wrong(("use",), shown(use), ", ".join(family) + more, nearest(use, names))
        return ()
    kind, _, place = use.partition(".")
    entries: Sequence[Mapping[str, Any]] = limit_set[kind][place]
    return entries


def _confirmed(table: Table, rung: str) -> bool:
    value = table.data.get("confirmed")
    words = value.get(rung) if isinstance(value, Mapping) else value
    if words is None:
        return False
    if not isinstance(words, str) or not SIGNED.fullmatch(words):
        table.wrong(("confirmed",), shown(words), 'a name and a date: "Li Wei, 2026-01-31"')
    return True


def _rung(table: Table, use: str, entry: Mapping[str, Any], changes: Table, place: int) -> Rung:
    rung = str(entry["rung"])
    settled = {key: entry.get(key) for key in CHANGES}
    if rung in changes:
        settled |= _changed(table, entry, changes.table(rung, CHANGES))
    kept = {key: value for key, value in table.data.items() if key not in USE_KEYS}
    data = {
        "consequence": entry["action"],
        **kept,
        "detector": _detector(table, entry, settled),
        "priority": settled["priority"],
        "on_delay": settled.get("delay") or "0s",
        "citation": f"{entry['clause']} ({entry['source']})",
        "mark": entry["mark"],
    }
    return Rung(rung, data, place)


def _detector(table: Table, entry: Mapping[str, Any], settled: Mapping[str, Any]) -> dict[str, Any]:
    """The clause's parameters, beside those of the rule that the clause leaves open (an MEC, a coverage)."""
    kind, unit = str(entry.get("kind", "signal.limit")), entry["unit"]
    set_by_clause: dict[str, Any] = {"kind": kind}
    parameter = TRIPS.get(kind, "limit")
    set_by_clause[parameter] = settled["trip"] if kind in PLAIN else f"{settled['trip']!r} {unit}"
    if kind == "signal.limit":
        set_by_clause["side"] = entry.get("side", "above")
    if settled["reset"] is not None:
        set_by_clause["reset"] = f"{settled['reset']!r} {unit}"
    set_by_clause |= {key: entry[key] for key in ("window", "over") if key in entry}
    own = table.table("detector").data
    for key in own:
        if key in set_by_clause or key == "reset":
            table.wrong(
                ("detector", key), f"{key} beside use", "only what the clause leaves open; `change` for its values"
            )
    return {**own, **set_by_clause}


def _changed(table: Table, entry: Mapping[str, Any], change: Table) -> dict[str, Any]:
    """The site's own values of a rung, in the set's unit. Looser ones need the rule's `deviation`."""
    out: dict[str, Any] = {}
    for key in ("trip", "reset"):
        if key in change:
            try:
                out[key] = as_unit(change.data[key], str(entry["unit"]))
            except UnitError as error:
                change.wrong((key,), shown(change.data[key]), str(error))
    if change.duration("delay") is not None:
        out["delay"] = change.data["delay"]
    if "priority" in change:
        out["priority"] = change.choice("priority", [p.name.lower() for p in Priority], str(entry["priority"]))
    looser = [key for key in out if _looser(key, out[key], entry)]
    if looser and not table.text("deviation", ""):
        words = " and ".join(f"{key} {shown(change.data[key])}" for key in looser)
        change.wrong((looser[0],), f"{words}, looser than {entry['clause']}", 'a deviation = "reason" in the rule')
    return out


def _looser(key: str, value: Any, entry: Mapping[str, Any]) -> bool:
    if key == "delay":
        return duration_ns(value) > duration_ns(entry.get("delay") or "0s")
    if key == "priority":
        return Priority[value.upper()] < Priority[str(entry["priority"]).upper()]
    was = entry.get(key, entry["trip"])
    sign = -1 if entry.get("side") == "below" else 1
    return is_number(was) and sign * value > sign * was
