"""What programs get: the rows as JSON, with their reasons in words. Times are ns UTC; null is not known.

Constraints. Every answer has `version`; a name never changes its meaning within one. Not here: the stream (stream.py).
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from dashboards.console.board import World
from dashboards.console.hazards import in_order, overdue
from dashboards.console.order import annunciated, hidden, stale
from dashboards.console.reading import AlarmRow
from dashboards.console.stream import VERSION
from dashboards.console.view import Look, reason


def alarms_json(world: World, look: Look, *, everything: bool) -> dict[str, Any]:
    """Alarms in the page's order: those annunciated, the hidden that stand, then (if asked) all others."""
    shown = annunciated(world.alarms)
    rows = shown + [r for r in hidden(world.alarms) if r.standing]
    listed = {(r.rule, r.subject) for r in rows}
    if everything:
        rows += [r for r in world.alarms if (r.rule, r.subject) not in listed]
    return {**_head(world), "alarms": [_alarm(row, look) for row in rows]}


def sensors_json(world: World) -> dict[str, Any]:
    """Sensors in the site file's order; `stale` where the newest reading is older than three intervals."""
    now = world.status.now
    return {**_head(world), "sensors": [{**_clean(asdict(s)), "stale": stale(s, now)} for s in world.sensors.values()]}


def hazards_json(world: World) -> dict[str, Any]:
    """Open hazards, the first due first."""
    now = world.status.now
    rows = [{"name": row.name, **asdict(row), "overdue": overdue(row, now)} for row in in_order(world.hazards)]
    return {**_head(world), "hazards": rows}


def status_json(world: World, live: bool) -> dict[str, Any]:
    """The status, `live` as the page says it, and the ledger."""
    counts = {row.name: row.count for row in world.ledger}
    return {**_head(world), **asdict(world.status), "live": live, "error": world.error, "ledger": counts}


def _head(world: World) -> dict[str, Any]:
    return {"version": VERSION, "site": world.status.site, "simulated": world.status.simulated, "now": world.status.now}


def _alarm(row: AlarmRow, look: Look) -> dict[str, Any]:
    plain = _clean({n: getattr(row, n) for n in AlarmRow.__dataclass_fields__ if not n.startswith("why_")})
    why = {"key": row.why_key, "numbers": _clean(dict(row.why_numbers)), "words": reason(row, look)}
    return {**plain, "hidden": sorted(row.hidden), "standing": row.standing, "why": why}


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
