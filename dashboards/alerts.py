"""Grafana's alert rules: one for each priority over `alarm_state`, two on the pipeline, one that fires while all lives.

Constraints. Missing data or a dead pipeline must never read as "resolved": a window of 24 h with last(), KeepLast where
nothing or an error comes back (Grafana >= 10.4.1), missing series kept. One number a query. A query of a rule that is
empty makes the whole rule one without data, so those that only fetch value and limit for the message have a branch that
answers wherever the first one does. Labels are identity and stable: those of `alarm_state`, and system, part, priority.
A query names its site. Not here: who is told (contacts.py). Source: reference grafana.md sections 4, 6 and 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dashboards.panels import SOURCE, Json
from dashboards.query import TAGS, quoted
from dashboards.texts import Words
from detectors.rule import Priority

SYSTEM = "davylamp"
"""The label `system` of every rule of ours: routes, silences and lists go by it."""
FOLDER = "davylamp-alarms"
GROUP = "davylamp"
DEAD_MAN_RULE = "davylamp-dead-man"
INSTANCE = f'{TAGS},"test"'
"""Labels of one alarm: what a test raised is another than the real one, so that its notice says TEST."""
INTERVAL = 10
"""s between evaluations; Grafana's least."""
DAY = 86_400
SILENT = "60s"
"""A pipeline unheard for so long is dead; it writes each 10 s."""
BEHIND = 60.0
"""s that judging may be behind."""
EXPRESSION = {"type": "__expr__", "uid": "__expr__"}
NONE = 10**15
"""Stands, below zero, for a value that an alarm has not."""
NoData: TypeAlias = Literal["KeepLast", "Alerting", "OK"]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule: the newest value of each series of a query, held against an evaluator."""

    uid: str
    title: str
    query: str
    evaluator: tuple[Literal["gt", "lt", "within_range"], tuple[float, ...]]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    missing: NoData
    """What no data and an error read as."""
    told: Mapping[str, str] = field(default_factory=dict)
    """Queries that only fetch a number for the message, by the annotation that it becomes."""
    window: int = DAY
    """s"""
    patience: str = "0s"
    source: str = SOURCE
    """uid of the data source."""

    @property
    def keeps(self) -> bool:
        """Whether it needs KeepLast, which came with Grafana 10.4.1."""
        return self.missing == "KeepLast"

    def json(self) -> Json:
        """What API and file share."""
        return {
            "uid": self.uid, "title": self.title, "condition": "C", "for": self.patience, "isPaused": False,
            "noDataState": self.missing, "execErrState": self.missing, "labels": dict(self.labels),
            "annotations": {**self.annotations, **{name: _number(_refs(k)[1]) for k, name in enumerate(self.told)}},
            "data": [self._asked("A", self.query), _reduced("A", "B"), self._compared(), *self._fetched()],
        }  # fmt: skip

    def _asked(self, ref: str, query: str) -> Json:
        source = {"type": "influxdb", "uid": self.source}
        model = {"datasource": source, "rawQuery": True, "resultFormat": "time_series", "query": query}
        return _step(ref, self.source, self.window, model)

    def _fetched(self) -> Iterator[Json]:
        for k, query in enumerate(self.told.values()):
            asked, reduced = _refs(k)
            yield from (self._asked(asked, query), _reduced(asked, reduced))

    def _compared(self) -> Json:
        kind, params = self.evaluator
        condition = {"type": "query", "evaluator": {"type": kind, "params": list(params)}, "operator": {"type": "and"},
                     "query": {"params": ["B"]}, "reducer": {"type": "last", "params": []}}  # fmt: skip
        return _step("C", "__expr__", 0, {"type": "threshold", "expression": "B", "conditions": [condition],
                                          "datasource": EXPRESSION})  # fmt: skip


def _refs(place: int) -> tuple[str, str]:
    """The names of a fetching query and of its newest value, after A, B and C."""
    return "DFHJ"[place], "EGIK"[place]


def _number(ref: str) -> str:
    """A value as text; nothing where the alarm has none, or where Grafana has no such value."""
    value = f'{{{{ if lt -{NONE / 10:.0e} .Value }}}}{{{{ printf "%.5g" .Value }}}}{{{{ end }}}}'
    return f"{{{{ with $values.{ref} }}}}{value}{{{{ end }}}}"


def _reduced(asked: str, ref: str) -> Json:
    return _step(ref, "__expr__", 0, {"type": "reduce", "expression": asked, "reducer": "last",
                                      "settings": {"mode": "dropNN"}, "datasource": EXPRESSION})  # fmt: skip


def _step(ref: str, source: str, window: int, model: Json) -> Json:
    return {"refId": ref, "queryType": "", "relativeTimeRange": {"from": window, "to": 0}, "datasourceUid": source,
            "model": {"refId": ref, "intervalMs": 1000, "maxDataPoints": 43200, **model}}  # fmt: skip


def alert_rules(site: str, words: Words, page: str, panel: int, dead_man: bool) -> list[AlertRule]:
    """Every rule of a site. `panel` is that of the overview that shows it; `dead_man` says someone awaits it."""
    seen = {"__dashboardUid__": "davylamp-overview", "__panelId__": str(panel)}
    priorities = [one for one in sorted(Priority, reverse=True) if one > Priority.LOG]
    rules = [*(_alarm(site, one, words, page, seen) for one in priorities), _dead(site, words, seen),
             _behind(site, words, seen)]  # fmt: skip
    return [*rules, _living(site, words)] if dead_man else rules


def _alarm(site: str, priority: Priority, words: Words, page: str, seen: Mapping[str, str]) -> AlertRule:
    name = priority.name.lower()
    asked = 'SELECT last("standing") AS "standing" FROM "alarm_state" WHERE $timeFilter AND '
    highest = priority == max(Priority)
    return AlertRule(
        uid=f"davylamp-{name}",
        title=words("alert_title", priority=words(name)),
        query=f"{asked}{_of(site)} GROUP BY {INSTANCE}",
        evaluator=("gt", (priority - 0.5,)) if highest else ("within_range", (priority - 0.5, priority + 0.5)),
        labels={"system": SYSTEM, "part": "alarm", "priority": name},
        annotations={"summary": "{{ with $labels.test }}{{ . }} {{ end }}{{ $labels.area }} {{ $labels.sensor }}: "
                     "{{ $labels.rule }} ({{ $labels.kind }})",
                     "page": f"{page}/sensor/{{{{ $labels.sensor }}}}", **seen},
        missing="KeepLast",
        told={name: _newest(site, name) for name in ("value", "limit")},
    )  # fmt: skip


def _newest(site: str, name: str) -> str:
    """A field of `alarm_state`; -NONE where a pair has none, so that it answers wherever `standing` does."""
    branch = 'SELECT last("{}"){} AS "number" FROM "alarm_state" WHERE $timeFilter AND ' + _of(site)
    branches = (branch.format(name, ""), branch.format("standing", f" * 0 - {NONE}"))
    inner = ", ".join(f"({one} GROUP BY {INSTANCE})" for one in branches)
    return f'SELECT max("number") AS "{name}" FROM {inner} GROUP BY {INSTANCE}'


def _dead(site: str, words: Words, seen: Mapping[str, str]) -> AlertRule:
    return AlertRule(
        uid="davylamp-dead", title=words("dead_title"), query=heard(site), evaluator=("gt", (1.5,)),
        labels={"system": SYSTEM, "part": "heartbeat", "priority": "critical"},
        annotations={"summary": words("dead_means", site=site), **seen}, missing="Alerting", window=7 * DAY,
    )  # fmt: skip


def _behind(site: str, words: Words, seen: Mapping[str, str]) -> AlertRule:
    return AlertRule(
        uid="davylamp-behind", title=words("behind_title"), query=lag(site), evaluator=("gt", (BEHIND,)),
        labels={"system": SYSTEM, "part": "behind", "priority": "high"},
        annotations={"summary": words("behind_means", site=site), **seen}, missing="OK", patience="1m",
    )  # fmt: skip


def _living(site: str, words: Words) -> AlertRule:
    """Fires while Davylamp, InfluxDB and Grafana live; whoever receives it alarms when it stops coming."""
    return AlertRule(
        uid=DEAD_MAN_RULE, title=words("dead_man_title"), query=heard(site), evaluator=("lt", (1.5,)),
        labels={"system": SYSTEM, "part": "dead-man"}, annotations={"summary": words("dead_man_means", site=site)},
        missing="OK", window=7 * DAY,
    )  # fmt: skip


def heard(site: str) -> str:
    """1 while the pipeline is heard, 2 once it was silent for SILENT; no series where it never was heard."""
    branch = 'SELECT last("lag") * 0 + {} AS "age" FROM "pipeline" WHERE time > now() - {} AND ' + _of(site)
    branch += ' GROUP BY "site"'
    return f'SELECT min("age") AS "age" FROM ({branch.format(1, SILENT)}), ({branch.format(2, "7d")}) GROUP BY "site"'


def lag(site: str) -> str:
    """s that judging is behind; no series while nothing is heard, which is `heard`'s affair."""
    return f'SELECT last("lag") AS "lag" FROM "pipeline" WHERE time > now() - {SILENT} AND {_of(site)} GROUP BY "site"'


def _of(site: str) -> str:
    return f"\"site\" = '{quoted(site)}'"
