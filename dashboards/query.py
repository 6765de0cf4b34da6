"""InfluxQL that says "unknown" instead of an old value.

Constraints. Portable InfluxQL only (1.8+, 2.x, 3 Core). `last()` of a short window has no series once data stop, and
tiles would vanish: each present value is the larger of two branches, what was heard just now and "was known" (-1).
What is drawn over time leaves gaps open (`fill(null)`). Source: reference grafana-panels.md, where each form was seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboards.facts import Measure

FRESH = "30s"
"""A state older than this is unknown: `alarm_state` is written at least every 10 s."""
KNOWN = "24h"
TAGS = '"site","area","sensor","kind","rule"'
SITE = '"site" =~ /^$site$/'
HERE = f'{SITE} AND "area" =~ /^$area$/'
CHOSEN = f'{HERE} AND "sensor" =~ /^$sensor$/'


def levels(by: str) -> str:
    """The highest standing priority (0 to 4) by a tag; -1 where nothing was heard just now."""
    fresh, known = _states('last("standing") AS "level"', FRESH), _states('last("standing") * 0 - 1 AS "level"', KNOWN)
    return f'SELECT max("level") AS "level" FROM ({fresh}), ({known}) GROUP BY "{by}"'


def watching() -> str:
    """How many pairs of rule and subject are watched now; 0 once nothing is heard."""
    fresh, known = _states('last("watching") AS "w"', FRESH), _states('last("watching") * 0 AS "w"', KNOWN)
    return f'SELECT sum("w") AS "watching" FROM ({fresh}), ({known})'


def watched_pairs() -> str:
    """How many there are."""
    known = _states('last("watching") AS "w"', KNOWN)
    return f'SELECT count("w") AS "of" FROM ({known})'


def heart() -> str:
    """1 while judging is heard, 2 once it is not."""
    branch = 'SELECT last("lag") * 0 + {} AS "age" FROM "pipeline" WHERE time > now() - {} AND ' + SITE
    return f'SELECT min("age") AS "heart" FROM ({branch.format(1, FRESH)}), ({branch.format(2, KNOWN)})'


def present_alarms() -> str:
    """A row for each pair known within a day: its level now (none if unknown), as known, shown, since, occurrence."""
    branches = [_states('last("standing") AS "level"', FRESH, HERE)]
    branches.append(_states('last("standing") AS "known"', KNOWN, HERE))
    branches += [_states(f'last("{name}") AS "{name}"', KNOWN, HERE) for name in ("shown", "occurrence")]
    branches.append(_states('last("since") * 1000 AS "since"', KNOWN, HERE))
    rows = ", ".join(f"({branch})" for branch in branches)
    return f'SELECT "level","known","shown","since","occurrence","area","sensor","rule" FROM {rows}'


def _states(what: str, window: str, where: str = SITE) -> str:
    return f'SELECT {what} FROM "alarm_state" WHERE time > now() - {window} AND {where} GROUP BY {TAGS}'


def level_over_time(by: str = "area") -> str:
    """The highest level in each interval."""
    return (f'SELECT max("standing") AS "level" FROM "alarm_state" WHERE $timeFilter AND {HERE} '
            f'GROUP BY time($__interval), "{by}" fill(null)')  # fmt: skip


def journal(where: str = HERE, limit: int = 200) -> str:
    """The alarm events, newest first."""
    fields = ",".join(f'"{name}"' for name in ("change", "isa", "area", "sensor", "rule", "occurrence", "value",
                                               "limit", "why", "by", "note"))  # fmt: skip
    return f'SELECT {fields} FROM "alarm_event" WHERE $timeFilter AND {where} ORDER BY time DESC LIMIT {limit}'


def raised_events(where: str = HERE) -> str:
    """Why alarms were raised."""
    return f'SELECT "why","sensor","rule" FROM "alarm_event" WHERE $timeFilter AND "change" = \'raised\' AND {where}'


def desks(figure: str) -> str:
    """A figure of each desk, one a window of 10 min."""
    return (f'SELECT max("value") AS "value" FROM "reading" WHERE $timeFilter AND "sensor" =~ /^desk\\// '
            f"AND \"quantity\" = '{figure}' AND {SITE} GROUP BY time(10m), \"sensor\" fill(null)")  # fmt: skip


def raised(by: str) -> str:
    """How many alarms were raised and shown, by tags."""
    return (f'SELECT count("occurrence") AS "raised" FROM "alarm_event" WHERE $timeFilter AND "change" = \'raised\' '
            f'AND "isa" = \'B\' AND {HERE} GROUP BY {by}')  # fmt: skip


def over_time(measure: Measure, what: str = "max", where: str = HERE) -> str:
    """A quantity by sensor; gaps stay open."""
    return (f'SELECT {what}("value") AS "value" FROM "reading" WHERE $timeFilter AND {chosen(measure)} AND {where} '
            f'GROUP BY time($__interval), "sensor" fill(null)')  # fmt: skip


def present(measure: Measure, scale: float = 1.0) -> str:
    """The newest value of each sensor times a scale; -1 where it is older than three intervals."""
    fresh = f"{max(3 * measure.every // 10**9, 30)}s"
    one = f'SELECT last("value") * {scale:.6g} AS "value" FROM "reading" WHERE time > now() - {fresh}'
    two = f'SELECT last("value") * 0 - 1 AS "value" FROM "reading" WHERE time > now() - {KNOWN}'
    rest = f'AND {chosen(measure)} AND {HERE} GROUP BY "sensor"'
    return f'SELECT max("value") AS "value" FROM ({one} {rest}), ({two} {rest}) GROUP BY "sensor"'


def newest(measure: Measure, what: str = 'last("value")') -> str:
    """The newest value of each sensor, none where it is older than three intervals."""
    where = f"time > now() - {max(3 * measure.every // 10**9, 30)}s AND {chosen(measure)} AND {HERE}"
    return f'SELECT {what} AS "value" FROM "reading" WHERE {where} GROUP BY "sensor"'


def forecast(field: str) -> str:
    """One edge of the forecast band, from now on: what was forecast before is no history."""
    return (f'SELECT "{field}" FROM "forecast" WHERE $timeFilter AND time > now() - 10m AND {HERE} '
            'GROUP BY "sensor","rule"')  # fmt: skip


def heard(measures: Sequence[Measure], every: int) -> str:
    """Of each sensor 1 in time, 2 late (three intervals), 3 silent (twelve); the row's time is its newest reading's."""
    quantities = "|".join(re.escape(measure.quantity) for measure in measures)
    where = f'"quantity" =~ /^({quantities})$/ AND {HERE} GROUP BY "area","sensor"'
    spans = ((1, f"{max(3 * every // 10**9, 15)}s"), (2, f"{max(12 * every // 10**9, 60)}s"), (3, "7d"))
    parts = [f'(SELECT last("value") * 0 + {n} AS "age" FROM "reading" WHERE time > now() - {span} AND {where})'
             for n, span in spans]  # fmt: skip
    return f'SELECT min("age") AS "age" FROM {", ".join(parts)} GROUP BY "area","sensor"'


def quality(measure: Measure) -> str:
    """The worst quality flags in each ten minutes."""
    return (f'SELECT max("quality") AS "quality" FROM "reading" WHERE $timeFilter AND {chosen(measure)} AND {HERE} '
            'GROUP BY time(10m), "sensor" fill(null)')  # fmt: skip


def pipeline(*fields: str, what: str = "max") -> str:
    """The system's own figures."""
    chosen_fields = ", ".join(f'{what}("{name}") AS "{name}"' for name in fields)
    return f'SELECT {chosen_fields} FROM "pipeline" WHERE $timeFilter AND {SITE} GROUP BY time($__interval) fill(null)'


def chosen(measure: Measure) -> str:
    """What selects a measure's series: a sensor's quantity, or the column of the rules that derive it."""
    if not measure.derived:
        return f"\"quantity\" = '{quoted(measure.quantity)}'"
    rules = "|".join(re.escape(rule).replace("/", r"\/") for rule in sorted(measure.rules))
    return f'"sensor" =~ /\\/({rules})\\.{re.escape(measure.quantity)}$/'


def quoted(text: str) -> str:
    """A text inside single quotes of InfluxQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
